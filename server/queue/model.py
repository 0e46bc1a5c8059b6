"""The queue's values: what is submitted, what is attempted, and how an attempt ended.

Invariants: addresses are kept as they were accepted; `domain` is their canonical (lower-case, A-label) domain; texts that
came from a peer are one line of printable ASCII of bounded length before they get here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Protocol

from server.mail.address import canonical_domain, parse_addr_spec

NULL_PATH = ""
"""The reverse-path of a message that nobody wants an answer to (RFC 5321 §4.5.5)."""

REPLY_TEXT_LIMIT = 400


class RecipientWish(Protocol):
    """What a sender asked about reports for one recipient (RFC 3461); `delivery.envelope.RecipientOptions` is one."""

    @property
    def notify(self) -> frozenset[str] | None: ...

    @property
    def original(self) -> str | None: ...


class Submission(Protocol):
    """What the queue needs to know of an envelope; `delivery.envelope.Envelope` is one."""

    @property
    def reverse_path(self) -> str: ...

    @property
    def recipients(self) -> Sequence[str]: ...

    @property
    def envelope_id(self) -> str | None: ...

    @property
    def ret(self) -> str | None: ...

    @property
    def options(self) -> Mapping[str, RecipientWish]: ...


class Kind(Enum):
    """How an attempt ended for one recipient."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """The octets went out, the final dot too, but no answer came: the peer may or may not have it."""


class State(StrEnum):
    """Where a recipient is. Rows of delivered and failed recipients go away with their message."""

    QUEUED = "queued"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient of one queued message, as a transport sees it."""

    id: int
    address: str
    domain: str
    attempts: int = 0
    uncertain: int = 0
    notify: frozenset[str] | None = None
    original: str | None = None
    """ORCPT as given (RFC 3461 §4.2), for the report."""


@dataclass(frozen=True, slots=True)
class Message:
    """One queued message without its recipients; the octets are in the blob named by `id`."""

    id: str
    reverse_path: str
    sender_account: int | None
    envelope_id: str | None
    ret: str | None
    size: int
    eight_bit: bool
    created_at: int
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Job:
    """One transaction with one destination: a message and those of its recipients that share a domain."""

    message: Message
    domain: str
    recipients: tuple[Recipient, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient in one attempt; `host` is who said so (empty: we did)."""

    recipient_id: int
    kind: Kind
    code: int
    enhanced: str
    text: str
    host: str = ""


class AddressRefused(ValueError):
    """An envelope address that no server may be shown: it is not one address, or could be read as a command."""


def domain_of(address: str) -> str:
    """Return the canonical domain of an envelope address.

    Raises:
        AddressRefused: The address does not parse strictly (security.md T088, T112).
    """
    parsed = parse_addr_spec(address)
    if parsed is None:
        raise AddressRefused("not an address")
    return canonical_domain(parsed.domain)


def one_line(text: str, limit: int = REPLY_TEXT_LIMIT) -> str:
    """Make a peer's words safe to keep, to log and to put into a report: one line, printable ASCII, bounded."""
    words = " ".join(text[: 4 * limit].split())
    return "".join(c if " " <= c <= "~" else "?" for c in words)[:limit]
