"""IMAP on its two ports: 143 with STARTTLS, 993 with TLS from the first octet (RFC 8314 §3.2)."""

import asyncio
import ssl

from server.accounts.credential import Authenticator
from server.accounts.directory import Directory
from server.config import Settings
from server.imap.connection import Connection
from server.imap.handler import Services
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, Sessions, listen
from server.notify.bus import Bus
from server.store.store import Store


async def start(
    settings: Settings,
    store: Store,
    directory: Directory,
    authenticator: Authenticator,
    bus: Bus,
    tls: ssl.SSLContext | None,
    limits: ConnectionLimits,
    *,
    reuse_port: bool = False,
) -> list[Listener]:
    """Bind both ports (one when there is no TLS context) and serve."""
    services = Services(settings, store, directory, authenticator, bus, tls, limits)
    ports = settings.ports
    plain = await listen("imap", Connections(services, tls=False), settings.bind, ports.imap, reuse_port=reuse_port)
    if tls is None:
        return [plain]
    try:
        secure = await listen(
            "imaps", Connections(services, tls=True), settings.bind, ports.imaps, tls=tls, reuse_port=reuse_port
        )
    except OSError:
        await plain.close(0)
        raise
    return [plain, secure]


class Connections:
    """Makes the protocol object of each accepted connection."""

    def __init__(self, services: Services, *, tls: bool) -> None:
        self._services, self._tls = services, tls

    def __call__(self, sessions: Sessions) -> asyncio.Protocol:
        return Connection(self._services, sessions, tls=self._tls)
