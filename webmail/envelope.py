"""Values of a message as the pages show them: people, dates, marks. Pure; made from IMAP's ENVELOPE.

Invariant: nothing here raises on what mail carries; a header that cannot be read gives an empty value.
RFC 9051 §7.5.2 (ENVELOPE), RFC 8474 (EMAILID, THREADID), RFC 8970 (PREVIEW).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, datetime

from server.mail import date as mail_date
from server.mail.header import decode_words
from webmail.imap_response import Item, number, text

MAX_PEOPLE = 500
_CONTROLS = dict.fromkeys(range(32), " ") | {0x7F: " "}
_BIDI = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])


def shown(value: str) -> str:
    """Text of a stranger made harmless for one line: no control characters, no bidirectional overrides (T023, T111)."""
    if not value.isprintable():  # control and format characters are not
        value = value.translate(_CONTROLS).translate(_BIDI)
    return " ".join(value.split())


@dataclass(frozen=True, slots=True)
class Person:
    """One address of a header."""

    name: str
    email: str

    @property
    def label(self) -> str:
        """What a row shows: the name, or the address where there is none."""
        return self.name or self.email


NOBODY = Person("", "")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The fields that IMAP gives for one message."""

    subject: str = ""
    sent_at: datetime | None = None
    from_: tuple[Person, ...] = ()
    sender: tuple[Person, ...] = ()
    reply_to: tuple[Person, ...] = ()
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    in_reply_to: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message as one FETCH told it; what was not asked for has its default."""

    uid: int
    flags: frozenset[str] = frozenset()
    arrived: datetime | None = None
    size: int = 0
    envelope: Envelope = field(default_factory=Envelope)
    preview: str | None = None
    thread_id: str = ""
    email_id: str = ""
    modseq: int = 0
    structure: Item = None
    sections: dict[str, bytes] = field(default_factory=dict)

    @property
    def author(self) -> Person:
        """Who wrote it; nobody when the message names no one (or was gone before its envelope was read)."""
        return next(iter(self.envelope.from_ or self.envelope.sender), NOBODY)

    def has(self, flag: str) -> bool:
        """Whether a flag or keyword is set; they are compared without case (RFC 9051 §2.3.2)."""
        wanted = flag.lower()
        return any(name.lower() == wanted for name in self.flags)


def words(item: Item) -> str:
    """A header value in readable form."""
    return shown(decode_words(item)) if isinstance(item, bytes) else ""


def people(item: Item, *, limit: int = MAX_PEOPLE) -> tuple[Person, ...]:
    """Addresses of one ENVELOPE field; the marks of a group's begin and end are left out."""
    if not isinstance(item, list):
        return ()
    found = []
    for entry in item[:limit]:
        if not isinstance(entry, list) or len(entry) != 4:
            continue
        local, domain = shown(text(entry[2])), shown(text(entry[3]))
        if domain:
            found.append(Person(words(entry[0]), f"{local}@{domain}"))
    return tuple(found)


def envelope(item: Item) -> Envelope:
    """Read ENVELOPE."""
    if not isinstance(item, list) or len(item) < 10:
        return Envelope()
    return Envelope(
        subject=words(item[1]),
        sent_at=when(item[0]),
        from_=people(item[2]),
        sender=people(item[3]),
        reply_to=people(item[4]),
        to=people(item[5]),
        cc=people(item[6]),
        bcc=people(item[7]),
        in_reply_to=text(item[8]),
        message_id=text(item[9]),
    )


def sayable(moment: datetime | None) -> datetime | None:
    """A moment that every clock of the world can show; the first and the last year of the calendar are not (mail says anything)."""
    return moment if moment is not None and MINYEAR < moment.year < MAXYEAR else None


def when(item: Item) -> datetime | None:
    """A Date header in UTC."""
    moment = mail_date.parse(item) if isinstance(item, bytes) else None
    return sayable(moment.astimezone(UTC) if moment and moment.tzinfo else moment)


def internal_date(item: Item) -> datetime | None:
    """INTERNALDATE in UTC."""
    moment = mail_date.parse_internal(text(item))
    return sayable(moment.astimezone(UTC)) if moment else None


def fetched(items: dict[str, Item]) -> Fetched | None:
    """One FETCH response as a value; None for one that carries no UID."""
    uid = number(items.get("UID"))
    if not uid:
        return None
    named = items.get("FLAGS")
    flags = frozenset(text(flag) for flag in named) if isinstance(named, list) else frozenset()
    preview = items.get("PREVIEW")
    structure = items.get("BODYSTRUCTURE")
    return Fetched(
        uid=uid,
        flags=flags,
        arrived=internal_date(items.get("INTERNALDATE")),
        size=number(items.get("RFC822.SIZE")),
        envelope=envelope(items.get("ENVELOPE")) if "ENVELOPE" in items else Envelope(),
        preview=shown(text(preview)) if isinstance(preview, bytes) else None,
        thread_id=_in_brackets(items.get("THREADID")),
        email_id=_in_brackets(items.get("EMAILID")),
        modseq=_first_number(items.get("MODSEQ")),
        structure=structure,
        sections={
            name: value
            for name, value in items.items()
            if name.startswith(("BODY[", "BINARY[")) and isinstance(value, bytes)
        },
    )


def _in_brackets(item: Item) -> str:
    # RFC 8474 §5: THREADID (T64b478a75b7ea9) or NIL.
    return text(item[0]) if isinstance(item, list) and item else text(item)


def _first_number(item: Item) -> int:
    return number(item[0]) if isinstance(item, list) and item else 0


def people_of(persons: Iterable[Person]) -> tuple[Person, ...]:
    """Each address once, in order."""
    found: dict[str, Person] = {}
    for person in persons:
        found.setdefault(person.email.casefold(), person)
    return tuple(found.values())
