import pytest

from tests.fakes.imap_house import House


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


@pytest.fixture
async def tls_house(tmp_path):
    running = await House(tmp_path).start(tls=True)
    yield running
    await running.stop()
