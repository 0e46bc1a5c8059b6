import asyncio
import contextlib

import pytest

from server.net.listener import Sessions, close_all, listen


class Echo(asyncio.Protocol):
    """Polite or stubborn: ends when asked, or only when aborted."""

    def __init__(self, sessions, *, polite):
        self.sessions, self.polite = sessions, polite
        self.aborted = False

    def connection_made(self, transport):
        self.transport = transport
        self.sessions.add(self)

    def connection_lost(self, _error):
        self.sessions.remove(self)

    def data_received(self, data):
        self.transport.write(data)

    def finish(self):
        if self.polite:
            self.transport.write(b"bye")
            self.transport.close()

    def abort(self):
        self.aborted = True
        self.transport.abort()


async def start(*, polite):
    return await listen("echo", lambda s: Echo(s, polite=polite), "127.0.0.1", 0)


async def test_polite_sessions_say_goodbye():
    listener = await start(polite=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"x")
    assert await reader.read(1) == b"x"
    assert len(listener.sessions) == 1
    await listener.close()
    assert await reader.read() == b"bye"
    assert len(listener.sessions) == 0
    writer.close()


async def test_stubborn_sessions_are_aborted_when_the_grace_is_over():
    listener = await start(polite=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"x")
    await reader.read(1)
    (session,) = listener.sessions._open
    await listener.close(grace=0.01)
    assert session.aborted
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_nobody_new_is_let_in_while_the_old_ones_end():
    listener = await start(polite=True)
    port = listener.port
    await close_all([listener])
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_in_use_is_an_error_and_two_may_share_when_told():
    first = await listen("a", lambda s: Echo(s, polite=True), "127.0.0.1", 0, reuse_port=True)
    second = await listen("b", lambda s: Echo(s, polite=True), "127.0.0.1", first.port, reuse_port=True)
    with pytest.raises(OSError):
        await listen("c", lambda s: Echo(s, polite=True), "127.0.0.1", first.port)
    await close_all([first, second])


async def test_draining_nobody_returns_at_once():
    await Sessions().drain(1000.0)
