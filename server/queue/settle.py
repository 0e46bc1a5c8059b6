"""What follows from an attempt, pure: done, due again, returned; and who must hear of it.

Invariants: every leased recipient gets exactly one change, also one that a transport forgot; an uncertain end is repeated once
and then returned as unknown, so there is at most one duplicate; a report is asked for only where RFC 3461 §4.1 (NOTIFY) lets us;
what failed and can be told to nobody is held, so that nothing accepted vanishes unseen (security.md R4).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.queue import retry
from server.queue.model import NULL_PATH, Kind, Message, Outcome, Recipient, State
from server.queue.retry import STANDARD, Schedule
from server.queue.spool import Lease

MAX_UNCERTAIN = 2
UNKNOWN_TEXT = "the receiving server took the message twice without confirming it; it may have been delivered"
EXPIRED_TEXT = "the message could not be delivered in time"


@dataclass(frozen=True, slots=True)
class Change:
    """The new state of one recipient."""

    recipient: Recipient
    outcome: Outcome
    state: State
    next_attempt: int | None
    uncertain: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to be written after an attempt."""

    changes: tuple[Change, ...]
    failed: tuple[Change, ...]
    """To be reported as failures."""
    delayed: tuple[Change, ...]
    """To be reported as delays, for the first time."""

    def postponed(self, at: int) -> "Plan":
        """Return the plan without its reports: what would have failed is tried again, since a failure must be told."""
        failed = {c.recipient.id for c in self.failed}
        changes = (
            replace(c, state=State.QUEUED, next_attempt=at) if c.recipient.id in failed else c for c in self.changes
        )
        return Plan(tuple(changes), (), ())


def plan(lease: Lease, outcomes: Sequence[Outcome], *, now: int, chance: float, schedule: Schedule = STANDARD) -> Plan:
    """Decide for every recipient of a lease; `chance` in [0, 1) is shared, so that they stay together."""
    by_id = {o.recipient_id: o for o in outcomes}
    changes = []
    for recipient in lease.recipients:
        outcome = by_id.get(recipient.id) or _silent(recipient)
        change = _change(lease, recipient, outcome, now, chance, schedule)
        # What was accepted from a stranger can be reported to nobody; it stays for the administrator instead of vanishing.
        untold = change.state is State.FAILED and _is_strangers(lease.message)
        changes.append(replace(change, state=State.HELD) if untold else change)
    reported = wants_reports(lease.message)
    failed = (c for c in changes if c.state is State.FAILED and reported and _wants(c.recipient, "FAILURE"))
    late = (
        c
        for c in changes
        if c.state is State.QUEUED
        and reported
        and _wants(c.recipient, "DELAY")
        and retry.notice_due(
            created=lease.due_since, now=now, sent=c.recipient.id in lease.notices_sent, schedule=schedule
        )
    )
    return Plan(tuple(changes), tuple(failed), tuple(late))


def wants_reports(message: Message) -> bool:
    """Reports go to people who signed in here, never to whoever a stranger's message names (security.md T105).

    RFC 5321 §6.1: never to a null reverse-path either.
    """
    return message.reverse_path != NULL_PATH and message.sender_account is not None


def _is_strangers(message: Message) -> bool:
    """Mail of somebody outside that port 25 handed over, as opposed to our people's and to our own reports."""
    return message.reverse_path != NULL_PATH and message.sender_account is None


def _wants(recipient: Recipient, what: str) -> bool:
    return recipient.notify is None or what in recipient.notify


def _silent(recipient: Recipient) -> Outcome:
    return Outcome(recipient.id, Kind.DEFERRED, 451, "4.3.0", "the attempt failed here")


def _change(
    lease: Lease, recipient: Recipient, outcome: Outcome, now: int, chance: float, schedule: Schedule
) -> Change:
    uncertain = recipient.uncertain
    if outcome.kind is Kind.DELIVERED:
        return Change(recipient, outcome, State.DELIVERED, None, uncertain)
    if outcome.kind is Kind.FAILED:
        return Change(recipient, outcome, State.FAILED, None, uncertain)
    if outcome.kind is Kind.UNCERTAIN:
        uncertain += 1
        if uncertain >= MAX_UNCERTAIN:
            unknown = replace(outcome, kind=Kind.FAILED, enhanced="5.4.2", text=UNKNOWN_TEXT)
            return Change(recipient, unknown, State.FAILED, None, uncertain)
    at = retry.next_attempt(
        created=lease.due_since, now=now, attempts=recipient.attempts + 1, chance=chance, schedule=schedule
    )
    if at is not None:
        return Change(recipient, outcome, State.QUEUED, at, uncertain)
    # RFC 3463 §3.5: 4.4.7 and 5.4.7 mean that delivery time expired.
    expired = replace(outcome, kind=Kind.FAILED, enhanced="5.4.7", text=f"{EXPIRED_TEXT}; last answer: {outcome.text}")
    return Change(recipient, expired, State.FAILED, None, uncertain)
