"""Some damaged dialogues at whole servers; `make fuzz` takes longer."""

from dataclasses import replace

import pytest

from server.imap.commands.table import TABLE
from tests.stress.fuzz import TARGETS, Broken, some
from tests.stress.mutation import Mutator, numbered


@pytest.mark.parametrize("protocol", TARGETS)
@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_dialogues(tmp_path, protocol, seed):
    await some(protocol, tmp_path, Mutator(protocol, seed), 40)


@pytest.mark.parametrize("protocol", TARGETS)
def test_there_is_something_to_damage(protocol):
    assert len(numbered(protocol)) > 2
    assert Mutator(protocol, 3).draw() == Mutator(protocol, 3).draw()


async def test_a_bug_is_found_out(tmp_path, monkeypatch):
    async def broken(_ctx, _command):
        raise KeyError

    class Sound(Mutator):
        def draw(self):
            return b"a CAPABILITY\r\n"

    monkeypatch.setitem(TABLE, "CAPABILITY", replace(TABLE["CAPABILITY"], handler=broken))
    with pytest.raises(Broken, match="command_failed"):
        await some("imap", tmp_path, Sound("imap", 1), 1)
