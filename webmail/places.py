"""How many requests of one person are worked on at a time, so that nobody has all threads (security.md section 5, row 15).

Whatever a person asks for may wait for somebody else: a provider that is checked, a sender's image server, a long search. The bound is
far above what browsers do and far below the number of threads. Event streams have a bound of their own (`live.Hub`).
"""

import threading
from collections import Counter

from flask import Flask, current_app

SHARE = 4
"""One person may hold this part of the threads."""
LEAST = 4
_EXTENSION = "posthouse_places"


class Places:
    """Counts by account, from any thread."""

    def __init__(self, each: int) -> None:
        self._each = each
        self._held: Counter[int] = Counter()
        self._lock = threading.Lock()

    def enter(self, account: int) -> bool:
        """Take a place; False when this person has all that are theirs."""
        with self._lock:
            if self._held[account] >= self._each:
                return False
            self._held[account] += 1
            return True

    def leave(self, account: int) -> None:
        """Give one back."""
        with self._lock:
            self._held[account] -= 1
            if self._held[account] <= 0:
                del self._held[account]


def init_app(app: Flask, threads: int) -> None:
    app.extensions[_EXTENSION] = Places(max(LEAST, threads // SHARE))


def places() -> Places:
    """Those of this process."""
    found = current_app.extensions[_EXTENSION]
    if not isinstance(found, Places):
        raise TypeError
    return found
