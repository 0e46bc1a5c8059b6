"""The bus as the rest of the product imports it."""

from server.notify.local import LocalBus
from server.notify.post import poke_once, publish_once
from server.notify.protocol import QUEUE, SIGN_INS, SOURCES, Bus, SilentBus, Subscription, Wake

__all__ = [
    "QUEUE",
    "SIGN_INS",
    "SOURCES",
    "Bus",
    "LocalBus",
    "SilentBus",
    "Subscription",
    "Wake",
    "poke_once",
    "publish_once",
]
