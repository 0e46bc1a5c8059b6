"""Connections that wait between two requests of one session: a few per token, each used by one thread at a time.

Invariants: a connection is never in two hands; one that failed is closed, not given back; when the session ends, `drop`
closes what it holds. Nothing here knows IMAP.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

MAX_PER_KEY = 6
MAX_IDLE_PER_KEY = 3
IDLE_SECONDS = 240.0
WAIT_SECONDS = 15.0


class Connection(Protocol):
    """What the pool needs of a connection."""

    def usable(self) -> bool:
        """Ask whether it still lives; may talk to the server."""
        ...

    def close(self) -> None:
        """End it; never raises."""
        ...


C = TypeVar("C", bound=Connection)


class PoolBusy(Exception):
    """Every connection of this session stayed in use for too long."""


@dataclass(slots=True)
class _Waiting(Generic[C]):
    connection: C
    since: float


class Pool(Generic[C]):
    """Idle connections by key.

    Args:
        monotonic: The clock (seconds).
        max_per_key: Connections of one session at a time; a further request waits.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        *,
        max_per_key: int = MAX_PER_KEY,
        max_idle: int = MAX_IDLE_PER_KEY,
        idle_seconds: float = IDLE_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._monotonic = monotonic
        self._max_per_key, self._max_idle = max_per_key, max_idle
        self._idle_seconds, self._wait_seconds = idle_seconds, wait_seconds
        self._condition = threading.Condition()
        self._idle: dict[str, list[_Waiting[C]]] = {}
        self._used: dict[str, int] = {}
        self._dropped: set[str] = set()
        """Keys that ended while some of their connections were in use."""

    def acquire(self, key: str, connect: Callable[[], C], *, prefer: Callable[[C], bool] | None = None) -> C:
        """Take an idle connection that still lives, or make one; `prefer` says which idle one is best."""
        with self._condition:
            free = self._condition.wait_for(lambda: self._used.get(key, 0) < self._max_per_key, self._wait_seconds)
            if not free:
                raise PoolBusy
            self._used[key] = self._used.get(key, 0) + 1
        try:
            while (connection := self._take(key, prefer)) is not None:
                if connection.usable():
                    return connection
                connection.close()
            return connect()
        except BaseException:
            self._released(key)
            raise

    def release(self, key: str, connection: C, *, broken: bool = False) -> None:
        """Give it back; broken ones and those over the number kept are closed."""
        with self._condition:
            broken = broken or key in self._dropped
            surplus = [connection] if broken else []
            if not broken:
                kept = self._idle.setdefault(key, [])
                kept.append(_Waiting(connection, self._monotonic()))
                while len(kept) > self._max_idle:
                    surplus.append(kept.pop(0).connection)
            surplus += self._expired()
        self._released(key)
        for old in surplus:
            old.close()

    def drop(self, key: str) -> None:
        """Close what a session that ended has idle, now, and what it has in use, when that is given back."""
        with self._condition:
            entries = self._idle.pop(key, [])
            if key in self._used:
                self._dropped.add(key)
        for entry in entries:
            entry.connection.close()

    def close(self) -> None:
        """Close everything idle."""
        with self._condition:
            entries = [entry for group in self._idle.values() for entry in group]
            self._idle.clear()
        for entry in entries:
            entry.connection.close()

    def _take(self, key: str, prefer: Callable[[C], bool] | None) -> C | None:
        with self._condition:
            group = self._idle.get(key)
            if not group:
                return None
            best = next((i for i in range(len(group) - 1, -1, -1) if prefer and prefer(group[i].connection)), -1)
            entry = group.pop(best)
            if not group:
                del self._idle[key]
            return entry.connection

    def _released(self, key: str) -> None:
        with self._condition:
            left = self._used.get(key, 1) - 1
            if left > 0:
                self._used[key] = left
            else:
                self._used.pop(key, None)
                self._dropped.discard(key)
            self._condition.notify_all()

    def _expired(self) -> list[C]:
        limit = self._monotonic() - self._idle_seconds
        old: list[C] = []
        for key in list(self._idle):
            group = self._idle[key]
            old += [entry.connection for entry in group if entry.since < limit]
            fresh = [entry for entry in group if entry.since >= limit]
            if fresh:
                self._idle[key] = fresh
            else:
                del self._idle[key]
        return old
