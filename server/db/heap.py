"""Memory that was freed and not given back: glibc keeps it, in an arena for every few threads.

A process that once had fifty mailboxes open, or checked a password, would stay as large as it was then. Other C libraries have
neither function and need none; there nothing happens.
"""

import ctypes
import gc
from functools import lru_cache
from typing import Any

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3
"""M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h."""
ARENAS = 2
"""Python's lock lets one thread at a time allocate, all but SQLite's and zstd's work; more arenas are more half-empty ones."""
LARGE = 8 * 2**20
"""Octets from which on a piece of memory is the system's own, and back with it when freed: what Argon2 works in has 19 MiB."""

COLLECT_AFTER = 5_000
"""New containers after which Python looks for cycles; its own 700 is three IMAP commands."""


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


def keep_loaded(*, threshold: int = COLLECT_AFTER) -> None:
    """Have the collector of cycles pass by what is there now, the program, and look at the rest less often.

    It would go through two hundred thousand objects that stay for good each time a large answer makes as many short-lived ones.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(threshold, *gc.get_threshold()[1:])


def give_back() -> bool:
    """Return free pages to the system; tell whether there were any."""
    trim = getattr(_library(), "malloc_trim", None)
    return trim is not None and bool(trim(0))
