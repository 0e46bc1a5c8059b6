"""Fixtures of the queue's tests."""

import asyncio

import pytest
import uvloop

from tests.fakes.post_room import open_post


@pytest.fixture
def post(tmp_path):
    with open_post(tmp_path) as found:
        yield found


def pytest_asyncio_loop_factories(config, item):
    """Where there are sockets, both loops: the product runs on uvloop, and transports differ (flow control, TLS)."""
    loops = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
    return loops if item.path.name == "test_remote.py" else {"asyncio": loops["asyncio"]}
