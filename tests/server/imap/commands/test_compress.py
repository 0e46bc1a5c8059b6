"""Compressed connections over real sockets; the dialogue itself is tests/transcripts/imap/compress.txt."""

import asyncio
import random

from server.config import Limits
from server.imap import compression, connection
from tests.fakes.deflated import Packer
from tests.fakes.imap_house import House, message

NOISE = random.Random(4978)


def connections(house):
    return [found for listener in house._listeners for found in listener.sessions._open]


async def until(condition):
    """A test that waits for ever is ended by its time limit."""
    while not condition():
        await asyncio.sleep(0.01)


async def compressed(house, mailbox="INBOX"):
    client = await house.signed_in(mailbox=mailbox)
    await client.compress()
    return client


async def test_less_goes_over_the_line(house):
    for number in range(200):
        house.append(message(f"Letter {number}"))
    plain, client = await house.signed_in(mailbox="INBOX"), await compressed(house)
    expected = await plain.ok("FETCH 1:* (UID FLAGS ENVELOPE)")
    assert await client.ok("FETCH 1:* (UID FLAGS ENVELOPE)") == expected
    assert client.received * 4 < sum(map(len, expected))


async def test_a_large_message_comes_and_goes_unharmed(house):
    raw = message(body="".join(f"{NOISE.getrandbits(400):x}\r\n" for _ in range(30_000)))
    client = await compressed(house)
    await client.ok(b"APPEND INBOX {%d+}\r\n" % len(raw) + raw)
    (answer,) = await client.ok("FETCH 1 BODY.PEEK[]")
    assert raw in answer


async def test_a_message_that_packs_a_thousandfold_is_taken(house):
    raw = message(body="z" * 76 * 200_000 + "\r\n")
    client = await compressed(house)
    for _ in range(2):
        await client.ok(b"APPEND INBOX {%d+}\r\n" % len(raw) + raw)
    client.send(b"a APPEND INBOX {%d}\r\n" % len(raw))
    assert await client.line() == b"+ Ready"
    client.send(raw + b"\r\n")
    assert (await client.answer(b"a"))[1].startswith(b"OK")


async def test_octet_by_octet(house):
    client = await compressed(house)
    for octet in client._pack(b"x1 NOOP\r\nx2 FETCH 1 FLAGS\r\nx3 LOGOUT\r\n"):
        client.send_raw(bytes([octet]))
        await asyncio.sleep(0)
    assert (await client.line()).startswith(b"x1 OK")
    assert (await client.line()).startswith(b"x2 BAD")
    assert (await client.line()).startswith(b"* BYE")
    assert (await client.line()).startswith(b"x3 OK")
    assert await client.closed()


async def test_through_tls(tls_house):
    client = await tls_house.connect()
    await client.line()
    await client.ok("STARTTLS")
    await client.start_tls()
    await client.ok('LOGIN ann@example.org "correct horse"')
    await client.compress()
    await client.ok("SELECT INBOX")


async def test_what_is_sent_before_the_answer_makes_it_bad(house):
    """As with STARTTLS (T097): nothing is read as something else than it was sent as."""
    client = await house.signed_in()
    client.send(b"a COMPRESS DEFLATE\r\nb CREATE Smuggled\r\n")
    assert (await client.line()).startswith(b"a BAD")
    assert (await client.line()).startswith(b"b OK")
    await client.compress()
    await client.ok("NOOP")


async def test_what_comes_in_clear_after_the_answer_is_not_run(house):
    client = await house.signed_in()
    await client.ok("COMPRESS DEFLATE")
    client.send(b"a CREATE Smuggled\r\n" * 50)
    client.go_on_compressed()
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()
    other = await house.signed_in()
    assert await other.ok('LIST "" Smuggled') == []


async def test_a_bomb_of_commands_is_cut(house):
    client = await compressed(house)
    client.send_raw(Packer()(b"a" * 40 * 2**20))
    lines = []
    while line := await client.line():
        lines.append(line)
    assert lines[0].startswith(b"aaaa") or lines[0].startswith(b"* BAD")
    assert lines[-1].startswith(b"* BYE The compressed data")
    await (await house.signed_in()).ok("NOOP")


async def test_a_bomb_of_a_refused_literal_is_cut(house):
    client = await compressed(house)
    client.send(b"a APPEND INBOX {40000000000+}\r\n")
    assert (await client.line()).startswith(b"a NO [TOOBIG]")
    client.send(bytes(40 * 2**20))
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()


async def test_no_more_is_unpacked_than_is_read(house):
    """A bomb behind a command that waits (here: IDLE with a client that is quiet after it) is a few kilobytes of memory."""
    client = await compressed(house)
    (there,) = connections(house)
    client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ Idling"
    client.send(b"DONE\r\n" + b"b NOOP\r\n" * 20_000)
    seen = 0
    for _ in range(5_000):
        await client.line()
        seen = max(seen, there._fragmenter.buffered)
    assert seen <= 2 * compression.PIECE


async def test_others_are_served_meanwhile(house):
    """A flood of small commands is unpacked a piece at a time, with a turn for everybody in between."""
    client, other = await compressed(house), await house.signed_in()
    (flooded,) = [found for found in connections(house) if found.compressed]
    client.send(b"b NOOP\r\n" * 200_000)
    await client.line()
    await other.ok("NOOP")
    assert flooded._inflation.waiting


async def test_memory_is_given_back_when_it_is_quiet(house, monkeypatch):
    monkeypatch.setattr(connection, "QUIET", 0.01)
    client = await compressed(house)
    await client.ok("NOOP")
    (there,) = connections(house)
    await until(lambda: there._deflation._stream is None)
    await client.ok("NOOP")
    client.send(b"a IDLE\r\n")
    assert await client.line() == b"+ Idling"
    await until(lambda: there._deflation._stream is None)
    house.append(message())
    assert await client.line() == b"* 1 EXISTS"


async def test_a_client_that_does_not_read_is_cut(tmp_path):
    house = await House(tmp_path, limits=Limits(write_timeout=0.2)).start()
    try:
        raw = message(body="".join(f"{NOISE.getrandbits(400):x}\r\n" for _ in range(60_000)))
        for _ in range(4):
            house.append(raw)
        client = await compressed(house)
        client._reader.stop()
        client.pause()
        client.send(b"a FETCH 1:* BODY.PEEK[]\r\nb FETCH 1:* BODY.PEEK[]\r\n")
        await until(lambda: not connections(house))
    finally:
        await house.stop()
