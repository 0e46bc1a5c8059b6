import pytest

from server.config import Limits
from server.db import footprint
from server.imap.commands import idle
from tests.fakes.imap_house import House, message


@pytest.fixture
async def hurried(tmp_path, monkeypatch):
    """A house in which half a minute is a moment, with a bus that nobody hears."""
    monkeypatch.setattr(idle, "LOOK", 0.05)
    monkeypatch.setattr(idle, "STILL_HERE", 0.1)
    running = await House(tmp_path, limits=Limits(imap_idle_timeout=1.0)).start()
    yield running
    await running.stop()


async def test_a_lost_wake_is_made_up_for(hurried, monkeypatch):
    client = await hurried.signed_in(mailbox="INBOX")
    monkeypatch.setattr(hurried.bus, "publish", lambda *_: None)
    client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ Idling"
    hurried.append(message())
    while (line := await client.line()) == b"* OK Still here":
        pass
    assert line == b"* 1 EXISTS"


async def test_nobody_opens_the_database_of_a_quiet_account(hurried, monkeypatch):
    client = await hurried.signed_in(mailbox="INBOX")
    monkeypatch.setattr(footprint, "SETTLED", 0)
    reads = []
    read = hurried.store.read
    monkeypatch.setattr(type(hurried.store), "read", lambda _store, *a: (reads.append(a), read(*a))[1])
    client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ Idling"
    for _ in range(4):
        assert await client.line() == b"* OK Still here"
    assert len(reads) <= 2  # once at the start, once at the first of its looks


async def test_it_says_that_it_is_still_here_and_ends_some_time(hurried):
    client = await hurried.signed_in(mailbox="INBOX")
    client.send(b"a IDLE\r\n")
    lines = []
    while line := await client.line():
        lines.append(line)
    assert lines[0] == b"+ Idling"
    assert b"* OK Still here" in lines
    assert lines[-2:] == [b"* BYE Idle for too long", b"a OK Done"]


async def test_idle_without_a_mailbox_and_a_client_that_goes(house):
    client = await house.signed_in()
    client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ Idling"
    client.send(b"done\r\n")
    assert (await client.line()).startswith(b"a OK")
    client.send(b"b IDLE\r\n")
    assert await client.line() == b"+ Idling"
    await client.gone()
