"""The seam between the queue and whoever carries a message on.

`remote` implements `Transport` over SMTP; `delivery.local_transport` implements it over LMTP; `runtime` brings both here.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from server.queue.model import Job, Outcome


class Transport(Protocol):
    """Carries one job and says for every recipient how it ended.

    A recipient that is missing from the answer, and every recipient when an exception leaves `deliver`, counts as
    deferred. An implementation that can be told apart from a repetition passes `job.message.id` on, so that an attempt
    repeated after a crash is recognised.
    """

    async def deliver(self, job: Job) -> Sequence[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Transports:
    """Who carries what: `local` for domains of this installation, `remote` for the rest of the world."""

    local: Transport
    hosts: Callable[[str], Awaitable[bool]]
    """True when a domain is one of ours (`Directory.hosts`)."""
    remote: Transport | None = None
    """None: SMTP as `Settings` and DNS say, made by the worker."""
