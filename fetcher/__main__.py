"""`python -m fetcher`: collect outside accounts and nothing else. The data folder is POSTHOUSE_DATA (default ./data)."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from fetcher.account import SCHEMA
from fetcher.scheduler import Scheduler, run_until_cancelled
from server import log
from server.clock import SystemClock
from server.config import SettingError, load
from server.db.database import Database


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    try:
        settings = load(Path(os.environ.get("POSTHOUSE_DATA", "data")).absolute(), environ=os.environ, options={})
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    log.configure(level=settings.log_level)
    if not settings.directory_db.exists():
        sys.stderr.write(f"There is no Posthouse in {settings.data}. Start it once with: python app.py serve\n")
        return 2
    database = Database(settings.directory_db, SCHEMA)
    scheduler = Scheduler(settings, database, SystemClock(), None)
    try:
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(scheduler))
    finally:
        database.close()
    return 0


async def _serve(scheduler: Scheduler) -> None:
    task = asyncio.ensure_future(run_until_cancelled(scheduler))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


if __name__ == "__main__":
    sys.exit(main())
