"""Wakes the collector: APScheduler rings every few seconds, the table says what is due.

Invariants: the work list is the table, never the scheduler's memory (its job store holds one job); no source runs twice
at once, in whatever process (leases); a stuck source costs its own place only, and places are counted for each provider
and each person; `stop` ends within seconds and leaves every lease given back.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC
from functools import partial
from typing import Any, Protocol

from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from fetcher import account, lease, run
from fetcher.lease import Caps
from fetcher.run import Kit
from server.clock import Clock
from server.config import Settings
from server.db.database import Database
from server.log import get_logger

POLL_SECONDS = 5
"""A lost wake-up delays Collect now by this at most."""
STOP_SECONDS = 5
TOPIC = "sources"

log = get_logger("fetcher.scheduler")


class Subscription(Protocol):
    def close(self) -> None: ...


class Topics(Protocol):
    """The part of the bus that is needed here: a poke without content."""

    def subscribe_topic(self, name: str, wake: Callable[[], None]) -> Subscription:
        """Call `wake` on the event loop whenever the topic is published."""
        ...


class Scheduler:
    """Collects what is due until it is stopped. One per process; several processes share the table."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        bus: Topics | None,
        *,
        kit: Kit | None = None,
        caps: Caps | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._kit = kit or Kit(settings, database, clock)
        self._database, self._clock, self._bus = database, clock, bus
        self._caps, self._poll_seconds = caps or Caps(), poll_seconds
        self._running: dict[int, asyncio.Task[Any]] = {}
        self._pokes: set[asyncio.Task[None]] = set()
        self._sweeping = asyncio.Lock()
        self._stopping = self._prepared = False
        self._subscription: Subscription | None = None
        self._scheduler: Any = None

    @property
    def running(self) -> int:
        """How many sources are being collected by this process now."""
        return len(self._running)

    def start(self) -> None:
        """Begin to collect; to be called on the event loop, returns at once."""
        if self._bus is not None:
            self._subscription = self._bus.subscribe_topic(TOPIC, self.poke)
        # Grace None and coalescing: a wake-up that comes late still comes, and only once.
        self._scheduler = AsyncIOScheduler(
            jobstores={"default": MemoryJobStore()},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
        )
        self._scheduler.add_job(self._sweep, "interval", seconds=self._poll_seconds, id="sweep")
        self._scheduler.start()
        self.poke()
        log.info("started", poll_seconds=self._poll_seconds)

    def poke(self) -> None:
        """Look at the table now (the topic `sources`, a free place)."""
        if not self._stopping:
            task = asyncio.get_running_loop().create_task(self._sweep())
            self._pokes.add(task)
            task.add_done_callback(self._pokes.discard)

    async def _sweep(self) -> None:
        async with self._sweeping:
            room = self._caps.running - len(self._running)
            if self._stopping or room <= 0:
                return
            try:
                await self._prepare()
                now = self._clock.now()
                if not await self._database.async_read(lambda r: account.due(r, now, limit=1)):
                    return
                claimed = await self._database.async_write(
                    lambda w: lease.claim(w, now=now, room=room, caps=self._caps)
                )
            except Exception:
                log.exception("sweep_failed")
                return
            for source in claimed:
                task = asyncio.create_task(run.fetch(source, self._kit), name=f"fetch-{source.id}")
                self._running[source.id] = task
                task.add_done_callback(partial(self._ended, source.id))

    async def _prepare(self) -> None:
        """Whoever opened the database may not have asked for our tables."""
        if not self._prepared:
            await asyncio.to_thread(account.ensure_tables, self._database.path)
            self._prepared = True
            ring = account.keyring(self._kit.settings)
            closed = await self._database.async_read(lambda r: account.unopenable(r, ring))
            if closed:
                path = str(self._kit.settings.secret_key_file)
                log.error(
                    "stored_sign_ins_closed", sources=len(closed), file=path, remedy="put the file back from a backup"
                )

    def _ended(self, source_id: int, task: "asyncio.Task[Any]") -> None:
        self._running.pop(source_id, None)
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                log.error("fetch_died", source_id=source_id, exc_info=error)
            self.poke()

    async def stop(self) -> None:
        """End all runs (nothing is lost: what was not marked comes again under the same envelope id)."""
        self._stopping = True
        if self._subscription is not None:
            self._subscription.close()
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)
        async with self._sweeping:
            tasks = [*self._running.values(), *self._pokes]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            if late:
                log.warning("stopped_late", runs=len(late))
        log.info("stopped")


async def run_until_cancelled(scheduler: Scheduler) -> None:
    """For a process that does nothing else."""
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        await scheduler.stop()
