"""Collect the sources of one account at once and wait for the end: for the command line.

Works beside a running worker (the leases keep them apart) and without one.
"""

import asyncio
from collections.abc import Sequence

from fetcher import account, lease, run
from fetcher.account import Source
from fetcher.errors import FetchError
from fetcher.lease import Caps
from fetcher.run import Kit, Report
from server.db.transaction import Writer

PATIENCE = 900.0
"""Seconds to wait for a source that somebody else is collecting."""
LOOK_AGAIN = 0.2
_CAPS = Caps(running=100, host=100, account=100)


async def fetch_all(kit: Kit, account_id: int, *, patience: float = PATIENCE) -> list[Report]:
    """Collect every source of the account that is not paused; one report each, in the order of the sources."""
    sources = await kit.database.async_read(lambda r: account.list_for(r, account_id))
    return list(await asyncio.gather(*(_one(kit, source, patience) for source in sources)))


def fetch_all_now(kit: Kit, account_id: int) -> list[Report]:
    """Blocking form of `fetch_all`."""
    return asyncio.run(fetch_all(kit, account_id))


async def _one(kit: Kit, source: Source, patience: float) -> Report:
    source_id, report = source.id, Report(source.id, source.name or source.username)
    waited = 0.0
    while True:
        if source.state == "paused":
            report.error = FetchError("gone", "paused")
            return report
        claimed = await _claim(kit, source_id)
        if claimed:
            latest = await run.fetch(claimed[0], kit)
            _add(report, latest)
            if not latest.waiting:
                return report
            continue
        found = await kit.database.async_read(lambda r: account.by_id(r, source_id))
        if found is None or waited >= patience:
            report.error = FetchError("gone" if found is None else "in-use")
            return report
        source = found
        await kit.clock.sleep(LOOK_AGAIN)
        waited += LOOK_AGAIN


async def _claim(kit: Kit, source_id: int) -> Sequence[Source]:
    now = kit.clock.now()

    def take(w: Writer) -> Sequence[Source]:
        # Wishing while somebody else collects would make it due again the moment they end: the worker would take it
        # before we could, and a provider that refuses the password would be asked again every second.
        if not lease.is_free(w, source_id, now=now):
            return []
        account.fetch_now(w, source_id, now=now)
        return lease.claim(w, now=now, room=1, caps=_CAPS, source_id=source_id)

    return await kit.database.async_write(take)


def _add(total: Report, part: Report) -> None:
    total.delivered += part.delivered
    total.duplicates += part.duplicates
    total.refused += part.refused
    total.removed += part.removed
    total.seconds += part.seconds
    total.remote, total.error, total.waiting, total.last = part.remote, part.error, part.waiting, part.last
