"""The trace fields of a delivered message: ours put on top, what strangers claim in our name taken away.

RFC 5321 §4.4 (Return-Path by the last server alone, Received by each), RFC 8601 §5 (Authentication-Results that claim to be ours).
"""

import re
from collections.abc import Collection
from datetime import datetime

from server.delivery.envelope import Envelope, Profile, SessionInfo
from server.mail import header, trace

AUTHSERV_ID = re.compile(rb'\s*(?:\([^()]*\)\s*)*"?([^\s;"()]+)')


def mark(raw: bytes, envelope: Envelope, session: SessionInfo, hostname: str, profile: Profile, now: datetime) -> bytes:
    """Return the octets as they are stored."""
    if profile == "import":
        return raw  # an archive keeps the trace it has
    cleaned = without_forged_results(trace.strip_return_path(raw), hostname)
    return trace.return_path(envelope.reverse_path) + received(envelope, session, hostname, now) + cleaned


def received(envelope: Envelope, session: SessionInfo, hostname: str, now: datetime) -> bytes:
    """Return our Received field."""
    # RFC 5321 §7.2: naming one of several recipients would tell the others who else was written to.
    only = envelope.recipients[0] if len(envelope.recipients) == 1 else None
    return trace.received(
        helo=session.helo,
        peer=session.peer,
        by=hostname,
        protocol=session.protocol,
        identifier=session.transaction_id,
        date=now,
        recipient=only,
        tls=session.tls,
    )


def without_forged_results(raw: bytes, hostname: str) -> bytes:
    """RFC 8601 §5: drop Authentication-Results that bear our name; only this server writes those (security.md T107)."""
    block, body = header.split(raw)
    if "Authentication-Results" not in block:
        return raw
    ours = hostname.casefold().encode("ascii" if hostname.isascii() else "idna")
    head = raw[:body]
    for field in block:
        if field.name.casefold() == "authentication-results" and _authserv_id(field.value) == ours:
            head = _cut(head, field.raw)
    return head + raw[body:]


def without(raw: bytes, names: Collection[str]) -> bytes:
    """Drop every field of these names (lower case)."""
    block, body = header.split(raw)
    head = raw[:body]
    for field in block:
        if field.name.casefold() in names:
            head = _cut(head, field.raw)
    return head + raw[body:]


def _authserv_id(value: bytes) -> bytes:
    found = AUTHSERV_ID.match(value)
    return found.group(1).lower() if found else b""


def _cut(head: bytes, field: bytes) -> bytes:
    """Take out one field; it stands at the start of a line, never inside another field."""
    if head.startswith(field):
        return head[len(field) :]
    place = head.find(b"\n" + field)
    return head if place < 0 else head[: place + 1] + head[place + 1 + len(field) :]
