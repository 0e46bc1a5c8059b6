"""LMTP for a command on a stopped system."""

import contextlib
from collections.abc import AsyncIterator

from server.config import Settings
from server.delivery.pipeline import Pipeline
from server.net.budget import Budget
from server.net.limits import ConnectionLimits
from server.net.listener import close_all, listen
from server.runtime.house import DRAIN_GRACE, open_house
from server.smtp.lmtp import LocalDelivery
from server.smtp.protocol import factory
from server.smtp.service import Service
from server.store.store import Store


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
