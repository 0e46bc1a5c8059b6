import pytest

from server.imap import listener
from server.net.listener import close_all, listen


@pytest.fixture
def any_port(monkeypatch):
    """The settings name fixed ports; a test takes what is free."""

    async def listen_anywhere(name, factory, host, port, **options):
        assert port in {2143, 2993}
        return await listen(name, factory, host, 0, **options)

    monkeypatch.setattr(listener, "listen", listen_anywhere)


def services(house, tls):
    return (house.settings, house.store, house.directory, house.authenticator, house.bus, tls, house.limits)


async def test_one_port_without_a_certificate(house, any_port):
    started = await listener.start(*services(house, None))
    assert [one.name for one in started] == ["imap"]
    await close_all(started, 1)


async def test_two_ports_with_one(tls_house, any_port):
    started = await listener.start(*services(tls_house, tls_house.services.tls))
    assert [one.name for one in started] == ["imap", "imaps"]
    await close_all(started, 1)


async def test_a_port_that_is_taken_leaves_nothing_bound(tls_house, monkeypatch):
    bound = []

    async def listen_once(name, factory, host, _port, **options):
        if bound:
            raise OSError("taken")
        bound.append(await listen(name, factory, host, 0, **options))
        return bound[0]

    monkeypatch.setattr(listener, "listen", listen_once)
    with pytest.raises(OSError, match="taken"):
        await listener.start(*services(tls_house, tls_house.services.tls))
    assert not bound[0].server.is_serving()
