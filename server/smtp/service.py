"""What all connections of one listener share."""

import ssl
from dataclasses import dataclass, field

from server.clock import Clock
from server.config import Settings
from server.net.limits import ConnectionLimits
from server.smtp.authentication import Passwords
from server.smtp.handler import Handler
from server.smtp.spool import Budget


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
