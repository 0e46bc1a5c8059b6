"""Starting servers on a port, and ending them without cutting anybody in the middle of a reply.

Invariants: a listener that could not bind all of its sockets has bound none; after `stop_accepting` no new connection is taken;
`drain` first asks each session to finish what it is doing, then aborts what is left when the grace time is over, so it always
returns. Several processes may share a port (`reuse_port`): the kernel spreads connections over them.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Protocol

from server.log import get_logger

BACKLOG = 1024
"""A storm of 1,000 connections in a second waits in the kernel and is not refused (security.md section 5, row 17)."""

log = get_logger("net.listener")


class Session(Protocol):
    """What a listener needs of one connection to end it."""

    def finish(self) -> None:
        """End as soon as nothing is under way; say goodbye if the protocol has a word for it."""
        ...

    def abort(self) -> None:
        """End now."""
        ...


class Sessions:
    """The open sessions of one listener."""

    def __init__(self) -> None:
        self._open: set[Session] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> None:
        self._open.add(session)
        self._empty.clear()

    def remove(self, session: Session) -> None:
        self._open.discard(session)
        if not self._open:
            self._empty.set()

    async def drain(self, grace: float) -> None:
        """Ask every session to finish, wait, abort the rest."""
        self.draining = True
        for session in tuple(self._open):
            session.finish()
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            log.warning("sessions_aborted", count=len(self._open))
            for session in tuple(self._open):
                session.abort()


class Listener:
    """One bound port and its sessions."""

    def __init__(self, name: str, server: asyncio.Server, sessions: Sessions) -> None:
        self.name, self.server, self.sessions = name, server, sessions

    @property
    def port(self) -> int:
        """The port in use (of interest when port 0 was asked for)."""
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    def stop_accepting(self) -> None:
        self.server.close()

    async def close(self, grace: float = 10.0) -> None:
        """Stop accepting and drain."""
        self.stop_accepting()
        await self.sessions.drain(grace)


async def listen(
    name: str,
    factory: Callable[[Sessions], asyncio.BaseProtocol],
    host: str | Sequence[str],
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    reuse_port: bool = False,
) -> Listener:
    """Bind and start one server; `factory(sessions)` makes the protocol object of each connection.

    With `tls` the handshake comes first (RFC 8314 §3, implicit TLS). Raises OSError when the port cannot be had.
    """
    sessions = Sessions()
    server = await asyncio.get_running_loop().create_server(
        lambda: factory(sessions),
        host,
        port,
        ssl=tls,
        backlog=BACKLOG,
        reuse_port=reuse_port or None,
        ssl_handshake_timeout=30.0 if tls is not None else None,
    )
    listener = Listener(name, server, sessions)
    log.info("listening", name=name, port=listener.port, tls=tls is not None)
    return listener


async def close_all(listeners: Sequence[Listener], grace: float = 10.0) -> None:
    """Stop all of them accepting, then drain all at once."""
    for listener in listeners:
        listener.stop_accepting()
    await asyncio.gather(*(listener.sessions.drain(grace) for listener in listeners))
