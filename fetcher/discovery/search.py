"""The search for the settings of an address (RFC 6186, RFC 8314 §5.1, draft-ietf-mailmaint-autoconfig).

In this order: what we know of the domain; its own settings by HTTPS; a public directory; SRV records; who takes its mail; the directory's
entry of that server's domain; the domain's own settings by plain HTTP. What can be asked at the same time is; the first in the order that has
an answer is taken. Invariants: only the domain leaves this machine, never the part before the @; answers are kept for some minutes, so
that typing asks once; a search ends after `SECONDS`; few run at a time.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from fetcher import providers
from fetcher.discovery import autoconfig, service, web
from fetcher.discovery.offer import Found, Origin, domain_of, name_of, of_preset
from fetcher.discovery.web import NotFetched, Web
from server.dns.resolver import LookupFailed, NoSuchDomain, Resolver, Srv
from server.log import get_logger

T = TypeVar("T")
SECONDS = 15.0
KEPT_SECONDS = 600.0
NOTHING_KEPT_SECONDS = 60.0
KEPT = 500
AT_ONCE = 4

log = get_logger("fetcher.discovery")


class Search:
    """Searches for one process, from any thread.

    Args:
        world: How names and web servers are reached.
        directory: What stands before a domain in the public directory of providers; empty: it is not asked.
    """

    def __init__(self, world: Web, *, directory: str) -> None:
        self._world, self._directory = world, directory
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Found | None]] = OrderedDict()

    def known(self, address: str) -> tuple[Found | None, bool]:
        """What is known without asking anybody, and whether asking could bring more."""
        preset = providers.for_address(address)
        if preset is not None:
            return of_preset(preset, Origin.ADDRESS, address.rpartition("@")[2].lower()), False
        domain = domain_of(address)
        if domain is None:
            return None, False
        with self._lock:
            until, result = self._kept.get(domain, (0.0, None))
        return (result, False) if until > time.monotonic() else (None, True)

    def find(self, address: str) -> Found | None:
        """Return the settings for an address, or None. Blocks; not for a thread with a running loop."""
        result, worth_asking = self.known(address)
        domain = domain_of(address)
        if not worth_asking or domain is None or not self._slots.acquire(timeout=SECONDS):
            return result
        try:
            result = asyncio.run(self._bounded(domain))
        finally:
            self._slots.release()
        self._keep(domain, result)
        return result

    def _keep(self, domain: str, result: Found | None) -> None:
        with self._lock:
            self._kept[domain] = (time.monotonic() + (KEPT_SECONDS if result else NOTHING_KEPT_SECONDS), result)
            self._kept.move_to_end(domain)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    async def _bounded(self, domain: str) -> Found | None:
        try:
            async with asyncio.timeout(SECONDS):
                return await self.search(domain)
        except TimeoutError:
            log.info("search_too_slow", domain=domain)
            return None

    async def search(self, domain: str) -> Found | None:
        """Ask, in the order that the module names."""
        exchangers = asyncio.create_task(_exchangers(self._world.resolver, domain))
        try:
            return (
                await _first(
                    *self._published("https", domain, Origin.PROVIDER),
                    self._listed(domain, domain, Origin.DIRECTORY),
                    self._services(domain),
                    _hosted(exchangers, domain),
                )
                or await _first(*[self._listed(n, domain, Origin.HOST) for n in _parents(await exchangers)])
                or await _first(*self._published("http", domain, Origin.UNPROTECTED))
            )
        finally:
            exchangers.cancel()

    def _published(self, scheme: str, domain: str, origin: Origin) -> list[Awaitable[Found | None]]:
        """What the domain itself says, in both of the usual places."""
        return [
            self._document(f"{scheme}://autoconfig.{domain}/mail/config-v1.1.xml", domain, origin),
            self._document(f"{scheme}://{domain}/.well-known/autoconfig/mail/config-v1.1.xml", domain, origin),
        ]

    async def _listed(self, name: str, domain: str, origin: Origin) -> Found | None:
        if not self._directory:
            return None
        return await self._document(self._directory + name, domain, origin)

    async def _document(self, url: str, domain: str, origin: Origin) -> Found | None:
        try:
            return autoconfig.parse(await web.get(url, self._world, limit=autoconfig.SIZE_LIMIT), domain, origin)
        except (NotFetched, autoconfig.NotSettings):
            return None

    async def _services(self, domain: str) -> Found | None:
        answers = await asyncio.gather(*(_records(self._world.resolver, f"{s}.{domain}") for s in service.SERVICES))
        return service.offers(domain, dict(zip(service.SERVICES, answers, strict=True)))


async def _records(resolver: Resolver, name: str) -> Sequence[Srv]:
    try:
        return await resolver.srv(name)
    except (NoSuchDomain, LookupFailed):
        return ()


async def _exchangers(resolver: Resolver, domain: str) -> Sequence[str]:
    try:
        return [record.host for record in await resolver.mx(domain) if record.host]
    except (NoSuchDomain, LookupFailed):
        return ()


async def _hosted(exchangers: Awaitable[Sequence[str]], domain: str) -> Found | None:
    """Whom of those we know takes the domain's mail, the preferred server first."""
    for host in await exchangers:
        known = providers.by_exchanger(host)
        if known is not None:
            return of_preset(known, Origin.EXCHANGER, domain)
    return None


def _parents(exchangers: Sequence[str]) -> list[str]:
    """The domains that the preferred exchanger may stand in: two at most.

    Only the directory is asked for them: one may be the likes of `co.uk`, where anybody can have an `autoconfig`.
    """
    if not exchangers:
        return []
    labels = exchangers[0].split(".")
    names = (name_of(".".join(labels[n:])) for n in (1, 2))
    return [name for name in names if name is not None]


async def _first(*asked: Awaitable[T | None]) -> T | None:
    """Ask all at once and take the first of them, in their order, that has an answer; the rest is given up."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        for task in tasks:
            answer = await task
            if answer is not None:
                return answer
        return None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
