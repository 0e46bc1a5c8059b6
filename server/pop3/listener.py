"""POP3 on its two ports: 110 with STLS, 995 with TLS from the first octet (RFC 8314 §3.3)."""

import asyncio
import ssl
from collections.abc import Callable

from server.clock import Clock
from server.config import Settings
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, Sessions, listen
from server.pop3.connection import READ_SIZE, Connection
from server.pop3.services import ChoiceLookup, MessageStore, Services, SignInCheck


async def start(
    settings: Settings,
    store: MessageStore,
    authenticator: SignInCheck,
    choices: ChoiceLookup,
    clock: Clock,
    tls: ssl.SSLContext | None,
    limits: ConnectionLimits,
    *,
    reuse_port: bool = False,
) -> list[Listener]:
    """Bind both ports (one when there is no TLS context) and serve."""
    services = Services(settings, store, authenticator, choices, clock, tls, limits)
    ports = settings.ports
    plain = await listen("pop3", factory(services, tls=False), settings.bind, ports.pop3, reuse_port=reuse_port)
    if tls is None:
        return [plain]
    try:
        secure = await listen(
            "pop3s", factory(services, tls=True), settings.bind, ports.pop3s, tls=tls, reuse_port=reuse_port
        )
    except OSError:
        await plain.close(0)
        raise
    return [plain, secure]


def factory(services: Services, *, tls: bool) -> Callable[[Sessions], asyncio.StreamReaderProtocol]:
    """Return what makes the protocol object of each connection; `tls`: the handshake is over before the first octet."""

    def make(sessions: Sessions) -> asyncio.StreamReaderProtocol:
        connection = Connection(services, sessions, tls=tls)
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=READ_SIZE), connection.run)

    return make
