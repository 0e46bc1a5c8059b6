"""A clock that moves only when told."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    def __init__(self, start: datetime = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._elapsed + seconds, future))
        await future

    def advance(self, seconds: float) -> None:
        """Move time on and wake whoever slept until then."""
        self._elapsed += seconds
        due = [s for s in self._sleepers if s[0] <= self._elapsed]
        self._sleepers = [s for s in self._sleepers if s[0] > self._elapsed]
        for _, future in due:
            if not future.done():
                future.set_result(None)
