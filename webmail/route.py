"""The way of a message: hops out of Received fields, oldest first, with the time each took. Pure. RFC 5321 §4.4."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from server.mail import date as mail_date
from webmail.envelope import sayable, shown

MAX_HOPS = 50
_BY = re.compile(r"\bby\s+([^\s;()]{1,255})", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+([^\s;()]{1,255})", re.IGNORECASE)
_WITH = re.compile(r"\bwith\s+([^\s;()]{1,40})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hop:
    """One Received field; `seconds` is the time since the hop before, None where it cannot be told."""

    source: str
    target: str
    protocol: str
    at: datetime | None
    seconds: int | None


def hops(received: Sequence[bytes]) -> list[Hop]:
    """Read the fields as they stand in the header, newest first."""
    found: list[Hop] = []
    before: datetime | None = None
    for raw in list(reversed(list(received)))[:MAX_HOPS]:
        text = shown(raw.decode("utf-8", "replace"))[:2_000]
        words, _, stamp = text.rpartition(";")
        moment = mail_date.parse(stamp.strip()) if words else None
        at = sayable(moment.astimezone(UTC)) if moment and moment.tzinfo else None
        seconds = max(0, round((at - before).total_seconds())) if at and before else None
        found.append(Hop(_named(_FROM, text), _named(_BY, text), _named(_WITH, words), at, seconds))
        before = at or before
    return found


def _named(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
