"""A few threads that do blocking work for event loops.

`concurrent.futures` would do, but it costs two futures, a condition and a semaphore for each hop; an IMAP command that
reads ten rows is cheaper than that. Threads start when work waits and no thread is idle, and end at `close`.

Few threads do short work faster than many: sqlite3 lets go of Python's lock at every row, and whoever waits for it wakes up each
time. Long work would hold everybody else up, so helpers come while all threads are stuck in it, and leave again.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from server.log import get_logger

T = TypeVar("T")
log = get_logger("db.crew")

Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


PATIENCE = 0.05
"""Seconds in which no thread takes a job although one waits: then all of them are stuck."""


class Crew:
    """A few threads taking jobs in the order they came.

    Args:
        name: Of the threads.
        size: How many there are.
        helpers: How many more may come while all of them are stuck.
    """

    def __init__(self, name: str, size: int, *, helpers: int = 0) -> None:
        self._name, self._size, self._helpers_allowed = name, size, helpers
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._helpers: set[threading.Thread] = set()
        self._idle = self._busy = 0
        self._taken = 0.0
        self._watched = False
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
            elif self._helpers_allowed and not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name=f"{self._name}-watch", daemon=True).start()
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
            with self._lock:
                self._busy += 1
                self._taken = time.monotonic()
            _do(job)
            with self._lock:
                self._busy -= 1
                # A job that is already waiting is ours: submit() counted on no idle thread for it.
                if self._jobs.empty():
                    self._idle += 1

    def _stuck(self) -> bool:
        return self._busy >= self._size and time.monotonic() - self._taken >= PATIENCE

    def _watch(self) -> None:
        """Look on while jobs wait, and call a helper when nobody takes them."""
        while True:
            time.sleep(PATIENCE)
            with self._lock:
                if self._closed or self._jobs.empty():
                    self._watched = False
                    return
                if self._stuck() and len(self._helpers) < self._helpers_allowed:
                    thread = threading.Thread(target=self._help, name=f"{self._name}-help", daemon=True)
                    self._helpers.add(thread)
                    thread.start()

    def _help(self) -> None:
        """Take jobs as long as the others are stuck."""
        while True:
            try:
                job = self._jobs.get(timeout=PATIENCE)
            except Empty:
                pass
            else:
                if job is None:
                    self._jobs.put(None)  # meant for one of the others
                else:
                    _do(job)
            with self._lock:
                if self._closed or not self._stuck():
                    self._helpers.discard(threading.current_thread())
                    return

    def close(self) -> None:
        """Finish the jobs that wait, then end the threads."""
        with self._lock:
            self._closed = True
            threads = [*self._threads, *self._helpers]
        for _ in self._threads:
            self._jobs.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()


def _do(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:
        log.exception("crew_job_failed")


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
