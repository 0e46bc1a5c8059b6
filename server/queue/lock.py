"""One worker for a queue folder on a machine, so that whoever holds this lock knows that no other worker is alive here.

A file lock dies with its process: after kill -9 the next worker takes it at once, gives back the leases of the dead one, and
carries on without waiting for them to run out.
"""

import fcntl
import os
from pathlib import Path

NAME = ".worker.lock"


class WorkerLock:
    """Blocking and quick; `acquire` twice without `release` is a mistake of the caller."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody has it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
