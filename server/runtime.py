"""Builds the parts of a role, wires them together, starts them, and stops them in order."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import uvloop

from server.accounts.credential import Authenticator
from server.accounts.directory import Directory, open_database
from server.clock import Clock, SystemClock
from server.config import Settings
from server.db.database import Database
from server.delivery.local_transport import LocalTransport
from server.delivery.pipeline import Pipeline
from server.dns.resolver import SystemResolver
from server.imap import listener as imap
from server.log import get_logger
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, close_all, listen
from server.net.tls import server_context
from server.notify.bus import QUEUE, Bus, LocalBus
from server.pop3 import listener as pop3
from server.queue import spool
from server.queue.submit import Queue
from server.queue.transport import Transports
from server.queue.worker import Worker
from server.smtp import listener as smtp
from server.smtp.lmtp import LocalDelivery
from server.smtp.protocol import factory
from server.smtp.service import Service
from server.smtp.spool import Budget
from server.store.store import Store
from server.supervisor import ready

log = get_logger("runtime")

DRAIN_GRACE = 3.0
"""Seconds that open sessions get to finish when the mail role stops."""


class Runner(Protocol):
    """Background work with a beginning and an end; the fetcher's scheduler is one."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...


RunnerFactory = Callable[[Settings, Database, Clock, Bus], Runner]


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


async def _until_asked() -> None:
    """Wait for SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


def _run(main: Callable[[], Awaitable[None]]) -> None:
    async def wrapped() -> None:
        await main()

    uvloop.run(wrapped())


def run_mail(settings: Settings) -> None:
    """Serve SMTP, submission, LMTP, IMAP and POP3 until asked to stop."""

    async def main() -> None:
        async with open_house(settings) as house:
            store = Store(settings, house.bus, house.clock)
            try:
                listeners = await _listen(house, store)
                with ready(settings.data, "mail"):
                    log.info("mail_ready", ports=[one.port for one in listeners])
                    await _until_asked()
                    await close_all(listeners, DRAIN_GRACE)
            finally:
                store.close()

    _run(main)


async def _listen(house: House, store: Store) -> list[Listener]:
    settings, directory = house.settings, house.directory
    hostname = directory.hostname()
    authenticator = Authenticator(directory, house.clock)
    tls = server_context(settings, hostname)
    limits = ConnectionLimits.of(settings.limits)
    pipeline = Pipeline(store, directory, house.queue.submit, house.clock, settings, hostname=hostname)
    listeners = await smtp.start(settings, pipeline, house.queue, directory, authenticator, tls, limits)
    listeners += await imap.start(settings, store, directory, authenticator, house.bus, tls, limits)
    listeners += await pop3.start(settings, store, authenticator, tls, limits)
    return listeners


@contextlib.asynccontextmanager
async def open_door(settings: Settings) -> AsyncIterator[int]:
    """Take mail by LMTP on a loopback port for as long as a command needs it on a stopped system; yields the port."""
    async with open_house(settings) as house:
        store = Store(settings, house.bus, house.clock)
        hostname = house.directory.hostname()
        pipeline = Pipeline(store, house.directory, house.queue.submit, house.clock, settings, hostname=hostname)
        service = Service(
            name="lmtp",
            handler=LocalDelivery(pipeline),
            settings=settings,
            hostname=hostname,
            clock=house.clock,
            limits=ConnectionLimits.of(settings.limits),
            passwords=None,
            tls=None,
            budget=Budget(),
        )
        door = await listen("lmtp", factory(service), "127.0.0.1", 0)
        try:
            yield door.port
        finally:
            await close_all([door], DRAIN_GRACE)
            store.close()


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
                await _until_asked()
                worker.stop()
                await fetcher.stop()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_GRACE):
                        await sending

    _run(main)
