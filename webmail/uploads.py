"""Files on their way into a letter: kept beside the data until the letter is sent, dropped or a day old.

Invariants (security.md T046, T048): a file lies in a private folder of its account under a random name, is readable by its owner
alone, and is found only by the account that put it there; names that people gave are data, never paths; an account holds at
most `FILES` files and a day's worth of `OCTETS_FACTOR` letters.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from server.config import Settings

FILES = 200
OCTETS_FACTOR = 4
LIFETIME = 24 * 3600
NAME_LIMIT = 255
RESERVE = 32 * 1024
"""Octets of the largest message that are left to its text."""
CHUNK = 256 * 1024
LOOK_OCTETS = 4 * 2**20
"""After so much of a file it is looked how much others have brought meanwhile."""
ID_LENGTH = 32


class UploadRefused(Exception):
    """Why a file was not taken: `large` or `many`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Upload:
    """One file as the composer shows it. `size` is in octets."""

    id: str
    name: str
    kind: str
    size: int


class Uploads:
    """The files of one account."""

    def __init__(self, settings: Settings, account_id: int) -> None:
        # Base64 makes 78 octets of 57, line ends included; the rest is for the text and the headers.
        self._limit = max(0, settings.message_size_limit - RESERVE) * 57 // 78
        self._folder = settings.data / "uploads" / str(account_id)

    @property
    def limit(self) -> int:
        """Octets of all files of one letter that still fit the largest message."""
        return self._limit

    def put(self, name: str, kind: str, stream: IO[bytes]) -> Upload:
        """Keep what a stream gives. Raises UploadRefused."""
        self._sweep()
        if len(list(self._all())) >= FILES:
            raise UploadRefused("many")
        # What is on the disk counts, so that files which come at the same time, and cut ones, do too.
        room = min(self._limit, self._limit * OCTETS_FACTOR - self._on_disk())
        identifier = secrets.token_hex(ID_LENGTH // 2)
        path = self._folder / identifier
        try:
            size = _copy(stream, path, room, lambda: self._on_disk() <= self._limit * OCTETS_FACTOR)
        except BaseException:  # too large, or the browser went away in the middle
            path.unlink(missing_ok=True)
            raise
        upload = Upload(identifier, clean_name(name), clean_kind(kind), size)
        _write(path.with_suffix(".json"), json.dumps(asdict(upload)).encode())
        return upload

    def get(self, identifier: str) -> Upload | None:
        """Find a file by its id; somebody else's is not found."""
        if len(identifier) != ID_LENGTH or not identifier.isalnum() or not identifier.isascii():
            return None
        try:
            return Upload(**json.loads((self._folder / f"{identifier}.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None

    def octets(self, upload: Upload) -> bytes:
        return (self._folder / upload.id).read_bytes()

    def drop(self, identifier: str) -> None:
        """Forget a file; one that is not there is fine."""
        upload = self.get(identifier)
        if upload is not None:
            (self._folder / f"{upload.id}.json").unlink(missing_ok=True)
            (self._folder / upload.id).unlink(missing_ok=True)

    def _all(self) -> Iterator[Upload]:
        for path in self._folder.glob("*.json"):
            found = self.get(path.stem)
            if found is not None:
                yield found

    def _on_disk(self) -> int:
        total = 0
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.suffix != ".json" else 0
        return total

    def _sweep(self) -> None:
        """Remove what is a day old, of everybody: who went away does not come back to clean up."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        horizon = time.time() - LIFETIME
        for path in self._folder.parent.glob("*/*"):
            with suppress(FileNotFoundError):  # two requests may sweep at once
                if path.stat().st_mtime < horizon:
                    path.unlink()


def clean_name(name: str) -> str:
    """A file name without folders and control characters; never empty."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip()[:NAME_LIMIT]
    return kept if kept.strip(".") else "file"


def clean_kind(kind: str) -> str:
    """A media type in the form type/subtype, else octets of no kind (RFC 2045 §5.1)."""
    main, slash, sub = kind.partition(";")[0].strip().lower().partition("/")
    good = slash and all(
        part and part.isascii() and all(c.isalnum() or c in "+.-_" for c in part) for part in (main, sub)
    )
    # A message or a multipart is structure, not a file: as an attachment it would be parsed by whoever opens it.
    return f"{main}/{sub}" if good and main not in ("multipart", "message") else "application/octet-stream"


def _copy(stream: IO[bytes], path: Path, room: int, still_room: Callable[[], bool]) -> int:
    size = 0
    looked = 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise UploadRefused("large")
            file.write(chunk)
            if size - looked >= LOOK_OCTETS:
                looked = size
                file.flush()
                if not still_room():
                    raise UploadRefused("large")
    return size


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
