"""Memory that was freed and not given back: glibc keeps it, in an arena for every few threads.

A process that once had fifty mailboxes open would stay as large as it was then. Other C libraries have neither function
and need none; there nothing happens.
"""

import ctypes
from functools import lru_cache
from typing import Any

_ARENA_MAX = -8
"""M_ARENA_MAX of malloc.h."""
ARENAS = 2
"""Python's lock lets one thread at a time allocate, all but SQLite's and zstd's work; more arenas are more half-empty ones."""


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def few_arenas(count: int = ARENAS) -> bool:
    """Bound the arenas of this process, before it starts threads; tell whether the C library could."""
    mallopt = getattr(_library(), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, count))


def give_back() -> bool:
    """Return free pages to the system; tell whether there were any."""
    trim = getattr(_library(), "malloc_trim", None)
    return trim is not None and bool(trim(0))
