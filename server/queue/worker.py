"""Carries queued messages on: leases what is due, hands it to a transport, writes down how it ended.

Invariants: nothing is attempted that is not leased, and nothing is forgotten that was: an attempt ends in one transaction that
holds the new states, the reports about them and, with the last open recipient, the end of the message; octets go only after that.
A crash before it means that the attempt is repeated (a lease is given back at the next start): at most one duplicate, no loss.
A failing database or disk stops nothing for good. Wake-ups may be lost: the worker looks by itself every `POLL_SECONDS`.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from server.clock import Clock
from server.config import Settings
from server.db.crashpoint import reach
from server.db.errors import DatabaseError
from server.db.transaction import Writer
from server.dns.resolver import Resolver
from server.log import get_logger
from server.queue import bounce, settle, spool
from server.queue.lock import WorkerLock
from server.queue.model import Job, Kind, Message, Outcome, State
from server.queue.remote import RemoteTransport
from server.queue.retry import LOCAL, STANDARD, Schedule
from server.queue.settle import Plan
from server.queue.spool import Lease
from server.queue.submit import Queue, enter_report
from server.queue.transport import Transport, Transports

MAX_JOBS = 20
MAX_JOBS_PER_DOMAIN = 4
MAX_OCTETS = 64 * 2**20
"""Of messages that are being sent; one larger message goes alone."""

LEASE_SECONDS = 45 * 60
"""Longer than any attempt (`remote.ATTEMPT_SECONDS` and one connection)."""

POLL_SECONDS = 30.0
PAUSE_SECONDS = 5.0
SWEEP_SECONDS = 6 * 3600
SETTLE_TRIES = 8

log = get_logger("queue.worker")


class Worker:
    """One per installation's machine. `run` until `stop`; or `run_once` for what is due now.

    Args:
        queue: The queue; its folder is locked while `run` lasts.
        transports: Who delivers. Without a `remote` one it is made of `resolver` and `settings`.
        resolver: DNS.
        clock: The time.
        settings: Routes and smarthost.
        hostname: Our name.
        schedule: When to retry.
        chance: Random numbers in [0, 1).
    """

    def __init__(
        self,
        queue: Queue,
        transports: Transports,
        resolver: Resolver,
        clock: Clock,
        settings: Settings,
        *,
        hostname: str,
        schedule: Schedule = STANDARD,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._queue, self._transports, self._clock = queue, transports, clock
        self._remote: Transport = transports.remote or RemoteTransport(settings, resolver, hostname)
        self._folder, self._hostname = settings.queue_dir, hostname
        self._schedule, self._chance = schedule, chance
        self._ours: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._domains: Counter[str] = Counter()
        self._octets = 0
        self._poke = asyncio.Event()
        self._stopping = False
        self._swept: float | None = None

    def poke(self) -> None:
        """Look for work now (`bus.subscribe_topic(QUEUE, worker.poke)`)."""
        self._poke.set()

    def stop(self) -> None:
        """Let `run` end: nothing new is begun, what is under way is finished or cut by cancelling `run`."""
        self._stopping = True
        self._poke.set()

    async def run(self) -> None:
        """Work until `stop`."""
        lock = WorkerLock(self._folder)
        while not await asyncio.to_thread(lock.acquire):
            log.warning("another_worker_runs")
            await self._pause(PAUSE_SECONDS)
            if self._stopping:
                return
        try:
            await self._recover()
            while not self._stopping:
                await self._turn()
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*self._settling, return_exceptions=True)
            await asyncio.to_thread(lock.release)

    async def run_once(self) -> int:
        """Attempt everything that is due now, wait for the ends, and say how many attempts that were."""
        attempts = 0
        while leases := await self._lease():
            self._begin(leases)
            attempts += len(leases)
            await asyncio.gather(*self._tasks)
        return attempts

    # -- the loop

    async def _recover(self) -> None:
        while not self._stopping:
            try:
                given_back = await self._queue.database.async_write(lambda w: spool.release(w, spool.OWNER))
            except DatabaseError:
                log.exception("queue_unavailable")
                await self._pause(PAUSE_SECONDS)
                continue
            if given_back:
                log.warning("attempts_interrupted", recipients=given_back)
            return

    async def _turn(self) -> None:
        self._poke.clear()
        try:
            await self._sweep()
            leases = await self._lease()
            self._begin(leases)
            if not leases:
                await self._pause(await self._until_next())
        except (DatabaseError, OSError):
            log.exception("queue_unavailable")
            await self._pause(PAUSE_SECONDS)

    async def _lease(self) -> list[Lease]:
        now = self._now()
        jobs, octets = MAX_JOBS - len(self._tasks), MAX_OCTETS - self._octets
        if jobs <= 0 or (octets <= 0 and self._tasks):
            return []
        return await self._queue.database.async_write(
            lambda w: spool.lease(
                w,
                now=now,
                until=now + LEASE_SECONDS,
                owner=spool.OWNER,
                jobs=jobs,
                octets=octets,
                per_domain=MAX_JOBS_PER_DOMAIN,
                busy=self._domains,
            )
        )

    def _begin(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            self._domains[lease.domain] += 1
            self._octets += lease.message.size
            task = asyncio.create_task(self._attempt(lease), name=f"queue {lease.message.id} {lease.domain}")
            self._tasks.add(task)
            task.add_done_callback(partial(self._ended, lease))

    def _ended(self, lease: Lease, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._octets -= lease.message.size
        self._domains[lease.domain] -= 1
        if self._domains[lease.domain] <= 0:
            del self._domains[lease.domain]
        self._poke.set()

    async def _until_next(self) -> float:
        now = self._now()
        due = await self._queue.database.async_read(lambda r: spool.next_due(r, now))
        # Due now and yet not leased: its domain is busy. The end of an attempt wakes us, this is for the rest.
        return POLL_SECONDS if due is None else min(max(due - now, 1), POLL_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Sleep until poked."""
        poked = asyncio.create_task(self._poke.wait())
        slept = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((poked, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (poked, slept):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _sweep(self) -> None:
        """Remove octets that nothing refers to for a day."""
        if self._swept is not None and self._clock.monotonic() - self._swept < SWEEP_SECONDS:
            return
        self._swept = self._clock.monotonic()
        known = await self._queue.database.async_read(spool.message_ids)
        removed = await asyncio.to_thread(self._queue.blobs.remove_orphans, known)
        if removed:
            log.warning("orphans_removed", count=len(removed))

    # -- one attempt

    async def _attempt(self, lease: Lease) -> None:
        try:
            outcomes = await self._deliver(lease)
            reach("queue.delivered")
            # What is known is written down even when the worker is being stopped: else it would be sent once more.
            settling = asyncio.create_task(self._settle(lease, outcomes))
            self._settling.add(settling)
            settling.add_done_callback(self._settling.discard)
            await asyncio.shield(settling)
        except asyncio.CancelledError:
            raise
        except Exception:
            # The lease stays and runs out; then it is tried again.
            log.exception("attempt_lost", queue_id=lease.message.id, domain=lease.domain)

    async def _deliver(self, lease: Lease) -> Sequence[Outcome]:
        try:
            raw = await asyncio.to_thread(self._queue.blobs.get, lease.message.id)
        except FileNotFoundError:
            log.critical("octets_missing", queue_id=lease.message.id)
            text = "the message was damaged here"
            return [Outcome(r.id, Kind.FAILED, 554, "5.3.0", text) for r in lease.recipients]
        job = Job(lease.message, lease.domain, lease.recipients, raw)
        reach("queue.leased")
        try:
            local = await self._transports.hosts(lease.domain)
            (self._ours.add if local else self._ours.discard)(lease.domain)
            return await (self._transports.local if local else self._remote).deliver(job)
        except Exception:
            log.exception("transport_failed", queue_id=lease.message.id, domain=lease.domain)
            return []

    async def _settle(self, lease: Lease, outcomes: Sequence[Outcome]) -> None:
        schedule = LOCAL if lease.domain in self._ours else self._schedule
        plan = settle.plan(lease, outcomes, now=self._now(), chance=self._chance(), schedule=schedule)
        self._tell(lease.message, plan)
        plan, reports = await self._reports(lease, plan)
        for tries in range(1, SETTLE_TRIES + 1):
            try:
                gone = await self._queue.database.async_write(lambda w: _write(w, lease, plan, reports, self._now()))
                break
            except DatabaseError:
                # Not writing this down means to send it twice; there is time until the lease runs out.
                if tries == SETTLE_TRIES:
                    raise
                log.exception("settle_repeated", queue_id=lease.message.id, tries=tries)
                await self._clock.sleep(min(2**tries, 120))
        reach("queue.settled")
        if gone:
            await asyncio.to_thread(self._queue.blobs.remove, lease.message.id)

    async def _reports(self, lease: Lease, plan: Plan) -> tuple[Plan, list[tuple[str, bytes]]]:
        """Put the reports on disk; where that fails, failures wait, because they must not go untold."""
        if not plan.failed and not plan.delayed:
            return plan, []
        try:
            raw = await asyncio.to_thread(self._queue.blobs.get, lease.message.id)
        except OSError:
            raw = b""
        made = bounce.reports(lease.message, plan, raw, hostname=self._hostname, now=self._clock.now())
        try:
            return plan, [(await self._queue.store_report(report), report) for report in made]
        except OSError:
            log.exception("report_not_stored", queue_id=lease.message.id)
            return plan.postponed(self._now() + self._schedule.first), []

    def _tell(self, message: Message, plan: Plan) -> None:
        for change in plan.changes:
            outcome = change.outcome
            log.info(
                change.state.value if change.state is not State.QUEUED else "deferred",
                queue_id=message.id,
                recipient=change.recipient.address,
                host=outcome.host,
                reply=f"{outcome.code} {outcome.enhanced} {outcome.text}",
            )
            if outcome.kind is Kind.FAILED and not settle.wants_reports(message):
                # RFC 5321 §6.1: no report about a report; the postmaster reads it here. A stranger's message is held.
                log.error("undeliverable_and_unreported", queue_id=message.id, recipient=change.recipient.address)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _write(w: Writer, lease: Lease, plan: Plan, reports: Sequence[tuple[str, bytes]], now: int) -> bool:
    reach("queue.settle.begun")
    for change in plan.changes:
        spool.settle(
            w,
            change.outcome,
            change.state,
            now=now,
            next_attempt=change.next_attempt,
            uncertain=change.uncertain,
        )
    if plan.delayed:
        spool.notice_sent(w, [c.recipient.id for c in plan.delayed])
    for name, raw in reports:
        enter_report(w, name, raw, lease.message.reverse_path, now)
    gone = spool.remove_if_done(w, lease.message.id)
    reach("queue.settle.rows")
    return gone
