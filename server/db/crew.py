"""A few threads that do blocking work for event loops.

`concurrent.futures` would do, but it costs two futures, a condition and a semaphore for each hop; an IMAP command that
reads ten rows is cheaper than that. Threads start when work waits and no thread is idle, and end at `close`.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

from server.log import get_logger

T = TypeVar("T")
log = get_logger("db.crew")

Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Crew:
    """At most `size` threads taking jobs in the order they came."""

    def __init__(self, name: str, size: int) -> None:
        self._name, self._size = name, size
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, job: Callable[[], None]) -> None:
        """Run `job` on a thread soon. It must not raise; what it raises is logged."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the crew has gone home")
            if self._idle:
                self._idle -= 1
            elif len(self._threads) < self._size:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._jobs.put(job)

    async def run(self, fn: Callable[[], T]) -> T:
        """Run `fn` on a thread and return its result to the running event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if future.cancelled():
                return
            try:
                outcome: Outcome = (future, fn(), None)
            except BaseException as error:  # noqa: BLE001 - it is handed to the awaiting task
                outcome = (future, None, error)
            settle_soon(loop, [outcome])

        self.submit(job)
        return await future

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            try:
                job()
            except Exception:
                log.exception("crew_job_failed")
            with self._lock:
                # A job that is already waiting is ours: submit() counted on no idle thread for it.
                if self._jobs.empty():
                    self._idle += 1

    def close(self) -> None:
        """Finish the jobs that wait, then end the threads."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
        for _ in threads:
            self._jobs.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()


def settle_soon(loop: asyncio.AbstractEventLoop, outcomes: list[Outcome]) -> None:
    """Resolve futures on their loop; a loop that is gone has nobody waiting."""
    try:
        loop.call_soon_threadsafe(_settle, outcomes)
    except RuntimeError:
        log.debug("loop_closed_before_result")


def _settle(outcomes: list[Outcome]) -> None:
    for future, result, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
