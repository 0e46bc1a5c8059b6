"""A world of one web server and one name server, where every name leads to loopback."""

import pytest

from fetcher.discovery.web import Web
from tests.fakes.resolver import FakeResolver
from tests.fakes.web_house import WebHouse
from tests.fetcher.certificates import Authority

NAMES = ("mill.fi", "autoconfig.mill.fi", "directory.net", "elsewhere.net")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
async def house(authority):
    async with WebHouse(authority.server(*NAMES)) as server:
        yield server


@pytest.fixture
def names():
    return FakeResolver(hosts=dict.fromkeys(NAMES, ("127.0.0.1",)))


@pytest.fixture
def world(authority, house, names):
    return Web(names, allowed=lambda address: address == "127.0.0.1", ports=house.ports, trust=authority.trust)
