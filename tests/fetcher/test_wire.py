import asyncio

import pytest

from fetcher.wire import Wire


class Transport:
    """Notes what the wire does to it."""

    def __init__(self):
        self.said, self.written = [], bytearray()

    def write(self, data):
        self.written += data

    def __getattr__(self, name):
        return lambda *_: self.said.append(name)


@pytest.fixture
async def wire():
    made = Wire(high_water=10)
    made.transport = Transport()
    made.connection_made(made.transport)
    return made


async def test_a_peer_that_is_faster_than_we_are_has_to_wait(wire):
    wire.data_received(b"x" * 11)
    wire.data_received(b"y")
    assert wire.transport.said == ["pause_reading"]
    assert await wire.read() == b"x" * 11 + b"y"
    assert wire.transport.said == ["pause_reading", "resume_reading"]


async def test_reading_waits_for_octets_or_the_end(wire):
    reading = asyncio.create_task(wire.read())
    await asyncio.sleep(0)
    wire.data_received(b"a")
    assert await reading == b"a"
    reading = asyncio.create_task(wire.read())
    await asyncio.sleep(0)
    assert wire.eof_received() is False
    assert await reading == b""


async def test_writing_waits_until_the_peer_has_taken_enough(wire):
    wire.pause_writing()
    wire.write(b"a")
    draining = asyncio.create_task(wire.drain())
    await asyncio.sleep(0.01)
    assert not draining.done()
    wire.resume_writing()
    await draining


async def test_a_lost_connection_ends_all_waiting(wire):
    wire.pause_writing()
    waiting = [asyncio.create_task(wire.read()), asyncio.create_task(wire.drain())]
    await asyncio.sleep(0.01)
    wire.connection_lost(ConnectionResetError("gone"))
    for task in waiting:
        with pytest.raises(ConnectionResetError):
            await task
    with pytest.raises(ConnectionResetError):
        wire.write(b"x")
    with pytest.raises(ConnectionResetError):
        await wire.start_tls(None, "x")


async def test_what_came_before_the_loss_is_still_read(wire):
    wire.data_received(b"last words")
    wire.connection_lost(None)
    assert await wire.read() == b"last words"
    assert await wire.read() == b""
    with pytest.raises(ConnectionResetError):
        await wire.drain()


async def test_a_peer_that_does_not_close_is_cut(wire):
    wire.close()
    await wire.closed(0.01)
    assert wire.transport.said == ["close", "abort"]


async def test_nothing_works_before_the_connection():
    wire = Wire()
    wire.close()
    wire.abort()
    assert wire.tls_version == ""
    with pytest.raises(ConnectionResetError):
        wire.write(b"x")
