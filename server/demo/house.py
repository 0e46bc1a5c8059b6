"""Fills an empty installation with the demo: a family domain, a second domain whose account is collected by POP3, and mail."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from server.accounts import account as accounts
from server.accounts.account import Account
from server.accounts.directory import Directory, set_hostname
from server.admin.setup import is_fresh
from server.db.transaction import Writer
from server.demo import pictures
from server.demo.letters import CHEN, ME, TALKS, Letter, Person
from server.demo.series import Notice, notices
from server.mail import build, dsn
from server.mail.address import Address
from server.store import append, mailboxes
from server.store import quota as quotas
from server.store.store import Store

ADDRESS = ME[1]
PASSWORD = "posthouse"  # noqa: S105 - the demo's way in, printed on the terminal
ELSEWHERE = "iris.lin@nordlicht.example"
"""The account at the second local domain that the demo collects from."""
ELSEWHERE_PASSWORD = "northern light"  # noqa: S105 - as above

QUOTA = 60 * 10**9
FOLDERS = ("Clients", "Family", "Travel")
DAY = 24.0


@dataclass(frozen=True, slots=True)
class Piece:
    """One finished message and where it goes."""

    mailbox: str
    raw: bytes
    at: datetime
    flags: tuple[str, ...] = ()


def fill(directory: Directory, store: Store, now: datetime) -> tuple[Account, Account] | None:
    """Make the demo house, once: None when somebody lives here already.

    Returns the family account and the account elsewhere; the caller adds the source that joins them.
    """
    if not directory.read_now(is_fresh):
        return None

    def people(w: Writer) -> tuple[Account, Account]:
        for domain in ("lin.example", "nordlicht.example"):
            accounts.add_domain(w, domain)
        set_hostname(w, "mail.lin.example")
        iris = accounts.add_account(w, ADDRESS, PASSWORD, name=ME[0], admin=True, quota=QUOTA)
        accounts.add_account(w, "mama@lin.example", PASSWORD, name="妈妈")
        accounts.add_alias(w, "hello@lin.example", iris.id)
        return iris, accounts.add_account(w, ELSEWHERE, ELSEWHERE_PASSWORD, name=ME[0])

    iris, elsewhere = directory.write_now(people)
    store.write_now(iris.id, lambda w: quotas.set_limit(w, QUOTA))
    _store(store, iris.id, [*_talks(now), *_notices(now), *_specials(now)])
    _store(store, elsewhere.id, list(_elsewhere(now)))
    return iris, elsewhere


def _store(store: Store, account: int, pieces: list[Piece]) -> None:
    def make_folders(w: Writer) -> None:
        for name in FOLDERS:
            mailboxes.create(w, name)
            mailboxes.subscribe(w, name, True)

    store.write_now(account, make_folders)
    for piece in sorted(pieces, key=lambda p: p.at):
        prepared = append.prepare(piece.raw)

        def put(w: Writer, piece: Piece = piece, prepared: append.Prepared = prepared) -> None:
            target = mailboxes.by_name(w, piece.mailbox)
            append.append(w, target.id, prepared, flags=piece.flags, internaldate=piece.at)

        store.write_now(account, put)


def _address(person: Person) -> Address:
    local, _, domain = person[1].rpartition("@")
    return Address(person[0], local, domain)


def _identifier(who: Person, seed: str) -> str:
    return f"{uuid.uuid5(uuid.NAMESPACE_OID, seed).hex}@{who[1].rpartition('@')[2]}"


def _attachments(names: tuple[str, ...]) -> list[build.Attachment]:
    return [build.Attachment(name, *pictures.file(name), None) for name in names]


def _talks(now: datetime) -> Iterator[Piece]:
    for talk in TALKS:
        earlier: list[str] = []
        for number, letter in enumerate(talk.letters):
            identifier = _identifier(letter.who, f"{talk.subject}/{number}")
            at = now - timedelta(hours=letter.age)
            raw = _letter(talk.subject if number == 0 else f"Re: {talk.subject}", letter, at, identifier, earlier)
            mine = letter.who == ME
            yield Piece(
                "Sent" if mine else talk.mailbox, raw, at, _flags(letter.seen or mine, letter.flagged, letter.labels)
            )
            earlier.append(identifier)


def _letter(subject: str, letter: Letter, at: datetime, identifier: str, earlier: list[str]) -> bytes:
    return build.message(
        from_=[_address(letter.who)],
        to=[_address(person) for person in letter.to],
        cc=[_address(person) for person in letter.cc],
        subject=subject,
        date=at,
        message_id=identifier,
        in_reply_to=earlier[-1] if earlier else None,
        references=earlier,
        text=letter.text,
        html=None,
        inline=[],
        attachments=_attachments(letter.files),
    )


def _flags(seen: bool, flagged: bool, labels: tuple[str, ...]) -> tuple[str, ...]:
    return (*(("\\Seen",) if seen else ()), *(("\\Flagged",) if flagged else ()), *labels)


def _notices(now: datetime) -> Iterator[Piece]:
    for notice in notices():
        at = now - timedelta(hours=notice.age)
        yield Piece(notice.mailbox, _notice(notice, at), at, _flags(notice.seen, False, notice.labels))


def _notice(notice: Notice, at: datetime) -> bytes:
    inline = [build.Attachment("cover.png", *pictures.file("Oak and ash.png"), notice.inline)] if notice.inline else []
    return build.message(
        from_=[_address(notice.who)],
        to=[_address(ME)],
        cc=[],
        subject=notice.subject,
        date=at,
        message_id=_identifier(notice.who, f"{notice.subject}/{notice.age}"),
        in_reply_to=None,
        references=[],
        text=notice.text,
        html=notice.html or None,
        inline=inline,
        attachments=_attachments(notice.files),
        extra=notice.headers,
    )


def _specials(now: datetime) -> Iterator[Piece]:
    at = now - timedelta(hours=2.7)
    start = (now + timedelta(days=8)).replace(hour=14, minute=0, second=0, microsecond=0, tzinfo=UTC)
    calendar = pictures.invitation("q1-planning@q1planning.example", start, start + timedelta(hours=1), at)
    who = ("Priya Raman", "priya@q1planning.example")
    letter = Letter(who, 2.7, f"{start:%a %-d %b}, 14:00 to 15:00. Room Säntis or video.\n\nPriya")
    attached = build.Attachment("invite.ics", 'text/calendar; method=REQUEST; charset="utf-8"', calendar, None)
    yield Piece("INBOX", _with_files("Invitation: Q1 planning", letter, at, [attached]), at, ("\\Seen",))
    lost = Letter(
        ME, 3.2, "Hi Mia,\n\nthe keys are with the neighbour.\n\nIris", to=(("Mia Brukner", "mia@brukner.example"),)
    )
    sent = now - timedelta(hours=3.2)
    original = _with_files("Keys", lost, sent, [])
    yield Piece("Sent", original, sent, ("\\Seen",))
    failed = dsn.Recipient("mia@brukner.example", "5.1.1", "550 5.1.1 No such person here", "mx.brukner.example")
    context = dsn.Context(
        reporting_mta="mail.lin.example",
        from_=Address("Mail delivery", "postmaster", "mail.lin.example"),
        to=_address(ME),
        message_id=_identifier(("", "postmaster@mail.lin.example"), "bounce"),
        date=sent + timedelta(minutes=2),
        original=original,
        arrival=sent,
    )
    bounce = dsn.failure(context, [failed])
    yield Piece("INBOX", bounce, sent + timedelta(minutes=2))
    draft = Letter(
        ME,
        4,
        "Dear Hedwig,\n\nyes, please keep them for me. I will come on ",
        to=(("Großtante Hedwig", "hedwig@waldheim.example"),),
    )
    yield Piece(
        "Drafts",
        _with_files("Re: Old letters in the attic", draft, now - timedelta(hours=4), []),
        now - timedelta(hours=4),
        ("\\Draft", "\\Seen"),
    )


def _with_files(subject: str, letter: Letter, at: datetime, files: list[build.Attachment]) -> bytes:
    return build.message(
        from_=[_address(letter.who)],
        to=[_address(person) for person in letter.to],
        cc=[],
        subject=subject,
        date=at,
        message_id=_identifier(letter.who, subject),
        in_reply_to=None,
        references=[],
        text=letter.text,
        html=None,
        inline=[],
        attachments=files,
    )


_ELSEWHERE: tuple[tuple[Person, str, str], ...] = (
    (
        ("Jonas Brandt", "jonas@brandt-partner.example"),
        "Server cabinet: dimensions",
        "60 x 80 x 200 cm, doors to the right.\n\nJonas",
    ),
    (CHEN, "走廊照片", "照片在附件里，门已经改好了。\n\n陈立"),
    (
        ("Nordlicht HR", "hr@nordlicht.example"),
        "Holiday plan for January",
        "Please enter your days before 10 December.\n",
    ),
    (
        ("Lena Brandt", "lena@brandt-partner.example"),
        "Workshop: list of participants",
        "Twelve names so far, two vegetarians.\n\nLena",
    ),
    (("Build house", "ci@nordlicht.example"), "Nightly run is green", "All 412 checks passed.\n"),
    (
        ("Priya Raman", "priya@q1planning.example"),
        "Numbers for Q1",
        "The sheet is shared; the third tab is yours.\n\nPriya",
    ),
)


def _elsewhere(now: datetime) -> Iterator[Piece]:
    """Forty messages that wait at the other provider: `make run` shows them coming in."""
    for index in range(42):
        who, subject, text = _ELSEWHERE[index % len(_ELSEWHERE)]
        week = index // len(_ELSEWHERE)
        title = subject if week == 0 else f"{subject} ({week + 1})"
        at = now - timedelta(hours=1.7 + 5.5 * (index % 6) + 7 * DAY * week)
        letter = Letter(who, 0, text, to=((ME[0], ELSEWHERE),))
        yield Piece("INBOX", _with_files(title, letter, at, []), at)
