"""Memory that was freed and not given back: glibc keeps it, in an arena for every few threads.

A process that once had fifty mailboxes open, or checked a password, would stay as large as it was then. Other C libraries have
neither function and need none; there nothing happens.
"""

import ctypes
from functools import lru_cache
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
"""M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h."""
ARENAS = 2
"""Python's lock lets one thread at a time allocate, all but SQLite's and zstd's work; more arenas are more half-empty ones."""
LARGE = 8 * 2**20
"""Octets from which on a piece of memory is the system's own, and back with it when freed: what Argon2 works in has 19 MiB."""


@lru_cache(maxsize=1)
def _library() -> Any:
    try:
        return ctypes.CDLL(None)
    except (OSError, TypeError):
        return None


def be_modest(*, arenas: int = ARENAS, large: int = LARGE) -> bool:
    """Have this process keep little, before it starts threads; tell whether the C library could."""
    mallopt = getattr(_library(), "mallopt", None)
    return mallopt is not None and bool(mallopt(_ARENA_MAX, arenas)) and bool(mallopt(_MMAP_THRESHOLD, large))


def give_back() -> bool:
    """Return free pages to the system; tell whether there were any."""
    trim = getattr(_library(), "malloc_trim", None)
    return trim is not None and bool(trim(0))
