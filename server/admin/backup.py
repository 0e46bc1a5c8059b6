"""One archive with everything an installation is, taken while it runs; and an installation out of such an archive.

Invariants: the archive appears under its name only when it is whole and on disk; every database in it is a consistent copy;
objects are read before and after the database that names them, so none it names is missing. The key that seals other
providers' passwords stays out unless asked for (security.md T146): whoever finds a backup must not find both. What is restored can
be read by its owner alone, whatever the archive says of itself, and an archive that holds anything but files is not ours (T048).
"""

import contextlib
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from server.config import Settings
from server.db.snapshot import is_sound, snapshot

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
SKIPPED_SUFFIXES = ("-wal", "-shm", "-journal", ".tmp")


class BackupError(Exception):
    """Why there is no backup, or no installation out of it; names the remedy."""


def take(settings: Settings, target: Path, *, with_key: bool) -> int:
    """Write the archive and return how many files it holds; raises BackupError."""
    if not settings.directory_db.exists():
        raise BackupError(f"There is no installation in {settings.data}; give its folder with --data.")
    if target.exists():
        raise BackupError(f"{target} exists already; give a new name.")
    half = target.with_name(target.name + ".half")
    try:
        with half.open("xb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            # What a link leads to, such as a certificate that something else renews, is part of the installation.
            with tarfile.open(fileobj=stream, mode="w", dereference=True) as archive:
                count = _fill(archive, settings, with_key=with_key)
            stream.flush()
            os.fsync(stream.fileno())
        half.rename(target)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise BackupError(f"The backup could not be written to {target}: {error.strerror}.") from error
    return count


def _fill(archive: tarfile.TarFile, settings: Settings, *, with_key: bool) -> int:
    names: set[str] = set()

    def add(path: Path, name: str) -> None:
        if name not in names:
            archive.add(path, name, recursive=False)
            names.add(name)

    def add_files(only_new: bool) -> None:
        for path in _plain_files(settings, with_key=with_key):
            name = str(path.relative_to(settings.data))
            if only_new and not path.exists():
                continue
            add(path, name)

    add_files(only_new=False)
    with tempfile.TemporaryDirectory(dir=settings.run_dir) as folder:
        for path in sorted(settings.data.rglob("*.db")):
            copy = Path(folder) / "copy.db"
            snapshot(path, copy)
            add(copy, str(path.relative_to(settings.data)))
            copy.unlink()
    add_files(only_new=True)
    return len(names)


def _plain_files(settings: Settings, *, with_key: bool) -> Iterator[Path]:
    for path in sorted(settings.data.rglob("*")):
        apart = settings.run_dir in path.parents or path.suffix == ".db" or path.name.endswith(SKIPPED_SUFFIXES)
        if path.is_file() and not apart and (with_key or path != settings.secret_key_file):
            yield path


def restore(archive_path: Path, data: Path) -> int:
    """Unpack an archive into an empty folder, check every database, return how many files there are; raises BackupError."""
    if data.exists() and any(entry.name != "run" for entry in data.iterdir()):
        raise BackupError(
            f"{data} is not empty; a backup is restored into an empty folder only, so that nothing is overwritten."
        )
    try:
        with _private_by_default(), tarfile.open(archive_path) as archive:
            data.mkdir(parents=True, exist_ok=True)
            members = archive.getmembers()
            strange = next((m.name for m in members if not (m.isreg() or m.isdir())), None)
            if strange is not None:
                raise BackupError(f"{archive_path} is no backup of ours: {strange!r} in it is not a file.")
            archive.extractall(data, members, filter=_private)  # noqa: S202 - judged one by one
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{archive_path} cannot be restored: {error}.") from error
    broken = [str(path) for path in data.rglob("*.db") if not is_sound(path)]
    if broken:
        raise BackupError(f"The archive holds damaged databases: {', '.join(broken)}.")
    return len(members)


def _private(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    """Refuse names that lead out of the folder, and let nobody but the owner in."""
    checked = tarfile.data_filter(member, folder)
    return checked.replace(mode=PRIVATE_FOLDER if checked.isdir() else PRIVATE_FILE, deep=False)


@contextlib.contextmanager
def _private_by_default() -> Iterator[None]:
    """Folders that are made on the way to a file have no mode in the archive."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
