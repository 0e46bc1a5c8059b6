"""The ledger: one row for every message ever seen at a source, and what became of it.

Functions of a transaction. Invariants: a row says `delivered` only after our server's 2xx; `removed_at` is set only after
the provider confirmed the deletion; a row whose UIDL has left the listing stays for `KEPT_AFTER_ABSENCE`, so that a
provider that forgets and remembers does not bring old mail again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from fetcher.table import source_message as ledger
from fetcher.uidl import SETTLED, Known, State
from server.db.statement import Statement
from server.db.transaction import Reader, Writer

SLICE = 400
"""UIDLs asked for in one query."""
KEPT_AFTER_ABSENCE = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of one message in this run."""

    uidl: str
    state: State
    generation: int = 0
    size: int = -1
    header_hash: str = ""
    content_hash: str = ""
    message_id: str | None = None
    mailbox: str | None = None
    reason_code: str | None = None
    reason_text: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """One row of the ledger, for people."""

    uidl: str
    state: str
    size: int
    message_id: str | None
    mailbox: str | None
    reason_code: str | None
    reason_text: str | None
    first_seen: datetime | None
    settled_at: datetime | None
    removed_at: datetime | None
    absent_since: datetime | None


def known(r: Reader, source_id: int, uidls: Sequence[str]) -> Mapping[str, Known]:
    """Return what the ledger has of these."""
    found: dict[str, Known] = {}
    for start in range(0, len(uidls), SLICE):
        rows = r.execute(
            sa.select(
                *(ledger.c.uidl, ledger.c.state, ledger.c.size, ledger.c.absent_since),
                *(ledger.c.generation, ledger.c.header_hash),
            ).where(ledger.c.source_id == source_id, ledger.c.uidl.in_(uidls[start : start + SLICE]))
        )
        for row in rows:
            absent = row.absent_since is not None
            found[row.uidl] = Known(State(row.state), row.size, absent, row.generation, row.header_hash)
    return found


_other = ledger.alias("other")


def _settled_among(*conditions: sa.ColumnElement[bool]) -> Statement:
    """Ask in two steps: the index gives the few that fit, their rows tell the rest.

    In one step SQLite reads the whole ledger of the source, for each message of an import.
    """
    source: sa.BindParameter[int] = sa.bindparam("source_id")
    fitting = sa.select(_other.c.uidl).where(_other.c.source_id == source, *conditions)
    is_settled = sa.or_(*(ledger.c.state == str(state) for state in sorted(SETTLED)))
    return Statement(
        sa.select(ledger.c.uidl, ledger.c.size, ledger.c.absent_since).where(
            ledger.c.source_id == source, ledger.c.uidl.in_(fitting), is_settled
        )
    )


_SAME_OCTETS = _settled_among(_other.c.content_hash == sa.bindparam("hash"))
_SAME_HEADER = _settled_among(_other.c.header_hash == sa.bindparam("hash"))


def twin(r: Reader, source_id: int, uidl: str, *, size: int, content_hash: str, header_hash: str) -> str | None:
    """Return the UIDL under which the same message is settled already.

    The same octets are the same message. The same header and size are, if the other UIDL has left the listing: the
    provider has given out new UIDLs (a move to another machine, a rebuilt index).
    """
    for other, _, _ in r.run(_SAME_OCTETS, source_id=source_id, hash=content_hash):
        if other != uidl:
            return str(other)
    for other, other_size, absent_since in r.run(_SAME_HEADER, source_id=source_id, hash=header_hash):
        if other != uidl and other_size == size and absent_since is not None:
            return str(other)
    return None


# A hot spot: a first import writes thousands. Both SQLite and PostgreSQL know this form.
_MARK = """
INSERT INTO source_message (source_id, uidl, state, generation, size, header_hash, content_hash, message_id, mailbox,
    reason_code, reason_text, first_seen, settled_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source_id, uidl) DO UPDATE SET state = excluded.state, generation = excluded.generation,
    size = excluded.size, header_hash = excluded.header_hash, content_hash = excluded.content_hash,
    message_id = excluded.message_id, mailbox = excluded.mailbox, reason_code = excluded.reason_code,
    reason_text = excluded.reason_text, settled_at = excluded.settled_at, removed_at = NULL, absent_since = NULL
"""


def mark(w: Writer, source_id: int, marks: Iterable[Mark], *, now: datetime) -> None:
    """Write what became of messages."""
    at = int(now.timestamp())
    w.raw_many(
        _MARK,
        [
            (
                *(source_id, m.uidl, str(m.state), m.generation, m.size, m.header_hash, m.content_hash, m.message_id),
                *(m.mailbox, m.reason_code, m.reason_text, at, at),
            )
            for m in marks
        ],
    )


def present_again(w: Writer, source_id: int, sizes: Mapping[str, int]) -> None:
    """Note that messages which were gone, or had another size, are there and are still the same ones."""
    w.raw_many(
        "UPDATE source_message SET absent_since = NULL, removed_at = NULL, size = ? WHERE source_id = ? AND uidl = ?",
        [(size, source_id, uidl) for uidl, size in sizes.items()],
    )


def removed(w: Writer, source_id: int, uidls: Iterable[str], *, now: datetime) -> None:
    """Note that the provider has deleted these at our wish."""
    at = int(now.timestamp())
    w.raw_many(
        "UPDATE source_message SET removed_at = ?, absent_since = ? WHERE source_id = ? AND uidl = ?",
        [(at, at, source_id, uidl) for uidl in uidls],
    )


def any_absent(r: Reader, source_id: int, is_present: Callable[[str], bool]) -> bool:
    """Tell whether `note_absent` would find anything, without the write lock."""
    rows = r.execute(sa.select(ledger.c.uidl).where(ledger.c.source_id == source_id, ledger.c.absent_since.is_(None)))
    return any(not is_present(row.uidl) for row in rows)


def note_absent(w: Writer, source_id: int, is_present: Callable[[str], bool], *, now: datetime) -> int:
    """Compare the ledger with a complete listing; returns how many have left it since the last one."""
    at = int(now.timestamp())
    rows = w.execute(sa.select(ledger.c.uidl).where(ledger.c.source_id == source_id, ledger.c.absent_since.is_(None)))
    gone = [row.uidl for row in rows if not is_present(row.uidl)]
    w.raw_many(
        "UPDATE source_message SET absent_since = ? WHERE source_id = ? AND uidl = ?",
        [(at, source_id, uidl) for uidl in gone],
    )
    oldest = at - int(KEPT_AFTER_ABSENCE.total_seconds())
    w.execute(sa.delete(ledger).where(ledger.c.source_id == source_id, ledger.c.absent_since < oldest))
    return len(gone)


def try_refused_again(w: Writer, source_id: int) -> int:
    """Forget refusals, so that the next run tries them once more; returns how many there were."""
    done = w.execute(
        sa.update(ledger)
        .where(ledger.c.source_id == source_id, ledger.c.state == State.REFUSED.value)
        .values(state=State.PENDING.value)
    )
    return done.rowcount


def stories(r: Reader, source_id: int, *, limit: int = 100, offset: int = 0, search: str = "") -> Sequence[Story]:
    """Return ledger rows, the latest first; `search` looks into UIDL and Message-ID."""
    query = sa.select(ledger).where(ledger.c.source_id == source_id)
    if search:
        query = query.where(
            ledger.c.uidl.contains(search, autoescape=True) | ledger.c.message_id.contains(search, autoescape=True)
        )
    query = query.order_by(ledger.c.settled_at.desc(), ledger.c.uidl).limit(limit).offset(offset)
    return [
        Story(
            row.uidl,
            row.state,
            row.size,
            row.message_id,
            row.mailbox,
            row.reason_code,
            row.reason_text,
            *(_moment(t) for t in (row.first_seen, row.settled_at, row.removed_at, row.absent_since)),
        )
        for row in r.execute(query)
    ]


def counts(r: Reader, source_id: int) -> Mapping[str, int]:
    """Return how many rows there are in each state."""
    rows = r.execute(
        sa.select(ledger.c.state, sa.func.count().label("number"))
        .where(ledger.c.source_id == source_id)
        .group_by(ledger.c.state)
    )
    return {row.state: row.number for row in rows}


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
