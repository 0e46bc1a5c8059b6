"""One fetch of one source, from the sealed password to the written result.

Invariants: whatever happens, the lease is given back with a result (or runs out by itself after a crash); nothing is
deleted at the provider that is not in the ledger as delivered, and nothing is in the ledger as delivered before our
server's 2xx. A crash between the two repeats the same envelope id, so nothing doubles.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fetcher import backoff, connection, lease, link, providers
from fetcher.account import Source, keyring
from fetcher.backoff import History
from fetcher.bookkeeping import Bookkeeper
from fetcher.connection import Environment, Target
from fetcher.deliver import Deliverer, LmtpDeliverer
from fetcher.dialogue import Limits
from fetcher.errors import FetchError, Kind
from fetcher.lanes import Lanes
from fetcher.lease import Ending
from fetcher.session import Result, Session
from fetcher.talk import ReplyTooBig
from fetcher.uidl import Policy
from server.clock import Clock
from server.config import Settings
from server.db.database import Database
from server.log import get_logger

LANES = 8
"""Deliveries at once in a first import, when order does not matter."""
BATCH = 1_000
SESSIONS = 50
SESSION_SECONDS = 3_600
"""However steadily octets trickle in, a session ends after this."""
RUN_SECONDS = 600
"""A long import gives its place back after this and queues up again."""
BUSY_IS_FAILING = 5

log = get_logger("fetcher.run")


@dataclass(frozen=True, slots=True)
class Kit:
    """What a fetch needs from outside. `make_deliverer` gives each delivery lane its own."""

    settings: Settings
    database: Database
    clock: Clock
    make_deliverer: Callable[[], Deliverer] | None = None
    environment: Environment | None = None
    batch: int = BATCH
    chance: Callable[[], float] = random.random

    def deliverer(self) -> Deliverer:
        if self.make_deliverer is not None:
            return self.make_deliverer()
        return LmtpDeliverer("127.0.0.1", self.settings.ports.lmtp)

    def shell(self) -> Environment:
        if self.environment is not None:
            return self.environment
        return Environment(
            connection.Times(reply=self.settings.limits.source_timeout),
            Limits(message=self.settings.message_size_limit),
        )


@dataclass(slots=True)
class Report:
    """What one run has done, for the log and the command line."""

    source_id: int
    name: str
    delivered: int = 0
    duplicates: int = 0
    refused: int = 0
    removed: int = 0
    remote: int = 0
    seconds: float = 0.0
    error: FetchError | None = None
    waiting: bool = False
    """More is left; the source is due again at once."""
    last: Result | None = field(default=None, repr=False)


async def fetch(source: Source, kit: Kit) -> Report:
    """Collect a source whose lease we hold, and write the result. Raises only CancelledError."""
    began = time.monotonic()
    report = Report(source.id, source.name or source.username)
    try:
        await _sessions(source, kit, report)
    except FetchError as error:
        report.error = error
    except asyncio.CancelledError:
        await asyncio.shield(_release(source, kit))
        raise
    except Exception:
        log.exception("fetch_failed", source_id=source.id)
        report.error = FetchError("internal")
    report.seconds = time.monotonic() - began
    ending = _ending(source, kit, report)
    try:
        await kit.database.async_write(
            lambda w: lease.finish(w, source.id, source.lease or "", ending, now=kit.clock.now())
        )
    except Exception:
        # The lease runs out by itself and the source is collected again; nothing depends on this row.
        log.exception("result_not_written", source_id=source.id)
    _tell(source, report)
    return report


async def _sessions(source: Source, kit: Kit, report: Report) -> None:
    password = await asyncio.to_thread(
        lambda: keyring(kit.settings).open(source.sealed_password, account_id=source.account_id, source_id=source.id)
    )
    began = time.monotonic()
    books = Bookkeeper(kit.database, kit.clock, source.id, source.lease or "")
    try:
        async with books.open():
            for _ in range(SESSIONS):
                before = books.done
                report.waiting = await _session(source, password, kit, report, books) and books.done > before
                if not report.waiting or time.monotonic() - began > RUN_SECONDS:
                    return
    finally:
        report.delivered, report.duplicates, report.refused = books.delivered, books.duplicates, books.refused


async def _session(source: Source, password: str, kit: Kit, report: Report, books: Bookkeeper) -> bool:
    """Do one session; True if another one would find more to do."""
    policy = Policy(
        leave=source.leave,
        newest_first=not source.imported,
        size_limit=kit.settings.message_size_limit,
        batch=kit.batch,
    )
    preset = providers.by_host(source.host)
    before = books.done
    lanes = Lanes(kit.deliverer, 1 if source.imported else LANES, books.check)
    target = target_of(source, kit.settings)
    try:
        async with (
            asyncio.timeout(SESSION_SECONDS),
            link.session(target, source.username, password, kit.shell()) as opened,
        ):
            result = await Session(opened, source, policy, kit.database, kit.clock, books).run(lanes)
    except TimeoutError as error:
        raise FetchError("too-slow") from error
    except ReplyTooBig as error:
        if error.number:
            return True
        raise
    finally:
        await lanes.close()
    report.last, report.remote = result, result.remote
    report.removed += result.removed
    if lanes.deferred_code is not None:
        raise FetchError(lanes.deferred_code)
    return result.more or (preset is not None and preset.offers_more(source.protocol) and books.done > before)


def target_of(source: Source, settings: Settings) -> Target:
    """Say what is allowed for a source: by its own mark, by the administrator's list, or because this is a trial."""
    listed = source.private_ok or source.host in {h.lower() for h in settings.source_private_hosts}
    near = listed or settings.is_trial
    return Target(source.host, source.port, source.tls, private_ok=near, plain_ok=listed, protocol=source.protocol)


def _ending(source: Source, kit: Kit, report: Report) -> Ending:
    preset = providers.by_host(source.host)
    minimum = preset.pause(source.protocol) if preset else 0
    interval, chance = kit.settings.source_interval, kit.chance()
    now = kit.clock.now()
    if report.error is None:
        quiet = (now - (source.last_found or source.last_ok or now)).total_seconds()
        wait = backoff.after_success(
            History(0, quiet),
            interval=interval,
            minimum=minimum,
            found=report.delivered,
            still_waiting=report.waiting,
            random=chance,
        )
        clean = report.last is not None and report.last.clean and not report.waiting
        return Ending(
            "ok",
            wait,
            imported=not report.waiting,
            found=report.delivered > 0,
            remote_count=report.remote,
            listing_hash=report.last.listing_hash if clean and report.last else None,
        )
    failures = source.failures + 1
    kind = report.error.trouble.kind
    retry = backoff.after_failure(
        History(failures),
        kind,
        interval=interval,
        minimum=minimum,
        retry_after=report.error.retry_after,
        random=chance,
    )
    patient = kind is Kind.BUSY and failures < BUSY_IS_FAILING
    state = "sign-in" if kind is Kind.SIGN_IN else ("ok" if source.last_ok else "new") if patient else "failing"
    return Ending(
        state,
        retry,
        error_code=report.error.code,
        error_text=report.error.detail or None,
        failures=failures,
        found=report.delivered > 0,
    )


async def _release(source: Source, kit: Kit) -> None:
    state = "ok" if source.last_ok else "new"
    await kit.database.async_write(
        lambda w: lease.release(w, source.id, source.lease or "", now=kit.clock.now(), state=state)
    )


def _tell(source: Source, report: Report) -> None:
    facts = {
        "source_id": source.id,
        "host": source.host,
        "delivered": report.delivered,
        "removed": report.removed,
        "refused": report.refused,
        "seconds": round(report.seconds, 3),
    }
    if report.error is not None:
        log.warning("fetch_ended", error=report.error.code, words=report.error.detail, **facts)
    elif report.delivered or report.refused or report.removed:
        log.info("fetch_ended", **facts)
    else:
        log.debug("fetch_ended", **facts)
