"""Which hosts are tried for a domain, in which order."""

from pathlib import Path

import pytest

from server.config import Settings
from server.queue.model import Kind
from server.queue.route import MAX_HOSTS, NoRoute, Router
from tests.fakes.resolver import FakeResolver


def router(resolver=None, shuffle=lambda hosts: None, **settings) -> Router:
    return Router(Settings(data=Path("/nowhere"), **settings), resolver or FakeResolver(), "mail.example.org", shuffle)


async def hops(found: Router, domain="remote.test"):
    return [(hop.name, hop.address, hop.port) async for hop in found.hops(domain)]


async def no_route(resolver, domain="remote.test"):
    with pytest.raises(NoRoute) as refused:
        await hops(router(resolver), domain)
    return refused.value.kind, refused.value.enhanced


async def test_order_of_preference():
    resolver = FakeResolver(
        mx={"remote.test": [(20, "b.test"), (10, "a.test"), (30, "c.test")]},
        hosts={"a.test": ["2001:db8::1", "192.0.2.1"], "b.test": ["192.0.2.2"], "c.test": ["192.0.2.3"]},
    )
    assert await hops(router(resolver)) == [
        ("a.test", "2001:db8::1", 25),
        ("a.test", "192.0.2.1", 25),
        ("b.test", "192.0.2.2", 25),
        ("c.test", "192.0.2.3", 25),
    ]


async def test_equal_hosts_are_shuffled_and_better_ones_are_not():
    resolver = FakeResolver(
        mx={"remote.test": [(10, "a.test"), (10, "b.test"), (5, "z.test")]},
        hosts={name: ["192.0.2.1"] for name in ("a.test", "b.test", "z.test")},
    )
    names = [name for name, _, _ in await hops(router(resolver, shuffle=lambda records: records.reverse()))]
    assert names == ["z.test", "b.test", "a.test"]


async def test_addresses_are_asked_for_only_when_their_turn_comes():
    resolver = FakeResolver(
        mx={"remote.test": [(1, "a.test"), (2, "b.test")]}, hosts={"a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"]}
    )
    found = router(resolver).hops("remote.test")
    await anext(found)
    await found.aclose()
    assert ("addresses", "b.test") not in resolver.asked


async def test_no_mx_means_the_domain_itself():
    assert await hops(router(FakeResolver(hosts={"remote.test": ["192.0.2.9"]}))) == [("remote.test", "192.0.2.9", 25)]


async def test_null_mx():
    # RFC 7505: the address record must not be tried.
    resolver = FakeResolver(mx={"remote.test": [(0, "")]}, hosts={"remote.test": ["192.0.2.9"]})
    assert await no_route(resolver) == (Kind.FAILED, "5.1.10")


async def test_domain_that_does_not_exist():
    assert await no_route(FakeResolver()) == (Kind.FAILED, "5.1.2")


async def test_dns_down():
    assert await no_route(FakeResolver(down={"remote.test"})) == (Kind.DEFERRED, "4.4.3")
    resolver = FakeResolver(mx={"remote.test": [(1, "a.test"), (2, "b.test")]}, down={"a.test"}, hosts={"b.test": []})
    assert await no_route(resolver) == (Kind.DEFERRED, "4.4.3")


async def test_hosts_without_addresses():
    resolver = FakeResolver(mx={"remote.test": [(1, "a.test")]}, hosts={"a.test": []})
    assert await no_route(resolver) == (Kind.FAILED, "5.4.4")
    assert await no_route(FakeResolver(mx={"remote.test": [(1, "gone.test")]})) == (Kind.FAILED, "5.4.4")


async def test_one_host_of_unknown_address_does_not_hide_another():
    resolver = FakeResolver(
        mx={"remote.test": [(1, "a.test"), (2, "b.test")]}, down={"a.test"}, hosts={"b.test": ["192.0.2.2"]}
    )
    assert await hops(router(resolver)) == [("b.test", "192.0.2.2", 25)]


async def test_our_own_host_and_worse_ones_are_left_out():
    records = [(10, "a.test"), (20, "mail.example.org"), (20, "x.test"), (30, "b.test")]
    resolver = FakeResolver(mx={"remote.test": records}, hosts={"a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"]})
    assert await hops(router(resolver)) == [("a.test", "192.0.2.1", 25)]
    resolver.mx_records["remote.test"] = [(10, "mail.example.org"), (20, "b.test")]
    assert await no_route(resolver) == (Kind.FAILED, "5.4.6")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "fe80::1", "::ffff:127.0.0.1", "rubbish"]
)
async def test_dns_cannot_point_us_at_ourselves(address):
    resolver = FakeResolver(mx={"remote.test": [(1, "a.test")]}, hosts={"a.test": [address]})
    assert await no_route(resolver) == (Kind.FAILED, "5.4.4")


async def test_many_hosts_are_bounded():
    resolver = FakeResolver(
        mx={"remote.test": [(n, f"h{n}.test") for n in range(50)]},
        hosts={f"h{n}.test": ["192.0.2.1"] for n in range(50)},
    )
    assert len(await hops(router(resolver))) == MAX_HOSTS


async def test_address_literal():
    assert await hops(router(), "[192.0.2.7]") == [("192.0.2.7", "192.0.2.7", 25)]
    assert await hops(router(), "[ipv6:2001:db8::7]") == [("2001:db8::7", "2001:db8::7", 25)]
    assert await no_route(FakeResolver(), "[127.0.0.1]") == (Kind.FAILED, "5.1.2")


async def test_fixed_route_wins_and_may_be_this_machine():
    assert await hops(router(routes={"remote.test": "127.0.0.1:2500"})) == [("127.0.0.1", "127.0.0.1", 2500)]
    assert await hops(router(routes={"remote.test": "[::1]:2500"})) == [("::1", "::1", 2500)]
    assert await hops(router(routes={"remote.test": "localhost:2500"})) == [("localhost", "127.0.0.1", 2500)]
    resolver = FakeResolver(hosts={"gate.lan": ["10.0.0.5"]})
    assert await hops(router(resolver, routes={"remote.test": "gate.lan:25"}, smarthost="other.test:25")) == [
        ("gate.lan", "10.0.0.5", 25)
    ]


async def test_smarthost():
    resolver = FakeResolver(hosts={"smtp.isp.test": ["192.0.2.8"]})
    found = router(resolver, smarthost="smtp.isp.test:587", smarthost_username="u", smarthost_password="geheim")
    hop = await anext(found.hops("anything.test"))
    assert (hop.name, hop.address, hop.port, hop.verify, hop.implicit_tls) == (
        "smtp.isp.test",
        "192.0.2.8",
        587,
        True,
        False,
    )
    assert hop.login.username == "u"
    assert "geheim" not in repr(hop)
    hop = await anext(router(resolver, smarthost="smtp.isp.test:465").hops("anything.test"))
    assert (hop.implicit_tls, hop.login, hop.verify) == (True, None, False)


async def test_smarthost_that_cannot_be_found_returns_nothing():
    for resolver in (FakeResolver(), FakeResolver(down={"smtp.isp.test"})):
        with pytest.raises(NoRoute) as refused:
            await hops(router(resolver, smarthost="smtp.isp.test:587"))
        assert refused.value.kind is Kind.DEFERRED
