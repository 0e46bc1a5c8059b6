"""A store that takes its time, over real sockets."""

import asyncio
import threading

import pytest

from server.imap import progress
from server.imap.commands import search
from server.store import copy as copying
from server.store import search as searching
from tests.fakes.imap_house import message


@pytest.fixture
def slow(monkeypatch):
    """Searches and copies that end when they are let go."""
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    gate = threading.Event()

    def behind(fn):
        def wait(*arguments, **options):
            gate.wait()
            return fn(*arguments, **options)

        return wait

    monkeypatch.setattr(search.store_search, "search", behind(searching.search))
    monkeypatch.setattr(copying, "copy", behind(copying.copy))
    yield gate
    gate.set()


async def until_told(client, tag, times=2):
    told = b'* OK [INPROGRESS ("%b" NIL NIL)] Still working' % tag
    for _ in range(times):
        assert await client.line() == told


async def the_end(client, tag):
    lines, status = await client.answer(tag)
    return [line for line in lines if b"INPROGRESS" not in line], status


@pytest.mark.parametrize("compressed", [False, True])
async def test_a_long_search(house, slow, compressed):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    if compressed:
        await client.compress()
    client.send(b"a7 SEARCH ALL\r\nb8 SEARCH RETURN (COUNT) ALL\r\n")
    await until_told(client, b"a7")
    slow.set()
    assert await the_end(client, b"a7") == ([b"* SEARCH 1"], b"OK Done")
    assert (await the_end(client, b"b8"))[1] == b"OK Done"


async def test_a_long_copy_happens_once(house, slow):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    client.send(b'x"y COPY 1 Sent\r\n'.replace(b'"', b"!"))
    await until_told(client, b"x!y")
    slow.set()
    lines, status = await the_end(client, b"x!y")
    assert (lines, status[:12]) == ([], b"OK [COPYUID ")
    assert await client.ok("STATUS Sent (MESSAGES)") == [b'* STATUS "Sent" (MESSAGES 1)']


async def test_a_refusal_after_a_long_time(house, slow):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    client.send(b"a COPY 1 Nowhere\r\n")
    slow.set()
    assert (await the_end(client, b"a"))[1].startswith(b"NO [TRYCREATE]")


async def test_hanging_up_buys_no_further_turn(house, slow):
    """The thread works on, and the account's turn is held until it has ended."""
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    (there,) = [found for listener in house._listeners for found in listener.sessions._open]
    client.send(b"a SEARCH ALL\r\n")
    await until_told(client, b"a")
    client.hang_up()
    while not there._lost:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert house.store._turns._busy[house.ann] == 1
    assert not there._task.done()
    slow.set()
    await there._task
    assert not house.store._turns._busy
    await (await house.signed_in()).ok("NOOP")


async def test_what_is_quick_says_nothing(house):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    assert await client.ok("SEARCH ALL") == [b"* SEARCH 1"]
