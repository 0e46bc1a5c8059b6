import asyncio

import pytest

from server.db.errors import DatabaseFull
from tests.fakes.imap_house import message


@pytest.mark.parametrize("command", ['LIST "" {}', 'LIST "{}" *', 'LSUB "" {}', 'LIST "" (a {})', 'LSUB "{}" %'])
async def test_t125_patterns_are_no_longer_than_names_can_need(house, command):
    client = await house.signed_in()
    fits, long = "%a" * 900, "%a" * 1_100
    await client.ok(command.format(fits))
    _, status = await client.ask(command.format(long))
    assert status.startswith(b"BAD")


async def test_t125_matching_is_not_done_on_the_event_loop(house, monkeypatch):
    client = await house.signed_in()
    loops = []

    def matches(_self, _name):
        try:
            loops.append(asyncio.get_running_loop())
        except RuntimeError:
            loops.append(None)
        return True

    monkeypatch.setattr("server.imap.commands.names.Pattern.matches", matches)
    assert await client.ok('LIST "" *')
    assert set(loops) == {None}


@pytest.mark.parametrize("command", ['LIST "" "*"', 'LIST "" "*" RETURN (STATUS (MESSAGES))'])
async def test_a_disk_that_is_full_hides_no_mailbox(house, monkeypatch, command):
    """The virtual mailboxes are made and filled by LIST; where that cannot be, the others are listed all the same."""
    client = await house.signed_in()
    await client.ok('LIST "" "*" RETURN (STATUS (MESSAGES))')
    house.append(message("One"), flags=("work",))

    async def full(*_):
        raise DatabaseFull

    monkeypatch.setattr(house.store, "write", full)
    lines = await client.ok(command)
    assert rb'* LIST (\HasNoChildren) "/" "INBOX"' in lines
    assert b"Labels/work" not in b"".join(lines)
    monkeypatch.undo()
    assert b"Labels/work" in b"".join(await client.ok(command))
