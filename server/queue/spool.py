"""The queue's tables in the directory database, as plain functions of a Reader or a Writer.

Invariants: a message row exists as long as one of its recipients is open; a recipient is leased to at most one worker until
`lease_until`; a recipient's end and the report about it are written in one transaction. Times are seconds since 1970, UTC.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.selectable import SelectLabelStyle

from server.db.schema import Schema
from server.db.transaction import Reader, Writer
from server.queue.model import Message, Outcome, Recipient, State
from server.queue.retry import STANDARD

METADATA = MetaData()

message_table = Table(
    "queue_message",
    METADATA,
    Column("id", String, primary_key=True),
    Column("reverse_path", String, nullable=False),
    Column("sender_account", Integer),
    Column("envelope_id", String),
    Column("ret", String),
    Column("size", Integer, nullable=False),
    Column("eight_bit", Boolean, nullable=False),
    Column("created", Integer, nullable=False),
    Column("not_before", Integer, nullable=False),
)

recipient_table = Table(
    "queue_recipient",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("message_id", ForeignKey("queue_message.id"), nullable=False),
    Column("address", String, nullable=False),
    Column("domain", String, nullable=False),
    Column("notify", String),
    Column("original", String),
    Column("state", String, nullable=False),
    Column("next_attempt", Integer, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("uncertain", Integer, nullable=False, default=0),
    Column("notice_sent", Boolean, nullable=False, default=False),
    Column("lease_until", Integer),
    Column("lease_owner", String),
    Column("last_at", Integer),
    Column("last_code", Integer),
    Column("last_enhanced", String),
    Column("last_text", String),
    Column("last_host", String),
    Index("queue_recipient_due", "state", "next_attempt"),
    Index("queue_recipient_message", "message_id"),
)

key_table = Table(
    "queue_key",
    METADATA,
    Column("key", String, primary_key=True),
    Column("message_id", String, nullable=False),
    Column("created", Integer, nullable=False),
    Index("queue_key_created", "created"),
)

SCHEMA = Schema("queue", 1, METADATA)

KEY_LIFETIME = 7 * 24 * 3600
"""How long a repeated submission is recognised."""

OWNER = "worker"
"""Who holds leases. There is one worker for a database today; several machines will each have a name."""

LEASE_ROWS = 1_000
"""Recipients looked at in one lease; the rest is due a moment later."""


@dataclass(frozen=True, slots=True)
class NewRecipient:
    """One recipient as submitted."""

    address: str
    domain: str
    notify: frozenset[str] | None = None
    original: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Work for one transport: a message and those of its due recipients that share a domain."""

    message: Message
    due_since: int
    """When the message was to go out first: its creation, or the time it was scheduled for."""
    domain: str
    recipients: tuple[Recipient, ...]
    notices_sent: frozenset[int]
    """Ids of recipients whose delay was reported already."""


def add(w: Writer, message: Message, recipients: Sequence[NewRecipient], *, not_before: int | None = None) -> None:
    """Enter a message whose octets are on disk."""
    due = max(message.created_at, not_before or 0)
    w.execute(
        insert(message_table).values(
            id=message.id,
            reverse_path=message.reverse_path,
            sender_account=message.sender_account,
            envelope_id=message.envelope_id,
            ret=message.ret,
            size=message.size,
            eight_bit=message.eight_bit,
            created=message.created_at,
            not_before=due,
        )
    )
    rows = [
        {
            "message_id": message.id,
            "address": r.address,
            "domain": r.domain,
            "notify": None if r.notify is None else ",".join(sorted(r.notify)),
            "original": r.original,
            "state": State.QUEUED.value,
            "next_attempt": due,
        }
        for r in recipients
    ]
    w.execute(insert(recipient_table), rows)


def message_of_key(r: Reader, key: str) -> str | None:
    """Return the queue id that an earlier submission with this key got."""
    found = r.execute(select(key_table.c.message_id).where(key_table.c.key == key)).scalar_one_or_none()
    return None if found is None else str(found)


def remember_key(w: Writer, key: str, message_id: str, now: int) -> None:
    w.execute(delete(key_table).where(key_table.c.created < now - KEY_LIFETIME))
    w.execute(insert(key_table).values(key=key, message_id=message_id, created=now))


def _due(now: int) -> Any:
    c = recipient_table.c
    return and_(
        c.state == State.QUEUED.value,
        or_(
            c.next_attempt <= now,
            # The clock ran ahead when this was written and is right again: nobody waits for years.
            and_(c.next_attempt > now + STANDARD.furthest, c.attempts > 0),
        ),
    )


def lease(
    w: Writer,
    *,
    now: int,
    until: int,
    owner: str,
    jobs: int,
    octets: int,
    per_domain: int,
    busy: Mapping[str, int],
) -> list[Lease]:
    """Take due work that nobody else gets before `until`: up to `jobs` pieces and `octets`, but one piece at least.

    `busy` says how many pieces a domain has already; none gets more than `per_domain`.
    """
    c = recipient_table.c
    statement = (
        select(recipient_table, message_table)
        .join(message_table, message_table.c.id == c.message_id)
        .where(_due(now), or_(c.lease_until.is_(None), c.lease_until <= now))
        .order_by(c.next_attempt, c.id)
        .limit(LEASE_ROWS)
        .set_label_style(SelectLabelStyle.LABEL_STYLE_TABLENAME_PLUS_COL)
    )
    full = sorted(domain for domain, count in busy.items() if count >= per_domain)
    if full:
        statement = statement.where(c.domain.not_in(full))
    held = Counter(busy)
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in w.execute(statement).mappings():
        key = (row["queue_recipient_message_id"], row["queue_recipient_domain"])
        if key not in groups:
            if held[key[1]] >= per_domain:
                continue
            octets -= row["queue_message_size"]
            if len(groups) >= jobs or (octets < 0 and groups):
                break
            held[key[1]] += 1
        groups.setdefault(key, []).append(row)
    leases = [_lease(rows) for rows in groups.values()]
    ids = [r.id for found in leases for r in found.recipients]
    if ids:
        w.execute(update(recipient_table).where(c.id.in_(ids)).values(lease_until=until, lease_owner=owner))
    return leases


def _lease(rows: Sequence[Any]) -> Lease:
    first = rows[0]
    return Lease(
        _message(first, "queue_message_"),
        first["queue_message_not_before"],
        first["queue_recipient_domain"],
        tuple(_recipient(row, "queue_recipient_") for row in rows),
        frozenset(row["queue_recipient_id"] for row in rows if row["queue_recipient_notice_sent"]),
    )


def _message(row: Any, prefix: str = "") -> Message:
    return Message(
        row[prefix + "id"],
        row[prefix + "reverse_path"],
        row[prefix + "sender_account"],
        row[prefix + "envelope_id"],
        row[prefix + "ret"],
        row[prefix + "size"],
        bool(row[prefix + "eight_bit"]),
        row[prefix + "created"],
    )


def _recipient(row: Any, prefix: str = "") -> Recipient:
    notify = row[prefix + "notify"]
    return Recipient(
        row[prefix + "id"],
        row[prefix + "address"],
        row[prefix + "domain"],
        row[prefix + "attempts"],
        row[prefix + "uncertain"],
        None if notify is None else frozenset(notify.split(",")),
        row[prefix + "original"],
    )


def release(w: Writer, owner: str) -> int:
    """Give back what a worker of this name held when it died."""
    c = recipient_table.c
    done = w.execute(update(recipient_table).where(c.lease_owner == owner).values(lease_until=None, lease_owner=None))
    return int(done.rowcount)


def next_due(r: Reader, now: int) -> int | None:
    """Return when the next unleased recipient is due, or a lease runs out."""
    c = recipient_table.c
    if r.execute(select(c.id).where(_due(now), c.lease_until.is_(None)).limit(1)).first() is not None:
        return now
    waiting = r.execute(
        select(func.min(c.next_attempt)).where(c.state == State.QUEUED.value, c.next_attempt > now)
    ).scalar_one()
    leased = r.execute(select(func.min(c.lease_until)).where(c.state == State.QUEUED.value)).scalar_one()
    times = [int(t) for t in (waiting, leased) if t is not None]
    return min(times) if times else None


def settle(w: Writer, outcome: Outcome, state: State, *, now: int, next_attempt: int | None, uncertain: int) -> None:
    """Write the end of one attempt: the recipient is done, or due again at `next_attempt`."""
    c = recipient_table.c
    values: dict[str, Any] = {
        "state": state.value,
        "attempts": c.attempts + 1,
        "uncertain": uncertain,
        "lease_until": None,
        "lease_owner": None,
        "last_at": now,
        "last_code": outcome.code,
        "last_enhanced": outcome.enhanced,
        "last_text": outcome.text,
        "last_host": outcome.host,
    }
    if next_attempt is not None:
        values["next_attempt"] = next_attempt
    # A recipient that was held meanwhile stays held: the attempt is over, the wish is not.
    held = and_(c.id == outcome.recipient_id, c.state == State.HELD.value)
    if state is State.QUEUED:
        w.execute(update(recipient_table).where(held).values({**values, "state": State.HELD.value}))
        w.execute(
            update(recipient_table).where(c.id == outcome.recipient_id, c.state != State.HELD.value).values(values)
        )
    else:
        w.execute(update(recipient_table).where(c.id == outcome.recipient_id).values(values))


def notice_sent(w: Writer, recipient_ids: Iterable[int]) -> None:
    w.execute(update(recipient_table).where(recipient_table.c.id.in_(list(recipient_ids))).values(notice_sent=True))


def remove_if_done(w: Writer, message_id: str) -> bool:
    """Forget a message none of whose recipients is open; True when it is gone and its octets may go."""
    c = recipient_table.c
    still = select(c.id).where(c.message_id == message_id, c.state.in_([State.QUEUED.value, State.HELD.value])).limit(1)
    if w.execute(still).first() is not None:
        return False
    remove(w, message_id)
    return True


def remove(w: Writer, message_id: str) -> None:
    w.execute(delete(recipient_table).where(recipient_table.c.message_id == message_id))
    w.execute(delete(message_table).where(message_table.c.id == message_id))


def message_ids(r: Reader) -> set[str]:
    return {str(found) for found in r.execute(select(message_table.c.id)).scalars()}
