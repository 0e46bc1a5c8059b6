"""Bounds on what is in memory, or under way, at once; who asks first is served first.

Everything here belongs to the event loop, but `Share`, which threads use too. Nothing here is a time-out: whoever waits, waits.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

BUDGET = 32 * 2**20


class Budget:
    """Octets of large messages that may be in memory at once; who asks first is served first."""

    def __init__(self, octets: int = BUDGET) -> None:
        self._octets, self._used = octets, 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, octets: int) -> AsyncIterator[None]:
        """Wait until there is room, hold it for the time of the block. More than all there is waits until it is alone."""
        octets = min(octets, self._octets)
        if self._waiting or self._used + octets > self._octets:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            entry = (octets, future)
            self._waiting.append(entry)
            try:
                await future
            except asyncio.CancelledError:
                if future.done() and not future.cancelled():
                    self._release(octets)
                else:
                    self._waiting.remove(entry)
                    self._serve()
                raise
        else:
            self._used += octets
        try:
            yield
        finally:
            self._release(octets)

    def _release(self, octets: int) -> None:
        self._used -= octets
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._used + self._waiting[0][0] <= self._octets:
            octets, future = self._waiting.popleft()
            if not future.cancelled():
                self._used += octets
                future.set_result(None)


class Budgets:
    """A budget for each of many (accounts), so that one of them spends only its own."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._open: dict[int, Budget] = {}
        self._users: Counter[int] = Counter()

    @asynccontextmanager
    async def hold(self, key: int, octets: int) -> AsyncIterator[None]:
        """`Budget.hold` of that one's budget."""
        budget = self._open.setdefault(key, Budget(self._octets))
        self._users[key] += 1
        try:
            async with budget.hold(octets):
                yield
        finally:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key], self._open[key]


class Turns:
    """So many at a time for each of many. `enter` and `leave` cost next to nothing as long as nobody has to wait."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._busy: Counter[int] = Counter()
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}

    async def enter(self, key: int) -> None:
        """Take a turn, when there is one; whoever took it calls `leave`."""
        if self._busy[key] < self._each:
            self._busy[key] += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line = self._waiting.setdefault(key, deque())
        line.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.leave(key)
            raise

    def leave(self, key: int) -> None:
        """The turn goes to who has waited longest."""
        line = self._waiting.get(key)
        while line:
            future = line.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._waiting.pop(key, None)
        self._busy[key] -= 1
        if not self._busy[key]:
            del self._busy[key]


class Share:
    """Octets that each of many may keep for later; nobody waits, whoever gets none does without. From any thread."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._kept: Counter[int] = Counter()
        self._lock = threading.Lock()

    def take(self, key: int, octets: int) -> bool:
        with self._lock:
            if self._kept[key] + octets > self._octets:
                return False
            self._kept[key] += octets
            return True

    def give(self, key: int, octets: int) -> None:
        with self._lock:
            self._kept[key] -= octets
            if not self._kept[key]:
                del self._kept[key]
