"""Both ports, or none."""

import socket

import pytest

from server.config import Settings
from server.net.limits import ConnectionLimits
from server.net.listener import close_all
from server.net.tls import server_context
from server.pop3 import listener


def free_offset() -> int:
    """An offset at which both ports are free."""
    for offset in range(20_000, 60_000, 997):
        with socket.socket() as plain, socket.socket() as secure:
            try:
                plain.bind(("127.0.0.1", 110 + offset))
                secure.bind(("127.0.0.1", 995 + offset))
            except OSError:
                continue
            return offset
    raise AssertionError("no free ports")


async def test_both_ports(tmp_path):
    settings = Settings(data=tmp_path, port_offset=free_offset())
    tls = server_context(settings, "localhost")
    found = await listener.start(settings, None, None, None, None, tls, ConnectionLimits())
    assert [(one.name, one.port) for one in found] == [("pop3", settings.ports.pop3), ("pop3s", settings.ports.pop3s)]
    # The second of the ports is taken: the first is given back.
    await found[0].close()
    with pytest.raises(OSError, match="address already in use"):
        await listener.start(settings, None, None, None, None, tls, ConnectionLimits())
    await found[1].close()
    again = await listener.start(settings, None, None, None, None, tls, ConnectionLimits())
    await close_all(again)


async def test_without_a_certificate(tmp_path):
    settings = Settings(data=tmp_path, port_offset=free_offset())
    found = await listener.start(settings, None, None, None, None, None, ConnectionLimits())
    assert [one.name for one in found] == ["pop3"]
    await close_all(found)
