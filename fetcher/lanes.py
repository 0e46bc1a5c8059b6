"""Several deliveries at once, with a bound on the octets that wait.

Invariants: what is put in is delivered or the failure is raised, by `put` or by `finish`; memory holds at most `budget`
octets of waiting messages plus one message for each lane. With one lane messages are delivered in the order they came.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fetcher.deliver import Deliverer, Letter, Outcome, Receipt
from fetcher.errors import FetchError

BUDGET = 16 * 2**20
DEFERRALS_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Job:
    """A message on its way: how to make the letter (None if there is nothing to deliver), and whom to tell."""

    size: int
    prepare: Callable[[], Awaitable[Letter | None]]
    settle: Callable[[Letter, Receipt], None]


class Lanes:
    """Workers, each with a deliverer of its own. `may_go_on` is asked before each message and raises to stop them."""

    def __init__(
        self, make: Callable[[], Deliverer], count: int, may_go_on: Callable[[], None], *, budget: int = BUDGET
    ) -> None:
        self._make, self._count, self._may_go_on, self._budget = make, count, may_go_on, budget
        self._queue: asyncio.Queue[Job] = asyncio.Queue()
        self._octets = self._deferred = 0
        self._room = asyncio.Event()
        self._failure: Exception | None = None
        self._workers: list[asyncio.Task[None]] = []
        self.deferred_code: str | None = None

    async def put(self, job: Job) -> None:
        """Queue a message; waits while too much is queued, raises what a lane has met."""
        self.check()
        if len(self._workers) < self._count:
            self._workers.append(asyncio.create_task(self._work(), name="delivery-lane"))
        while self._octets and self._octets + job.size > self._budget:
            self._room.clear()
            await self._room.wait()
            self.check()
        self._octets += job.size
        self._queue.put_nowait(job)

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def finish(self) -> None:
        """Wait until everything is delivered; raises what a lane has met."""
        await self._queue.join()
        self.check()

    async def close(self) -> None:
        """Stop the lanes; what is still queued is left undelivered."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        deliverer = self._make()
        try:
            while True:
                job = await self._queue.get()
                try:
                    if self._failure is None:
                        await self._one(deliverer, job)
                except Exception as error:  # noqa: BLE001 - it is raised again in the run
                    self._failure = self._failure or error
                finally:
                    self._octets -= job.size
                    self._room.set()
                    self._queue.task_done()
        finally:
            await deliverer.close()

    async def _one(self, deliverer: Deliverer, job: Job) -> None:
        self._may_go_on()
        letter = await job.prepare()
        if letter is None:
            return
        receipt = await deliverer.deliver(letter)
        job.settle(letter, receipt)
        if receipt.outcome is not Outcome.DEFERRED:
            self._deferred = 0
            return
        self._deferred += 1
        self.deferred_code = receipt.trouble
        # A full mailbox refuses the others too; a few put off in a row mean the same.
        if receipt.trouble == "over-quota" or self._deferred >= DEFERRALS_IN_A_ROW:
            raise FetchError(receipt.trouble, receipt.text)
