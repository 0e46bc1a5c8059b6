"""Who collects which source: leases in the table, so that no source is ever collected twice at once.

Functions of a transaction that holds the write lock, which makes each of them one step for all processes. A lease runs
out by itself when its holder dies; until then only its holder writes results.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from fetcher.account import Source, by_id, due
from fetcher.table import source
from server.db.transaction import Writer

LEASE_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Caps:
    """How many run at once: in this process, at one provider, for one person (the last two over all processes)."""

    running: int = 32
    host: int = 4
    account: int = 4


def claim(
    w: Writer,
    *,
    now: datetime,
    room: int,
    caps: Caps,
    source_id: int | None = None,
    seconds: int = LEASE_SECONDS,
) -> Sequence[Source]:
    """Take up to `room` due sources, and return them with their leases."""
    at = int(now.timestamp())
    busy = w.execute(sa.select(source.c.host, source.c.account_id).where(source.c.lease_until > at)).fetchall()
    hosts, people = Counter(r.host for r in busy), Counter(r.account_id for r in busy)
    wanted = [] if source_id is None else [source.c.id == source_id]
    taken: list[Source] = []
    while len(taken) < room:
        # Whoever has had enough is left out of the question: a thousand sources of one provider hide nobody else's.
        full_hosts = [h for h, n in hosts.items() if n >= caps.host]
        full_people = [p for p, n in people.items() if n >= caps.account]
        among = [*wanted, source.c.host.not_in(full_hosts), source.c.account_id.not_in(full_people)]
        found = due(w, now, limit=room - len(taken), among=among)
        for candidate in found:
            if hosts[candidate.host] < caps.host and people[candidate.account_id] < caps.account:
                hosts[candidate.host] += 1
                people[candidate.account_id] += 1
                taken.append(_take(w, candidate.id, at, seconds))
        if not found:
            break
    return taken


def is_free(w: Writer, source_id: int, *, now: datetime) -> bool:
    """Tell whether nobody collects this source at the moment."""
    held = sa.select(source.c.id).where(source.c.id == source_id, source.c.lease_until > int(now.timestamp()))
    return w.execute(held).first() is None


def _take(w: Writer, source_id: int, at: int, seconds: int) -> Source:
    w.execute(
        sa.update(source)
        .where(source.c.id == source_id)
        .values(
            lease=secrets.token_hex(8),
            lease_until=at + seconds,
            state="fetching",
            wanted=False,
            last_run=at,
            progress_done=0,
            progress_total=0,
        )
    )
    claimed = by_id(w, source_id)
    assert claimed is not None  # noqa: S101 - we hold the write lock
    return claimed


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run has done since it last said so, and how far it is."""

    done: int
    total: int
    delivered: int = 0
    refused: int = 0


def renew(
    w: Writer, source_id: int, lease: str, progress: Progress, *, now: datetime, seconds: int = LEASE_SECONDS
) -> bool:
    """Prolong the lease and show the progress; False if the run has to end (paused, removed, lease lost)."""
    changed = w.execute(
        sa.update(source)
        .where(source.c.id == source_id, source.c.lease == lease)
        .values(
            lease_until=int(now.timestamp()) + seconds,
            progress_done=progress.done,
            progress_total=progress.total,
            delivered_count=source.c.delivered_count + progress.delivered,
            refused_count=source.c.refused_count + progress.refused,
        )
    )
    if changed.rowcount == 0:
        return False
    row = w.execute(sa.select(source.c.state).where(source.c.id == source_id)).first()
    return row is not None and row.state != "paused"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended. `wait` is None when only a person can help."""

    state: str
    wait: int | None
    error_code: str | None = None
    error_text: str | None = None
    failures: int = 0
    imported: bool = False
    found: bool = False
    remote_count: int | None = None
    listing_hash: str | None = None


def finish(w: Writer, source_id: int, lease: str, ending: Ending, *, now: datetime) -> bool:
    """Give the lease back and write down how it went; False if the lease was lost meanwhile."""
    at = int(now.timestamp())
    good = ending.error_code is None
    failing = ending.state in ("failing", "sign-in")
    next_run = None if ending.wait is None else at + ending.wait
    values = {
        "lease": None,
        "lease_until": 0,
        "state": sa.case((source.c.state == "paused", "paused"), else_=ending.state),
        # Somebody pressed Collect now in the meantime: then it stays due.
        "next_run": sa.case((source.c.wanted == sa.true(), source.c.next_run), else_=sa.literal(next_run)),
        "error_code": ending.error_code,
        "error_text": ending.error_text,
        "failures": ending.failures,
        "failing_since": sa.func.coalesce(source.c.failing_since, at) if failing else None,
        "listing_hash": sa.case((source.c.wanted == sa.true(), None), else_=sa.literal(ending.listing_hash)),
    }
    if good:
        values["last_ok"] = at
    if ending.found:
        values["last_found"] = at
    if ending.imported:
        values["imported"] = True
    if ending.remote_count is not None:
        values["remote_count"] = ending.remote_count
    changed = w.execute(sa.update(source).where(source.c.id == source_id, source.c.lease == lease).values(**values))
    return changed.rowcount > 0


def release(w: Writer, source_id: int, lease: str, *, now: datetime, state: str) -> None:
    """Give a lease back in the middle of a run (the process stops): the source stays due."""
    w.execute(
        sa.update(source)
        .where(source.c.id == source_id, source.c.lease == lease)
        .values(
            lease=None,
            lease_until=0,
            next_run=int(now.timestamp()),
            state=sa.case((source.c.state == "paused", "paused"), else_=state),
        )
    )
