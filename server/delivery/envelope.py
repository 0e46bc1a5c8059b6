"""What stands on the outside of a message, and who handed it in.

Invariants: the null reverse-path is the empty string everywhere; addresses are as the peer wrote them (the domain is compared in
its canonical form, by `Directory`). `envelope_id` names a delivery for good on the trusted ways in (the collector, the queue,
import): the store takes it once. From strangers it is only what a report quotes (RFC 3461 §4.4).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Profile = Literal["smtp", "submission", "fetched", "import"]
"""The way in: `smtp` from strangers, `submission` from our own people, `fetched` from trusted local programs by LMTP, `import`."""

WireProtocol = Literal["SMTP", "ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA", "LMTP"]
"""RFC 3848 §3: the `with` of a Received field."""


@dataclass(frozen=True, slots=True)
class RecipientOptions:
    """What RFC 3461 lets a sender ask for one recipient."""

    notify: frozenset[str] | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """One transaction's reverse-path and recipients, with what was asked about reports and filing."""

    reverse_path: str
    recipients: tuple[str, ...]
    envelope_id: str | None = None
    ret: str | None = None
    options: Mapping[str, RecipientOptions] = field(default_factory=dict)
    eight_bit: bool = False
    smtputf8: bool = False
    mailbox: str | None = None
    """Where to file instead of the inbox; made when it is missing."""
    internaldate: datetime | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The connection a message came over; `peer` is an address without port."""

    peer: str
    helo: str
    tls: str | None
    """Protocol version and cipher, None in clear."""
    authenticated: str | None
    protocol: WireProtocol
    transaction_id: str = ""
    """What Received names it by and our 250 answers with."""


@dataclass(frozen=True, slots=True)
class Result:
    """How delivery to one recipient ended."""

    recipient: str
    ok: bool
    code: int
    enhanced: str
    text: str
