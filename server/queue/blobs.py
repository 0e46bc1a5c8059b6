"""The octets of queued messages: one file a message under DATA/queue.

Invariants: after `put` the file is whole and on disk under its name, and the folder's entry too (temp, fsync, rename, fsync of
the folder: security.md section 4, qmail and chasquid); a name is an id made here, never text from outside; a file without a row
is removed only after a day, when no `submit` can be between the two (section 5, R6).
"""

import os
import re
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from server.db.crashpoint import reach

ORPHAN_AGE = 24 * 3600
_ID = re.compile(r"[0-9a-z]{20,40}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id(milliseconds: int) -> str:
    """Make a queue id: sorts by time, cannot be guessed, fits into a log line and a file name."""
    digits = []
    for _ in range(9):
        milliseconds, digit = divmod(milliseconds, 36)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits)) + "".join(secrets.choice(_DIGITS) for _ in range(13))


class Blobs:
    """All methods block: call them on a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, raw: bytes) -> None:
        """Write the octets durably; an OSError means that nothing was stored."""
        path = self._path(name)
        self._prepare(path.parent)
        temporary = path.with_name(f".{path.name}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(raw)
                file.flush()
                reach("queue.blob.before_fsync")
                os.fsync(file.fileno())
            reach("queue.blob.before_rename")
            temporary.rename(path)
            reach("queue.blob.before_folder_fsync")
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)

    def get(self, name: str) -> bytes:
        """Return the octets; FileNotFoundError when somebody removed them."""
        return self._path(name).read_bytes()

    def remove(self, name: str) -> None:
        """Forget the octets. Not synchronised: a file that comes back after a power cut is an orphan and goes in a day."""
        with suppress(FileNotFoundError):
            self._path(name).unlink()

    def names(self) -> Iterator[str]:
        """List what is stored."""
        for path in self.folder.glob("[0-9a-z][0-9a-z]/*"):
            if _ID.fullmatch(path.name):
                yield path.name

    def remove_orphans(self, known: Collection[str], *, now: float | None = None) -> list[str]:
        """Remove files that belong to no row (and unfinished ones) when they are older than a day."""
        oldest = (time.time() if now is None else now) - ORPHAN_AGE
        removed = []
        for path in self.folder.glob("[0-9a-z][0-9a-z]/*"):
            if path.name in known:
                continue
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < oldest:
                    path.unlink()
                    removed.append(path.name)
        return removed

    def _path(self, name: str) -> Path:
        if not _ID.fullmatch(name):
            raise ValueError("not a queue id")
        return self.folder / name[-2:] / name

    def _prepare(self, folder: Path) -> None:
        if folder.is_dir():
            return
        missing = [p for p in (folder, *folder.parents) if not p.is_dir()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for created in missing:
            # A new folder is durable only when its parent's entry for it is.
            _sync_folder(created.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
