"""The live check of an outside account, as the page shows it: every step with its time, the remedy where it stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from fetcher.check import Step, steps
from server.config import Settings
from webmail.i18n import N_

STEPS = {
    "name": N_("Server name"),
    "connect": N_("Connect"),
    "tls": N_("Encryption"),
    "greeting": N_("Greeting"),
    "sign-in": N_("Sign-in"),
    "list": N_("List of messages"),
    "message": N_("One message, as a test"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What the check has found so far. `order` names all steps it will take, `running` tells that more come."""

    order: Sequence[str]
    done: Sequence[Step]
    running: bool

    @property
    def passed(self) -> bool:
        return not self.running and len(self.done) == len(self.order) and all(step.ok for step in self.done)

    @property
    def milliseconds(self) -> int:
        return sum(step.ms for step in self.done)

    @property
    def waiting(self) -> Sequence[str]:
        """Steps not reached yet; while it runs the first of them is under way."""
        return self.order[len(self.done) :]


def run(
    settings: Settings, host: str, port: int, tls: str, username: str, password: str, *, protocol: str = "pop3"
) -> Iterator[Report]:
    """Check now, giving a report before the first step and after each; the last one is not `running`."""
    order = [name for name in STEPS if name != "tls" or tls == "implicit"]
    done: list[Step] = []
    yield Report(order, (), running=True)
    for step in _blocking(steps(settings, host, port, tls, username, password, protocol=protocol)):
        done.append(step)
        yield Report(order, tuple(done), running=step.ok and len(done) < len(order))


def _blocking(items: AsyncIterator[Step]) -> Iterator[Step]:
    """Walk an asynchronous iterator from a thread that has no loop, one step at a time."""
    with asyncio.Runner() as runner:
        while True:
            try:
                # `anext` alone is an awaitable, and a Runner wants a coroutine.
                item = runner.run(_next(items))
            except StopAsyncIteration:
                return
            yield item


async def _next(items: AsyncIterator[Step]) -> Step:
    return await anext(items)
