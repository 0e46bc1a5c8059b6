"""What all connections of one listener share."""

import itertools
import secrets
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field

from server.clock import Clock
from server.config import Settings
from server.net.budget import Budget
from server.net.limits import ConnectionLimits
from server.smtp.authentication import Passwords
from server.smtp.handler import Handler


@dataclass(frozen=True, slots=True)
class Service:
    """One listener's policy and means. `tls` is for STARTTLS; with implicit TLS the listener itself has it."""

    name: str
    handler: Handler
    settings: Settings
    hostname: str
    clock: Clock
    limits: ConnectionLimits
    passwords: Passwords | None = None
    tls: ssl.SSLContext | None = None
    budget: Budget = field(default_factory=Budget)
    origin: str = field(default_factory=lambda: secrets.token_hex(6))
    serial: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        """Name a transaction: unique over processes and restarts, without asking the kernel for randomness each time."""
        return f"{self.origin}{next(self.serial):06x}"
