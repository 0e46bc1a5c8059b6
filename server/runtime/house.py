"""What the roles share: directory, queue and bus of one process, its loop, and waiting for the end."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop

from server.accounts.directory import Directory, open_database
from server.clock import Clock, SystemClock
from server.config import Settings
from server.db import heap
from server.notify.bus import Bus, LocalBus
from server.queue import spool
from server.queue.submit import Queue

DRAIN_GRACE = 3.0
"""Seconds that open sessions and running work get to finish when a role stops."""

NAME_SECONDS = 2.0
"""Between two looks at the installation's name; a read of one row."""


@dataclass(slots=True)
class House:
    """What the roles share."""

    settings: Settings
    clock: Clock
    bus: Bus
    directory: Directory
    queue: Queue


@contextlib.asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Open directory, queue and bus of this process, and close them at the end."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    clock = SystemClock()
    bus = LocalBus(settings.run_dir, asyncio.get_running_loop())
    database = open_database(settings.directory_db, spool.SCHEMA)
    directory = Directory(database, default_hostname=settings.hostname)
    try:
        yield House(settings, clock, bus, directory, Queue(database, settings.queue_dir, clock, bus.publish_topic))
    finally:
        bus.close()
        database.close()


def stop_asked() -> asyncio.Event:
    """Return the event that SIGTERM and SIGINT set."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    return asked


async def until_asked_or_renamed(asked: asyncio.Event, directory: Directory, hostname: str) -> bool:
    """Wait for the end, or until this installation goes by another name than `hostname` (then True).

    The set-up names it while it runs; whoever greets, signs or certifies by the old name has to begin anew.
    """
    while True:
        try:
            async with asyncio.timeout(NAME_SECONDS):
                await asked.wait()
        except TimeoutError:
            if await asyncio.to_thread(directory.hostname) != hostname:
                return True
        else:
            return False


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a role's main function on a loop of its own."""
    heap.be_modest()
    heap.keep_loaded()
    uvloop.run(main())
