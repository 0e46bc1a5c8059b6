import pytest

from tests.fakes.smtp_house import House
from tests.fakes.smtp_peer import Peer


@pytest.fixture
async def house(tmp_path):
    made = House(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def connect(house):
    """Connect to a listener by name; the connections are closed at the end."""
    peers = []

    async def make(name="smtp", **options):
        peer = await Peer.connect(house.ports[name], tls=name == "submissions", **options)
        peers.append(peer)
        return peer

    yield make
    for peer in peers:
        await peer.close()
