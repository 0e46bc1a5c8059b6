"""Delivery to the rest of the world: hosts in order, each tried until one has answered for the message.

Invariants: another host is tried only while it is certain that none has the message; no attempt takes longer than
`ATTEMPT_SECONDS` and one connection, so a lease outlives it; a failed TLS handshake is repeated in the clear only where TLS was
a bonus (RFC 7435), never towards a host that gets our password.
"""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import aclosing

from server.config import Settings
from server.dns.resolver import Resolver
from server.log import get_logger
from server.queue.client import ClientOptions, HopFailed, Stages, attempt
from server.queue.model import Job, Kind, Outcome, one_line
from server.queue.route import Hop, NoRoute, Router

ATTEMPT_SECONDS = 15 * 60

log = get_logger("queue.remote")


class RemoteTransport:
    """The `Transport` for domains that are not ours.

    Args:
        settings: Routes and smarthost.
        resolver: DNS.
        hostname: Our name in EHLO.
        stages: Time-outs.
        router: Finds the hosts; made of the others when None.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        hostname: str,
        *,
        stages: Stages | None = None,
        router: Router | None = None,
    ) -> None:
        self._router = router or Router(settings, resolver, hostname)
        self._options = ClientOptions(
            hostname, opportunistic_context(), ssl.create_default_context(), stages or Stages()
        )

    async def deliver(self, job: Job) -> Sequence[Outcome]:
        """Try the domain's hosts; every recipient gets an outcome."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ATTEMPT_SECONDS
        last: tuple[Hop, HopFailed] | None = None
        try:
            async with aclosing(self._router.hops(job.domain)) as hops:
                async for hop in hops:
                    try:
                        return await self._try(hop, job)
                    except HopFailed as error:
                        last = hop, error
                    if loop.time() > deadline:
                        break
        except NoRoute as error:
            return _all(job, error.kind, error.code, error.enhanced, error.text)
        if last is None:
            return _all(job, Kind.DEFERRED, 451, "4.4.0", "no host could be tried")
        hop, failure = last
        # RFC 5321 §4.2: a host that refuses us as a whole says nothing about the recipients; they are tried again.
        code = failure.code if 400 <= failure.code <= 499 else 451
        return _all(job, Kind.DEFERRED, code, _temporary(failure.enhanced), failure.text, hop.name)

    async def _try(self, hop: Hop, job: Job) -> Sequence[Outcome]:
        try:
            return await attempt(hop, job, self._options)
        except HopFailed as error:
            if not error.tls or hop.implicit_tls:
                raise
            log.info("tls_failed_using_clear", host=hop.name, queue_id=job.message.id)
        return await attempt(hop, job, self._options, clear=True)


def opportunistic_context() -> ssl.SSLContext:
    """TLS without checking who answers (RFC 7435): anybody who could fake the host could as well strip STARTTLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _temporary(enhanced: str) -> str:
    return "4" + enhanced[1:]


def _all(job: Job, kind: Kind, code: int, enhanced: str, text: str, host: str = "") -> list[Outcome]:
    return [Outcome(r.id, kind, code, enhanced, one_line(text), host) for r in job.recipients]
