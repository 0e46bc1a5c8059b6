"""Our own IMAP server as the external provider: one house collects from another."""

from dataclasses import replace

import pytest

from fetcher import account
from tests.fakes.imap_house import PASSWORD, House
from tests.fakes.pop3_server import letters
from tests.fetcher.conftest import world  # noqa: F401 - a fixture

pytestmark = pytest.mark.interop


@pytest.fixture
async def other(tmp_path):
    house = await House(tmp_path / "other").start()
    yield house
    await house.stop()


async def test_one_house_collects_from_another(world, other):  # noqa: F811 - the fixture
    raws = letters(25, size=3000)
    for raw in raws:
        other.append(raw)
    world.add(protocol="imap", port=other.port, username="ann@example.org", password=PASSWORD)
    report = await world.fetch()
    assert (report.delivered, report.error) == (25, None)
    assert sorted(world.delivered()) == sorted(raws)
    client = await other.signed_in(mailbox="INBOX")
    assert not any(b"\\Seen" in line for line in await client.ok("UID FETCH 1:* (FLAGS)"))

    other.append(letters(1, start=90)[0], flags=("\\Deleted",))
    world.settings = replace(world.settings, message_size_limit=65_536)
    big = other.append(letters(1, start=91, size=100_000)[0], flags=("\\Deleted",))
    now = world.clock.now()
    world.database.write(lambda w: account.change(w, world.source_id, now=now, leave=False))
    last = await world.fetch()
    assert (last.delivered, last.removed, last.error) == (1, 26, None)
    left = await client.ok("UID SEARCH ALL")
    assert b"* SEARCH %d" % big in left
    assert len(world.delivered()) == 26
