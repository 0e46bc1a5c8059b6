"""IMAP clients that are slow, greedy or strange: they wait for themselves alone, another account is served all the time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from server.config import Limits
from tests.fakes.imap_house import House, message

LETTERS = 200
FLOOD = 3_000


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path, limits=Limits(login_timeout=0.5)).start()
    for number in range(LETTERS):
        running.append(message(f"Letter {number}", "words of it\r\n" * 50))
    running.append(message("For Bob"), name="bob")
    yield running
    await running.stop()


async def served_while(house, work):
    """Bob's commands are answered, again and again, until the other's work is done."""
    bob = await house.signed_in("bob", "INBOX")
    task = asyncio.create_task(work)
    times = 0
    while not task.done() or times < 3:
        assert await bob.ok("FETCH 1 (UID)") == [b"* 1 FETCH (UID 1)"]
        times += 1
    await task
    return times


async def test_octet_by_octet_is_not_patience_without_end(house):
    client = await house.connect()
    await client.line()
    async with asyncio.timeout(20):
        # An octet every now and then, and never the end of a line.
        farewell = asyncio.create_task(client.response())
        while not farewell.done():
            client.send(b"x")
            await asyncio.sleep(0.02)
    assert (await farewell).startswith(b"* BYE")


async def test_a_flood_of_commands_is_answered_in_order(house):
    client = await house.signed_in(mailbox="INBOX")

    async def flood():
        client.send(b"".join(b"n%d NOOP\r\n" % number for number in range(FLOOD)))
        for number in range(FLOOD):
            assert await client.line() == b"n%d OK Done" % number

    await served_while(house, flood())


async def test_everything_again_and_again_by_one_that_does_not_read(house):
    client = await house.signed_in(mailbox="INBOX")
    client.pause()
    client.send(b"".join(b"f%d FETCH 1:* (BODY.PEEK[] ENVELOPE BODYSTRUCTURE)\r\n" % number for number in range(100)))

    async def a_while():
        other = await house.signed_in(mailbox="INBOX")  # of the same account
        for _ in range(20):
            assert len(await other.ok("FETCH 1:* (FLAGS)")) == LETTERS

    await served_while(house, a_while())
    client.hang_up()


SEARCHES = {
    "a long set": b"SEARCH " + b",".join(b"%d" % n for n in range(1, 8_000, 2)),
    "overlapping ranges": b"SEARCH " + b",".join(b"%d:*" % n for n in range(1, 2_000)),
    "a chain of OR": b"SEARCH " + b"OR SEEN " * 90 + b"ALL",
    "too long a chain of OR": b"SEARCH " + b"OR SEEN " * 900 + b"ALL",
    "NOT of NOT": b"SEARCH " + b"NOT " * 95 + b"SEEN",
    "too many NOTs": b"SEARCH " + b"NOT " * 2_000 + b"SEEN",
    "nested lists": b"SEARCH " + b"(" * 50 + b"ALL" + b")" * 50,
    "too many nested lists": b"SEARCH " + b"(" * 5_000 + b"ALL" + b")" * 5_000,
    "many terms": b"SEARCH " + b"TEXT words " * 90,
    "text that is not there": b"SEARCH NOT BODY " + b"w" * 4_000,
}


@pytest.mark.parametrize("text", SEARCHES.values(), ids=SEARCHES)
async def test_search_programs(house, text):
    client = await house.signed_in(mailbox="INBOX")

    async def search():
        _, status = await client.ask(text.rstrip())
        assert status.startswith((b"OK", b"BAD", b"NO [LIMIT]")), status

    with capture_logs() as logged:
        await served_while(house, search())
    assert not [entry for entry in logged if entry["log_level"] == "error"]
    await client.ok("NOOP")  # and it may stay


async def test_wrong_passwords_from_everywhere(house):
    async def guess():
        for number in range(30):
            client = await house.connect()
            await client.line()
            try:
                _, status = await client.ask(f"LOGIN ann@example.org wrong{number}")
            except EOFError:
                continue
            assert status.startswith(b"NO ")
            await client.gone()

    await served_while(house, guess())
