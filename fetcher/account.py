"""Outside accounts ("sources"): their table, and the functions of a transaction that make, change and claim them.

This is the module that the webmail and the command line use. Invariants: a source's id is never given again (it is part
of the envelope ids); a password is stored only sealed; a source is collected by whoever holds its lease, and a result is
written only under that lease. Times in the table are seconds since 1970, UTC.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from fetcher.errors import TROUBLES, Trouble
from fetcher.secret import Keyring
from fetcher.table import METADATA, SCHEMA, source, source_message
from server.config import Settings
from server.db.database import Database
from server.db.transaction import Reader, Writer

__all__ = ["METADATA", "SCHEMA", "Keyring", "NewSource", "Source", "SourceInvalid", "trouble"]

TLS_CHOICES = ("implicit", "starttls", "none")
PROTOCOLS = ("pop3", "imap")
STANDARD_PORTS = MappingProxyType(
    {
        "pop3": MappingProxyType({"implicit": 995, "starttls": 110, "none": 110}),
        "imap": MappingProxyType({"implicit": 993, "starttls": 143, "none": 143}),
    }
)
TEXT_LIMIT = 500
SOURCES_PER_ACCOUNT = 100


class SourceInvalid(ValueError):
    """A value that cannot be stored: which field, and why in one word (`empty`, `long`, `bad`, `exists`, `many`)."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class Source:
    """One outside account as the table has it."""

    id: int
    account_id: int
    recipient: str
    protocol: str
    host: str
    port: int
    tls: str
    username: str
    sealed_password: bytes
    name: str
    address: str
    mailbox: str
    colour: str
    leave: bool
    private_ok: bool
    state: str
    """new, ok, fetching, sign-in, failing or paused."""
    error_code: str | None
    error_text: str | None
    last_run: datetime | None
    last_ok: datetime | None
    last_found: datetime | None
    next_run: datetime | None
    failing_since: datetime | None
    failures: int
    imported: bool
    progress_done: int
    progress_total: int
    delivered_count: int
    refused_count: int
    remote_count: int
    listing_hash: str | None
    lease: str | None

    @property
    def trouble(self) -> Trouble | None:
        """The words for `error_code`."""
        return trouble(self.error_code)


@dataclass(frozen=True, slots=True)
class NewSource:
    """What a person (or the command line) states. `recipient` is the local address that the mail is delivered to."""

    account_id: int
    recipient: str
    host: str
    port: int
    tls: str
    username: str
    protocol: str = "pop3"
    name: str = ""
    address: str = ""
    mailbox: str = "INBOX"
    colour: str = ""
    leave: bool = True
    private_ok: bool = False


_TIMES = frozenset({"last_run", "last_ok", "last_found", "next_run", "failing_since"})
_BOOLEANS = frozenset({"leave", "private_ok", "imported"})
_COLUMNS = [source.c[f.name] for f in fields(Source)]
_CHANGEABLE = frozenset(
    {"host", "port", "tls", "username", "name", "address", "mailbox", "colour", "leave", "private_ok", "recipient"}
)


def trouble(code: str | None) -> Trouble | None:
    """Return sentence and remedy for a stored error code."""
    return TROUBLES.get(code) if code else None


def keyring(settings: Settings) -> Keyring:
    return Keyring(settings.secret_key_file)


def ensure_tables(path: Path) -> None:
    """Make the tables of this package in the directory database if whoever opened it did not ask for them."""
    database = Database(path, SCHEMA)
    try:
        database.read(lambda r: r.execute(sa.select(source.c.id).limit(1)).first())
    finally:
        database.close()


# -- making and changing


def create(w: Writer, new: NewSource, password: str, ring: Keyring, *, now: datetime) -> int:
    """Store a source, due at once. Raises SourceInvalid, or FetchError when the key file cannot be used."""
    values = _checked({f.name: getattr(new, f.name) for f in fields(NewSource)})
    _checked_password(password)
    held = w.execute(sa.select(sa.func.count()).where(source.c.account_id == new.account_id)).scalar_one()
    if held >= SOURCES_PER_ACCOUNT:
        raise SourceInvalid("host", "many")
    _refuse_twin(w, values, None)
    seconds = int(now.timestamp())
    done = w.execute(
        sa.insert(source).values(**values, sealed_password=b"", state="new", next_run=seconds, created=seconds)
    )
    assert done.inserted_primary_key is not None  # noqa: S101 - an insert of one row has one
    source_id = int(done.inserted_primary_key[0])
    sealed = ring.seal(password, account_id=new.account_id, source_id=source_id)
    w.execute(sa.update(source).where(source.c.id == source_id).values(sealed_password=sealed))
    return source_id


def change(
    w: Writer, source_id: int, *, now: datetime, password: str | None = None, ring: Keyring | None = None, **values: Any
) -> None:
    """Change what a person may change; new settings or a new password make the source due at once."""
    unknown = set(values) - _CHANGEABLE
    if unknown:
        raise SourceInvalid(min(unknown), "bad")
    current = by_id(w, source_id)
    if current is None:
        raise SourceInvalid("id", "bad")
    updates: dict[str, Any] = _checked(values)
    merged = {"account_id": current.account_id, "host": current.host, "username": current.username} | updates
    _refuse_twin(w, merged, source_id)
    if password is not None and ring is not None:
        _checked_password(password)
        updates["sealed_password"] = ring.seal(password, account_id=current.account_id, source_id=source_id)
    if updates.keys() & {"host", "port", "tls", "username", "sealed_password", "recipient", "private_ok"}:
        updates |= {"failures": 0, "next_run": int(now.timestamp()), "listing_hash": None}
        if current.state in ("sign-in", "failing"):
            updates |= {"state": "new", "error_code": None, "error_text": None, "failing_since": None}
    if "leave" in updates or "mailbox" in updates:
        updates["listing_hash"] = None
    if updates:
        w.execute(sa.update(source).where(source.c.id == source_id).values(**updates))


def delete(w: Writer, source_id: int) -> None:
    """Forget a source and its ledger; what was collected stays in the mailbox."""
    w.execute(sa.delete(source_message).where(source_message.c.source_id == source_id))
    w.execute(sa.delete(source).where(source.c.id == source_id))


def delete_for_account(w: Writer, account_id: int) -> None:
    for row in w.execute(sa.select(source.c.id).where(source.c.account_id == account_id)).fetchall():
        delete(w, row.id)


def fetch_now(w: Writer, source_id: int, *, now: datetime) -> None:
    """Make a source due at once, ahead of others. The caller publishes the topic `sources` afterwards."""
    w.execute(
        sa.update(source)
        .where(source.c.id == source_id, source.c.state != "paused")
        .values(next_run=int(now.timestamp()), wanted=True, listing_hash=None)
    )


def pause(w: Writer, source_id: int) -> None:
    """Stop collecting; a run that is under way ends at its next message."""
    w.execute(sa.update(source).where(source.c.id == source_id).values(state="paused", wanted=False))


def resume(w: Writer, source_id: int, *, now: datetime) -> None:
    state = sa.case((source.c.last_ok.is_(None), "new"), else_="ok")
    w.execute(
        sa.update(source)
        .where(source.c.id == source_id, source.c.state == "paused")
        .values(state=state, next_run=int(now.timestamp()), wanted=True, failures=0, listing_hash=None)
    )


# -- reading


def by_id(r: Reader, source_id: int, account_id: int | None = None) -> Source | None:
    """Return a source; with `account_id` only if it belongs to that account."""
    query = sa.select(*_COLUMNS).where(source.c.id == source_id)
    if account_id is not None:
        query = query.where(source.c.account_id == account_id)
    row = r.execute(query).first()
    return _source(row) if row is not None else None


def list_for(r: Reader, account_id: int) -> Sequence[Source]:
    rows = r.execute(sa.select(*_COLUMNS).where(source.c.account_id == account_id).order_by(source.c.id))
    return [_source(row) for row in rows]


def list_all(r: Reader) -> Sequence[Source]:
    return [_source(row) for row in r.execute(sa.select(*_COLUMNS).order_by(source.c.id))]


def unopenable(r: Reader, ring: Keyring) -> Sequence[int]:
    """Return the sources whose password no key here opens: the file is missing, damaged or another one."""
    rows = r.execute(sa.select(source.c.id, source.c.sealed_password).order_by(source.c.id))
    return [row.id for row in rows if not ring.opens(row.sealed_password)]


def due(
    r: Reader, now: datetime, *, limit: int = 200, among: Sequence[sa.ColumnElement[bool]] = ()
) -> Sequence[Source]:
    """Return what has to be collected and is nobody's at the moment, the wanted ones first; `among` narrows it."""
    seconds = int(now.timestamp())
    rows = r.execute(
        sa.select(*_COLUMNS)
        .where(source.c.next_run <= seconds, source.c.state != "paused", source.c.lease_until <= seconds, *among)
        .order_by(source.c.wanted.desc(), source.c.next_run)
        .limit(limit)
    )
    return [_source(row) for row in rows]


def _source(row: Row[Any]) -> Source:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented access by name
    for name in _TIMES:
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name], UTC)
    for name in _BOOLEANS:
        values[name] = bool(values[name])
    return Source(**values)


# -- checking


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    checked = dict(values)
    for name, check in _CHECKS.items():
        if name in checked:
            checked[name] = check(name, checked[name])
    return checked


def _text(name: str, value: str) -> str:
    value = value.strip()
    if len(value) > TEXT_LIMIT:
        raise SourceInvalid(name, "long")
    if not value.isprintable():
        raise SourceInvalid(name, "bad")
    return value


def _filled(name: str, value: str) -> str:
    value = _text(name, value)
    if not value:
        raise SourceInvalid(name, "empty")
    return value


def _host(name: str, value: str) -> str:
    value = _filled(name, value).rstrip(".").lower()
    try:
        ascii_name = value if value.isascii() else value.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise SourceInvalid(name, "bad") from error
    if len(ascii_name) > 253 or not all(c.isalnum() or c in "-._:[]" for c in ascii_name):
        raise SourceInvalid(name, "bad")
    return ascii_name


def _port(name: str, value: int) -> int:
    if not 0 < value < 65536:
        raise SourceInvalid(name, "bad")
    return value


def _one_of(*choices: str) -> Callable[[str, str], str]:
    def check(name: str, value: str) -> str:
        if value not in choices:
            raise SourceInvalid(name, "bad")
        return value

    return check


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "recipient": _filled,
    "host": _host,
    "port": _port,
    "tls": _one_of(*TLS_CHOICES),
    "protocol": _one_of(*PROTOCOLS),
    "username": _filled,
    "name": _text,
    "address": _text,
    "mailbox": _filled,
    "colour": _text,
}


def _checked_password(password: str) -> None:
    if not password:
        raise SourceInvalid("password", "empty")
    if len(password) > 4_096:
        raise SourceInvalid("password", "long")
    if any(c in password for c in "\r\n\0"):
        raise SourceInvalid("password", "bad")


def _refuse_twin(r: Reader, values: dict[str, Any], source_id: int | None) -> None:
    """Two sources of one mailbox would bring everything twice."""
    query = sa.select(source.c.id).where(
        source.c.account_id == values["account_id"],
        source.c.host == values["host"],
        source.c.username == values["username"],
        source.c.id != (source_id or 0),
    )
    if r.execute(query).first() is not None:
        raise SourceInvalid("username", "exists")
