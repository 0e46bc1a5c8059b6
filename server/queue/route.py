"""Where a domain's mail goes: a fixed route, the smarthost, or the hosts that DNS names (RFC 5321 §5.1).

Invariants: hosts come in the order of preference, equal ones shuffled; a null MX (RFC 7505) is never worked around by an
address record; our own host and everything no better are left out, so mail cannot circle between equal hosts; addresses that
mean this machine or nobody are never taken from DNS, because that is how a stranger's record would reach our own ports.
"""

import ipaddress
import random
from collections.abc import AsyncGenerator, Callable, MutableSequence
from dataclasses import dataclass, field

from server.config import Settings
from server.dns.resolver import LookupFailed, Mx, NoSuchDomain, Resolver
from server.queue.model import Kind

SMTP_PORT = 25
SUBMISSIONS_PORT = 465
MAX_HOSTS = 10
MAX_ADDRESSES = 10
"""Hosts and addresses tried in one attempt."""


@dataclass(frozen=True, slots=True)
class Login:
    """What the smarthost wants to know."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hop:
    """One address to try."""

    name: str
    """For TLS, logs and reports."""
    address: str
    port: int
    login: Login | None = None
    implicit_tls: bool = False
    verify: bool = False
    """The peer's certificate must be right: it gets our password."""


class NoRoute(Exception):
    """There is nowhere to deliver to, now (`Kind.DEFERRED`) or at all (`Kind.FAILED`)."""

    def __init__(self, kind: Kind, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.code, self.enhanced, self.text = kind, code, enhanced, text


class Router:
    """Finds the hops of a domain.

    Args:
        settings: Routes, smarthost.
        resolver: DNS.
        hostname: Our own name, to recognise ourselves in MX records.
        shuffle: Spreads load over hosts of equal preference; a test gives its own.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        hostname: str,
        shuffle: Callable[[MutableSequence[Mx]], None] = random.shuffle,
    ) -> None:
        self._settings, self._resolver, self._shuffle = settings, resolver, shuffle
        self._hostname = hostname.lower().rstrip(".")

    async def hops(self, domain: str) -> AsyncGenerator[Hop, None]:
        """Yield the addresses to try, best first; addresses of a host are looked up when its turn comes.

        Raises:
            NoRoute: Instead of the first hop, or in its place when no host had an address.
        """
        fixed = self._settings.routes.get(domain)
        if fixed is not None:
            async for hop in self._fixed(fixed, login=None):
                yield hop
        elif self._settings.smarthost is not None:
            async for hop in self._fixed(self._settings.smarthost, login=self._login()):
                yield hop
        elif domain.startswith("["):
            yield _literal(domain)
        else:
            async for hop in self._exchangers(domain):
                yield hop

    def _login(self) -> Login | None:
        username, password = self._settings.smarthost_username, self._settings.smarthost_password
        return Login(username, password) if username is not None and password is not None else None

    async def _fixed(self, route: str, *, login: Login | None) -> AsyncGenerator[Hop, None]:
        """The administrator named the host: any address is right, loopback too."""
        host, _, port = route.rpartition(":")
        host = host.strip("[]")
        implicit = int(port) == SUBMISSIONS_PORT
        for address in await self._addresses_of(host):
            verify = login is not None and not ipaddress.ip_address(address).is_loopback
            yield Hop(host, address, int(port), login, implicit, verify)

    async def _addresses_of(self, host: str) -> list[str]:
        if _is_address(host):
            return [host]
        if host == "localhost":
            return ["127.0.0.1"]
        try:
            found = await self._resolver.addresses(host)
        except (NoSuchDomain, LookupFailed):
            found = []
        if not found:
            # The name is our configuration's, not the sender's: a mistake there is put right, so nothing bounces.
            raise NoRoute(Kind.DEFERRED, 451, "4.4.3", f"the address of {host} could not be found")
        return found

    async def _exchangers(self, domain: str) -> AsyncGenerator[Hop, None]:
        hosts = await self._hosts(domain)
        found = 0
        uncertain = False
        for host in hosts[:MAX_HOSTS]:
            try:
                addresses = [a for a in await self._resolver.addresses(host) if _is_public_enough(a)]
            except NoSuchDomain:
                continue
            except LookupFailed:
                uncertain = True
                continue
            for address in addresses[:MAX_ADDRESSES]:
                found += 1
                yield Hop(host, address, SMTP_PORT)
        if found:
            return
        if uncertain:
            raise NoRoute(Kind.DEFERRED, 451, "4.4.3", "the receiving host's address could not be found for now")
        raise NoRoute(Kind.FAILED, 550, "5.4.4", "no host of this domain has a usable address")

    async def _hosts(self, domain: str) -> list[str]:
        try:
            records = await self._resolver.mx(domain)
        except NoSuchDomain:
            # RFC 5321 §5.1: a domain that does not exist is reported as an error.
            raise NoRoute(Kind.FAILED, 550, "5.1.2", "the domain does not exist") from None
        except LookupFailed:
            raise NoRoute(Kind.DEFERRED, 451, "4.4.3", "the domain could not be looked up for now") from None
        if any(not record.host for record in records):
            # RFC 7505 §3: a null MX, alone or (against the rule) among others, says that no mail is taken.
            raise NoRoute(Kind.FAILED, 556, "5.1.10", "the domain takes no mail")
        if not records:
            # RFC 5321 §5.1: no MX means an implicit MX of preference 0, the domain itself.
            return [domain]
        return self._without_us(records)

    def _without_us(self, records: list[Mx]) -> list[str]:
        ours = [r.preference for r in records if r.host == self._hostname]
        if ours:
            # RFC 5321 §5.1: if we are in the list, hosts of the same or a worse preference are discarded.
            records = [r for r in records if r.preference < min(ours)]
            if not records:
                raise NoRoute(Kind.FAILED, 554, "5.4.6", "mail for this domain comes back to this server")
        records = list(records)
        self._shuffle(records)
        return [r.host for r in sorted(records, key=lambda r: r.preference)]


def _literal(domain: str) -> Hop:
    """RFC 5321 §4.1.3: an address in brackets is where to connect."""
    text = domain.strip("[]")
    text = text[5:] if text.lower().startswith("ipv6:") else text
    if not _is_address(text) or not _is_public_enough(text):
        raise NoRoute(Kind.FAILED, 550, "5.1.2", "this address cannot be delivered to")
    return Hop(text, text, SMTP_PORT)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_public_enough(address: str) -> bool:
    """Private networks are somebody's office; this machine, links and groups are nobody's mail host."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return not (found.is_loopback or found.is_unspecified or found.is_multicast or found.is_link_local)
