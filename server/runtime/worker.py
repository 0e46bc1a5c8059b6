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
from server.notify.bus import QUEUE, Bus
from server.queue.transport import Transports
from server.queue.worker import Worker
from server.runtime.house import DRAIN_GRACE, open_house, run, until_asked
from server.supervisor import ready


class Runner(Protocol):
    """Background work with a beginning and an end; the fetcher's scheduler is one."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


RunnerFactory = Callable[[Settings, Database, Clock, Bus], Runner]


def run_worker(settings: Settings, make_fetcher: RunnerFactory) -> None:
    """Carry the queue on and collect outside accounts until asked to stop."""

    async def main() -> None:
        async with open_house(settings) as house:
            hostname = house.directory.hostname()
            local = LocalTransport(settings)
            transports = Transports(local=local, remote=None, hosts=house.directory.hosts)
            worker = Worker(house.queue, transports, SystemResolver(), house.clock, settings, hostname=hostname)
            house.bus.subscribe_topic(QUEUE, worker.poke)
            fetcher = make_fetcher(settings, house.directory.database, house.clock, house.bus)
            sending = asyncio.create_task(worker.run())
            fetcher.start()
            with ready(settings.data, "worker"):
                await until_asked()
                worker.stop()
                await fetcher.stop()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_GRACE):
                        await sending

    run(main)
