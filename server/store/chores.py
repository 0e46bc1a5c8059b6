"""Work that may wait a moment: filling the indexes, clearing up after expunges, reading documents.

One thread for all accounts, so that it never takes more than one core (and one for what takes long). A chore that is asked for
again while it waits is done once; what is not done when the process ends is found at the next opening of the account.
"""

import threading
import time
from collections.abc import Callable

from server.log import get_logger

log = get_logger("store.chores")

DELAY = 1.0
"""Seconds in which a batch gathers."""

Key = tuple[int, str]


class Chores:
    """Calls `work(account, name)` on its thread; it returns whether more of the same is left.

    Args:
        work: What does the chores. What it raises is logged, and the chore forgotten.
        delay: Seconds from the first asking to the doing.
        pause: Seconds that a chore of which more is left waits for its next turn. With a pause, what is left over waits for all
            that is asked for anew, too: what takes hours must not hold up what came a moment ago.
    """

    def __init__(self, work: Callable[[int, str], bool], *, delay: float = DELAY, pause: float = 0) -> None:
        self._work, self._delay, self._pause = work, delay, pause
        self._due: dict[Key, float] = {}
        self._left_over: set[Key] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def ask(self, account: int, name: str) -> None:
        """Have a chore done soon. Works from every thread and never blocks for long."""
        with self._changed:
            key = account, name
            if self._closed or (key in self._due and key not in self._left_over):
                return
            self._left_over.discard(key)
            self._due[key] = time.monotonic() + self._delay
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-chores", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                more = self._work(*key)
            except Exception:
                log.exception("chore_failed", account=key[0], chore=key[1])
                more = False
            if more:
                with self._changed:
                    # Behind the others that are due: a large import must not hold up everybody's index.
                    if key not in self._due:
                        self._due[key] = time.monotonic() + self._pause
                        if self._pause:
                            self._left_over.add(key)

    def _next(self) -> Key | None:
        """Wait for the next chore that is due; None when it is time to go."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                if self._due:
                    due = [key for key, moment in self._due.items() if moment <= now]
                    if due:
                        key = min(due, key=lambda one: (one in self._left_over, self._due[one]))
                        del self._due[key]
                        self._left_over.discard(key)
                        return key
                    self._changed.wait(min(self._due.values()) - now)
                else:
                    self._changed.wait()
            return None

    def close(self) -> None:
        """Finish the chore at hand and stop."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
