"""Look-ups that mail needs: who takes mail for a domain, and where a host is.

Invariants: three answers are told apart, because they mean different things for a message: there are records, there are
none (an empty list, or `NoSuchDomain`), we could not find out (`LookupFailed`, try later). Names in answers are lower-case,
without the final dot, and only the root itself is an empty name (RFC 7505 §3). Answers are bounded (security.md section 2).
"""

from dataclasses import dataclass
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdtypes.ANY import MX, TXT
from dns.rdtypes.IN import SRV

LIFETIME = 5.0
"""Seconds for one question, retries included."""

MAX_RECORDS = 100
EDNS_PAYLOAD = 1232


class NoSuchDomain(Exception):
    """NXDOMAIN: the name does not exist."""


class LookupFailed(Exception):
    """No usable answer now: time-out, SERVFAIL, no server, or an answer that cannot be right."""


@dataclass(frozen=True, slots=True, order=True)
class Mx:
    """One mail exchanger; an empty host is the root, which means 'no mail at all' (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True, order=True)
class Srv:
    """One server of a service (RFC 2782); an empty target means that there is decidedly none."""

    priority: int
    weight: int
    port: int
    target: str


class Resolver(Protocol):
    """Every method raises `NoSuchDomain` or `LookupFailed`, and returns an empty list for 'no such records'."""

    async def mx(self, domain: str) -> list[Mx]: ...

    async def addresses(self, host: str) -> list[str]: ...

    async def txt(self, name: str) -> list[bytes]: ...

    async def ptr(self, address: str) -> list[str]: ...

    async def srv(self, name: str) -> list[Srv]: ...


class SystemResolver:
    """Asks the machine's own name servers, with a cache that honours the records' lifetimes."""

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        self._resolver = resolver

    async def mx(self, domain: str) -> list[Mx]:
        answer = await self._ask(domain, dns.rdatatype.MX)
        return sorted(Mx(r.preference, _text(r.exchange)) for r in answer if isinstance(r, MX.MX))

    async def addresses(self, host: str) -> list[str]:
        """Return IPv6 addresses first, then IPv4; one family may be missing without harm."""
        found: list[str] = []
        failure: LookupFailed | None = None
        for kind in (dns.rdatatype.AAAA, dns.rdatatype.A):
            try:
                found += [str(record) for record in await self._ask(host, kind)]
            except LookupFailed as error:
                failure = error
        if failure is not None and not found:
            raise failure
        return found

    async def txt(self, name: str) -> list[bytes]:
        answer = await self._ask(name, dns.rdatatype.TXT)
        return [b"".join(r.strings) for r in answer if isinstance(r, TXT.TXT)]

    async def ptr(self, address: str) -> list[str]:
        try:
            name = dns.reversename.from_address(address)
        except dns.exception.SyntaxError as error:
            raise NoSuchDomain(address) from error
        return [_text(dns.name.from_text(str(r))) for r in await self._ask(str(name), dns.rdatatype.PTR)]

    async def srv(self, name: str) -> list[Srv]:
        answer = await self._ask(name, dns.rdatatype.SRV)
        return sorted(Srv(r.priority, r.weight, r.port, _text(r.target)) for r in answer if isinstance(r, SRV.SRV))

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> list[object]:
        try:
            answer = await self._system().resolve(name, kind, lifetime=LIFETIME, search=False, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN as error:
            raise NoSuchDomain(name) from error
        except (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.IDNAException) as error:
            # Not a name at all: asking later will not make it one.
            raise NoSuchDomain(name) from error
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(name) from error
        records = list(answer.rrset or ())
        if len(records) > MAX_RECORDS:
            raise LookupFailed(name)
        return records

    def _system(self) -> dns.asyncresolver.Resolver:
        """Read the machine's configuration at first use, not at construction: a machine may come up without a network."""
        if self._resolver is None:
            try:
                resolver = dns.asyncresolver.Resolver()
            except dns.resolver.NoResolverConfiguration as error:
                raise LookupFailed("no name server is configured") from error
            resolver.cache = dns.resolver.LRUCache()
            resolver.use_edns(0, 0, EDNS_PAYLOAD)
            self._resolver = resolver
        return self._resolver


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().strip(".")
