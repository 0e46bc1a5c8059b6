"""A consistent copy of a database that others go on using (SQLite's online backup)."""

import contextlib
import sqlite3
from pathlib import Path

PAGES_AT_ONCE = 2_048
"""Pages copied before writers get a turn."""


def snapshot(source: Path, target: Path) -> None:
    """Copy the database `source` to the new file `target`, complete with what is only in its log so far."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
        contextlib.closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new, pages=PAGES_AT_ONCE, sleep=0.01)


def is_sound(path: Path) -> bool:
    """Tell whether the file is a whole SQLite database; reads every page."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False
