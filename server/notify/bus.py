"""The bus as the rest of the product imports it."""

from server.notify.local import LocalBus
from server.notify.post import poke_once, publish_once
from server.notify.protocol import QUEUE, SOURCES, Bus, SilentBus, Subscription, Wake

__all__ = ["QUEUE", "SOURCES", "Bus", "LocalBus", "SilentBus", "Subscription", "Wake", "poke_once", "publish_once"]
