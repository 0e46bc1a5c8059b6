"""Checking one account's mail, and mending what can be mended (security.md section 5, R6).

Works beside a running system: it reads one snapshot, and mends in write transactions of its own. Lost octets cannot be
mended; they are reported for a restore from a backup.
"""

import time
from functools import partial
from pathlib import Path

from server.db.database import Database, Reader
from server.db.errors import DatabaseError
from server.store import audit, index, mend, predicate, schemas
from server.store.audit import Finding

__all__ = ["Finding", "verify"]


def verify(path: Path, *, repair: bool = False, now: float | None = None) -> list[Finding]:
    """Return what is wrong with an account's database and the objects beside it.

    Args:
        path: Its mail.db; an account that never had mail has none, and nothing wrong.
        repair: Mend what can be; such findings come back with `repaired=True`.
        now: Seconds since 1970, from which the age of orphans counts.
    """
    if not path.exists():
        return []
    moment = time.time() if now is None else now
    database = Database(path, schemas.account_schemas(int(moment)), functions=predicate.FUNCTIONS)
    try:
        found = _look(database, moment)
        if not repair or not found:
            return found
        left = {(f.kind, f.subject) for f in _mend(database, found, moment)}
        return [f if (f.kind, f.subject) in left else f.mended() for f in found]
    finally:
        database.close()


def _look(database: Database, now: float) -> list[Finding]:
    try:
        found = database.read(lambda r: list(audit.file(r)))
        # A damaged file may still answer, or fail anywhere: what else is wrong with it is said as far as it goes.
        for check in (*audit.ROW_CHECKS, partial(audit.orphans, now=now)):
            found += database.read(lambda r, check=check: list(check(r)))  # type: ignore[misc]
    except DatabaseError as error:
        return [Finding("file", "open", f"The database cannot be read: {error}")]
    return found


def _mend(database: Database, found: list[Finding], now: float) -> list[Finding]:
    """Mend each kind that was found and look again."""
    kinds = {finding.kind for finding in found}
    try:
        for kind, action in mend.MENDS.items():
            if kind in kinds:
                database.write(action)
        while database.read(_waits) and database.write(index.advance):
            pass
        if "orphan" in kinds:
            database.write(lambda w: mend.remove_orphans(w, now))
    except DatabaseError:
        # What could not be mended is found again below and stays reported.
        pass
    return _look(database, now)


def _waits(r: Reader) -> bool:
    return index.first_unindexed(r) > 0
