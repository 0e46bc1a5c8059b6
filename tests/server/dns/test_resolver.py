"""Answers of a name server, told apart; the name server is ours, on loopback."""

import asyncio

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from server.dns import resolver as resolving
from server.dns.resolver import LookupFailed, Mx, NoSuchDomain, Srv, SystemResolver

ZONE = {
    ("remote.test.", "MX"): ["20 B.remote.test.", "10 a.remote.test."],
    ("null.test.", "MX"): ["0 ."],
    ("a.remote.test.", "A"): ["192.0.2.1"],
    ("a.remote.test.", "AAAA"): ["2001:db8::1"],
    ("v4.test.", "A"): ["192.0.2.4"],
    ("_imaps._tcp.remote.test.", "SRV"): ["10 0 993 b.remote.test.", "5 1 993 A.remote.test."],
    ("_pop3s._tcp.remote.test.", "SRV"): ["0 0 0 ."],
    ("txt.test.", "TXT"): ['"v=spf1 " "-all"'],
    ("1.2.0.192.in-addr.arpa.", "PTR"): ["A.remote.test."],
    ("many.test.", "A"): [f"192.0.{n // 250}.{n % 250 + 1}" for n in range(resolving.MAX_RECORDS + 1)],
    ("xn--bcher-kva.test.", "MX"): ["1 a.remote.test."],
}


class NameServer(asyncio.DatagramProtocol):
    def __init__(self):
        self.asked = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name.to_text().lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        if name.startswith("silent."):
            return
        if name.startswith("broken.") or (name, kind) == ("half.test.", "AAAA"):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in ZONE:
            answer.answer.append(dns.rrset.from_text(name, 300, "IN", kind, *ZONE[name, kind]))
        elif (name, kind) == ("half.test.", "A"):
            answer.answer.append(dns.rrset.from_text(name, 300, "IN", kind, "192.0.2.5"))
        elif not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        wire = answer.to_wire(max_size=65_000)
        self.transport.sendto(wire, peer)


@pytest.fixture
async def server():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    yield protocol
    transport.close()


@pytest.fixture
def resolver(server, monkeypatch):
    monkeypatch.setattr(resolving, "LIFETIME", 0.5)
    found = dns.asyncresolver.Resolver(configure=False)
    found.nameservers = ["127.0.0.1"]
    found.port = server.transport.get_extra_info("sockname")[1]
    found.cache = dns.resolver.LRUCache()
    return SystemResolver(found)


async def test_mx(resolver):
    assert await resolver.mx("Remote.Test") == [Mx(10, "a.remote.test"), Mx(20, "b.remote.test")]
    assert await resolver.mx("v4.test") == []


async def test_null_mx_is_an_empty_name(resolver):
    assert await resolver.mx("null.test") == [Mx(0, "")]


async def test_addresses(resolver):
    assert await resolver.addresses("a.remote.test") == ["2001:db8::1", "192.0.2.1"]
    assert await resolver.addresses("v4.test") == ["192.0.2.4"]
    assert await resolver.addresses("null.test") == []


async def test_one_family_that_fails_does_not_hide_the_other(resolver):
    ZONE["half.test.", "X"] = []
    assert await resolver.addresses("half.test") == ["192.0.2.5"]


async def test_txt_strings_are_joined(resolver):
    assert await resolver.txt("txt.test") == [b"v=spf1 -all"]


async def test_ptr(resolver):
    assert await resolver.ptr("192.0.2.1") == ["a.remote.test"]
    with pytest.raises(NoSuchDomain):
        await resolver.ptr("192.0.2.9")
    with pytest.raises(NoSuchDomain):
        await resolver.ptr("not an address")


async def test_no_such_domain(resolver):
    with pytest.raises(NoSuchDomain):
        await resolver.mx("nowhere.test")
    with pytest.raises(NoSuchDomain):
        await resolver.addresses("nowhere.test")


@pytest.mark.parametrize("name", ["broken.test", "silent.test"])
async def test_no_answer_now(resolver, name):
    with pytest.raises(LookupFailed):
        await resolver.mx(name)
    with pytest.raises(LookupFailed):
        await resolver.addresses(name)


async def test_too_many_records_are_no_answer(resolver):
    with pytest.raises(LookupFailed):
        await resolver.addresses("many.test")


@pytest.mark.parametrize("name", ["a..test", "x" * 64 + ".test", ".".join(["x" * 60] * 6)])
async def test_what_is_no_name_does_not_exist(resolver, server, name):
    with pytest.raises(NoSuchDomain):
        await resolver.mx(name)
    assert server.asked == []


async def test_answers_are_remembered(resolver, server):
    await resolver.mx("remote.test")
    await resolver.mx("remote.test")
    assert server.asked == [("remote.test.", "MX")]


async def test_a_machine_without_name_servers(monkeypatch):
    def unconfigured():
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", unconfigured)
    with pytest.raises(LookupFailed):
        await SystemResolver().mx("remote.test")


async def test_reads_the_machines_configuration_at_first_use(monkeypatch):
    monkeypatch.setattr(dns.asyncresolver, "Resolver", lambda: dns.resolver.Resolver(configure=False))
    found = SystemResolver()._system()
    assert found.ednsflags == 0
    assert found.payload == resolving.EDNS_PAYLOAD


async def test_services_in_order_and_the_root_for_none(resolver):
    assert await resolver.srv("_imaps._tcp.remote.test") == [
        Srv(5, 1, 993, "a.remote.test"),
        Srv(10, 0, 993, "b.remote.test"),
    ]
    assert await resolver.srv("_pop3s._tcp.remote.test") == [Srv(0, 0, 0, "")]
    assert await resolver.srv("txt.test") == []
