"""The mail-taking ports of this process: 25, 587, 465, and LMTP on loopback."""

import logging
import ssl
from collections.abc import Sequence
from typing import Protocol

from server.accounts.directory import Directory
from server.clock import Clock, SystemClock
from server.config import Settings
from server.delivery.pipeline import Pipeline, QueueSubmit
from server.net.budget import Budget
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, close_all, listen
from server.smtp.authentication import Passwords
from server.smtp.handler import Handler
from server.smtp.lmtp import LocalDelivery
from server.smtp.protocol import factory
from server.smtp.receive import Receiver
from server.smtp.service import Service
from server.smtp.submission import Submission

LOOPBACK = "127.0.0.1"


class Submits(Protocol):
    """What is needed of `server.queue.submit.Queue`."""

    @property
    def submit(self) -> QueueSubmit: ...


async def start(
    settings: Settings,
    pipeline: Pipeline,
    queue: Submits,
    directory: Directory,
    authenticator: Passwords,
    tls: ssl.SSLContext,
    limits: ConnectionLimits,
    *,
    clock: Clock | None = None,
    reuse_port: bool = False,
) -> list[Listener]:
    """Bind and start all four; none is left bound when one of them cannot be."""
    # aiosmtpd writes what peers say to this logger as it came; `server.log` escapes, so ours are the lines to keep.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    clock = clock or SystemClock()
    hostname = directory.hostname()
    budget = Budget()
    submission = Submission(pipeline, queue.submit, directory, clock, hostname)
    ports = settings.ports
    wanted: Sequence[tuple[str, Handler, str, int, bool]] = (
        ("smtp", Receiver(pipeline), settings.bind, ports.smtp, False),
        ("submission", submission, settings.bind, ports.submission, False),
        ("submissions", submission, settings.bind, ports.submissions, True),
        ("lmtp", LocalDelivery(pipeline), LOOPBACK, ports.lmtp, False),
    )
    started: list[Listener] = []
    try:
        for name, handler, host, port, implicit in wanted:
            service = Service(
                name=name,
                handler=handler,
                settings=settings,
                hostname=hostname,
                clock=clock,
                limits=limits,
                passwords=authenticator if handler.needs_sign_in else None,
                # RFC 2033 has no need of TLS: the LMTP port cannot be reached from outside.
                tls=None if implicit or handler.lmtp else tls,
                budget=budget,
            )
            started.append(
                await listen(name, factory(service), host, port, tls=tls if implicit else None, reuse_port=reuse_port)
            )
    except OSError:
        await close_all(started, grace=0.0)
        raise
    return started
