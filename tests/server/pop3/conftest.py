"""Fixtures of the POP3 server's tests."""

import asyncio
import ssl

import pytest
import uvloop

from server.config import Limits, Settings
from tests.fakes.pop3_house import open_house


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
def plain_allowed() -> bool:
    return True


@pytest.fixture
async def house(tmp_path, limits, plain_allowed, monkeypatch):
    if not plain_allowed:
        monkeypatch.setattr(Settings, "is_loopback", property(lambda self: False))
    async with open_house(tmp_path, limits) as found:
        yield found


@pytest.fixture
def trust() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pytest_asyncio_loop_factories(config, item):
    """Where there are sockets, both loops: the product runs on uvloop, and transports differ (flow control, TLS)."""
    loops = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
    return loops if item.path.name == "test_connection.py" else {"asyncio": loops["asyncio"]}
