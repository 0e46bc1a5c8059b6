"""What the file system says of a database: enough to know that nothing was written since, without opening it.

An open database holds half a megabyte; whoever only wants to make sure that no news was missed asks here first. Every commit writes to
the log or, at a checkpoint, to the file itself, so equal footprints mean no commit in between. An empty log is the same as none: readers
make one and take it away again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SETTLED = 2_000_000_000
"""Nanoseconds after which another write has another time: far more than any file system's grain."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Size and time of the last write (ns since 1970) of the file and of its log."""

    file: tuple[int, int]
    log: tuple[int, int]
    settled: bool
    """The last write was long enough ago for the next one to leave another footprint."""

    def proves_nothing_since(self, earlier: "Footprint | None") -> bool:
        """Whether nothing was committed between the two."""
        return earlier is not None and earlier.settled and (self.file, self.log) == (earlier.file, earlier.log)


def footprint_of(path: Path, now: Callable[[], int]) -> Footprint:
    """Look at the database at `path`; `now` gives nanoseconds since 1970, as the file system counts them."""
    # The log first: what a checkpoint moves from there to the file in between is then seen at the next look, never missed.
    log, file = _stamp(path.with_name(path.name + "-wal")), _stamp(path)
    return Footprint(file, log, settled=now() - max(file[1], log[1]) > SETTLED)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return (found.st_size, found.st_mtime_ns) if found.st_size else (0, 0)
