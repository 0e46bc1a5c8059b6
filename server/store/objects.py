"""Octets too large for the database: files beside it, named by what they hold.

Invariants: a file appears under its name only when all of it is on the disk (temporary name, fsync, rename, fsync of
the folder), so a row may point at it; it is removed only inside a write transaction that has found no row pointing at it.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from server.store.crashpoint import reach
from server.store.errors import NoSuchMessage

FOLDER = "objects"
SUFFIX = ".zst"
TEMPORARY = ".tmp"


def path_of(folder: Path, digest: bytes) -> Path:
    """Return where the octets with that digest lie below the folder of an account."""
    name = digest.hex()
    return folder / FOLDER / name[:2] / (name + SUFFIX)


def put(folder: Path, digest: bytes, data: bytes) -> None:
    """Make sure that the octets are there and on the disk."""
    path = path_of(folder, digest)
    if path.exists():
        # It may have been waiting for its removal as an orphan.
        os.utime(path)
        return
    _make_folder(path.parent)
    # Process and time make the name: two processes may store the same octets at once.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}{TEMPORARY}")
    reach("object.before_write")
    try:
        with open(temporary, "xb", opener=_private) as file:
            file.write(data)
            reach("object.before_fsync")
            file.flush()
            os.fsync(file.fileno())
        reach("object.before_rename")
        temporary.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    reach("object.before_folder_fsync")
    _sync_folder(path.parent)
    reach("object.stored")


def get(folder: Path, digest: bytes) -> bytes:
    """Return the stored octets; raises NoSuchMessage when an expunge was quicker than this reader."""
    try:
        return path_of(folder, digest).read_bytes()
    except FileNotFoundError as error:
        raise NoSuchMessage("the message has just been removed") from error


def open_file(folder: Path, digest: bytes) -> BinaryIO:
    """Open the stored octets, which stay readable when they are removed meanwhile; raises NoSuchMessage as `get`."""
    try:
        return path_of(folder, digest).open("rb")
    except FileNotFoundError as error:
        raise NoSuchMessage("the message has just been removed") from error


def remove(folder: Path, digest: bytes) -> None:
    """Remove the file. The caller holds the write lock and knows that no row points at it."""
    path_of(folder, digest).unlink(missing_ok=True)


def stored(folder: Path) -> Iterator[Path]:
    """Go through every file below the account's objects, half-written ones included."""
    root = folder / FOLDER
    if root.is_dir():
        for shelf in sorted(root.iterdir()):
            if shelf.is_dir():
                yield from sorted(shelf.iterdir())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _make_folder(path: Path) -> None:
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True, mode=0o700)
    # A folder's own entry lives in its parent.
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
