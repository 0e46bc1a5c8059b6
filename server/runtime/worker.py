"""The worker role: the outbound queue, and the collector that `app.py` brings."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from server.clock import Clock
from server.config import Settings
from server.db.database import Database
from server.delivery.local_transport import LocalTransport
from server.dns.resolver import SystemResolver
from server.log import get_logger
from server.notify.bus import QUEUE, Bus
from server.queue.transport import Transports
from server.queue.worker import Worker
from server.runtime.house import DRAIN_GRACE, House, open_house, run, stop_asked, until_asked_or_renamed
from server.supervisor import ready

log = get_logger("worker")


class Runner(Protocol):
    """Background work with a beginning and an end; the fetcher's scheduler is one."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


RunnerFactory = Callable[[Settings, Database, Clock, Bus], Runner]


def run_worker(settings: Settings, make_fetcher: RunnerFactory) -> None:
    """Carry the queue on and collect outside accounts until asked to stop."""

    async def main() -> None:
        asked = stop_asked()
        async with open_house(settings) as house:
            while await _work(house, make_fetcher, asked):
                log.info("renamed")

    run(main)


async def _work(house: House, make_fetcher: RunnerFactory, asked: asyncio.Event) -> bool:
    """Work under the name of now; True when that has changed and the queue must greet and report by another."""
    settings, directory = house.settings, house.directory
    hostname = directory.hostname()
    transports = Transports(local=LocalTransport(settings), remote=None, hosts=directory.hosts)
    worker = Worker(house.queue, transports, SystemResolver(), house.clock, settings, hostname=hostname)
    poked = house.bus.subscribe_topic(QUEUE, worker.poke)
    fetcher = make_fetcher(settings, directory.database, house.clock, house.bus)
    sending = asyncio.create_task(worker.run())
    fetcher.start()
    with ready(settings.data, "worker"):
        renamed = await until_asked_or_renamed(asked, directory, hostname)
        worker.stop()
        poked.close()
        await fetcher.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_GRACE):
                await sending
    return renamed
