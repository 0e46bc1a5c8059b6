"""Who wants to hear of changes, and how the word gets to them.

A wake says only "look again": the subscriber asks the store what is new. So wakes may be merged, repeated and, between
processes, lost; whoever subscribes also looks by itself now and then (sessions: every 30 s). No data travels here.
"""

from collections.abc import Callable
from typing import Protocol

QUEUE = "queue"
SOURCES = "sources"
SIGN_INS = "signins"
"""Something that people sign in with has ended (`server.accounts.ending`)."""

Wake = Callable[[], None]


class Subscription:
    """A place on the list of those who are woken; `close` gives it up, more than once does no harm."""

    __slots__ = ("_leave",)

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def close(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class Bus(Protocol):
    """Publishing works from every thread; `subscribe` and the wakes belong to the event loop."""

    def publish(self, account: int, modseq: int) -> None:
        """Say that a change of `account` is committed. Never raises, never blocks for long."""
        ...

    def subscribe(self, account: int, wake: Wake) -> Subscription:
        """Have `wake` called on the loop after changes of `account`. It must not raise and must be quick."""
        ...

    def publish_topic(self, name: str) -> None:
        """Poke whoever waits for work of that name (`QUEUE`, `SOURCES`), or word (`SIGN_INS`)."""
        ...

    def subscribe_topic(self, name: str, wake: Wake) -> Subscription:
        """Have `wake` called on the loop when there is work of that name."""
        ...


class SilentBus:
    """For commands on a stopped system and for tests that hear nothing: nobody is told."""

    def publish(self, account: int, modseq: int) -> None:
        """Tell nobody."""

    def subscribe(self, account: int, wake: Wake) -> Subscription:
        del account, wake
        return Subscription(lambda: None)

    def publish_topic(self, name: str) -> None:
        """Tell nobody."""

    def subscribe_topic(self, name: str, wake: Wake) -> Subscription:
        del name, wake
        return Subscription(lambda: None)
