"""Reports to the sender about what could not be delivered (RFC 3464), built from a plan.

Invariants: a report has the null reverse-path, so nothing ever answers it (RFC 5321 §6.1); the failures of one attempt share one
report. Whether a report is due is decided in `settle`; that it is stored together with the new states, in `worker`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from server.mail import dsn, message_id
from server.mail.address import Address, parse_addr_spec
from server.queue.model import Message
from server.queue.retry import STANDARD, Schedule
from server.queue.settle import Change, Plan

DAEMON = "Mail Delivery System"


def reports(
    message: Message, plan: Plan, raw: bytes, *, hostname: str, now: datetime, schedule: Schedule = STANDARD
) -> list[bytes]:
    """Return the reports that a plan asks for: none, one, or one of failures and one of delays."""
    to = parse_addr_spec(message.reverse_path)
    if to is None:
        return []
    until = datetime.fromtimestamp(message.created_at, UTC) + timedelta(seconds=schedule.lifetime)
    found = []
    if plan.failed:
        context = _context(message, raw, to, hostname, now, "failure", plan.failed)
        found.append(dsn.failure(context, [_recipient(change, now, None) for change in plan.failed]))
    if plan.delayed:
        context = _context(message, raw, to, hostname, now, "delay", plan.delayed)
        found.append(dsn.delay(context, [_recipient(change, now, until) for change in plan.delayed]))
    return found


def _context(
    message: Message,
    raw: bytes,
    to: Address,
    hostname: str,
    now: datetime,
    kind: str,
    changes: Sequence[Change],
) -> dsn.Context:
    unique = f"{kind}.{message.id}.{changes[0].recipient.id}.{changes[0].recipient.attempts}"
    return dsn.Context(
        reporting_mta=hostname,
        from_=Address(DAEMON, "MAILER-DAEMON", hostname),
        to=to,
        date=now,
        message_id=message_id.make(hostname, unique),
        original=raw,
        envelope_id=message.envelope_id,
        arrival=datetime.fromtimestamp(message.created_at, UTC),
        full=message.ret == "FULL",
    )


def _recipient(change: Change, now: datetime, until: datetime | None) -> dsn.Recipient:
    outcome = change.outcome
    return dsn.Recipient(
        change.recipient.address,
        status=outcome.enhanced,
        diagnostic=f"{outcome.code} {outcome.enhanced} {outcome.text}",
        remote_mta=outcome.host or None,
        original=change.recipient.original,
        last_attempt=now,
        will_retry_until=until,
    )
