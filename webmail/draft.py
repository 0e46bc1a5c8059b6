"""A letter while it is written: from what it answers to the octets that are sent. Pure.

Invariants: every address has passed the strict reader (security.md T112) before it reaches a header; no field takes control
characters (T084); a sent letter has no Bcc field (T090); quoted HTML comes in sanitised (T034) and goes out sanitised.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import quote, unquote

from server.mail import address_field, build
from server.mail.address import Address, parse_addr_spec
from webmail import written_text
from webmail.envelope import Person

Mode = Literal["new", "reply", "all", "forward"]

SUBJECT_LIMIT = 900
RECIPIENTS_LIMIT = 100
REFERENCES_LIMIT = 50
UNFINISHED_FIELD = "X-Posthouse-Unfinished"
"""In drafts only: what stands in the recipient fields and is no address yet."""
UNFINISHED_LIMIT = 80
_CONTROLS = frozenset({"Cc", "Cs", "Zl", "Zp"})
_REPLY_PREFIX = re.compile(r"^\s*(re|aw|sv|antw|回复|答复|回覆)\s*[:：]", re.IGNORECASE)
_FORWARD_PREFIX = re.compile(r"^\s*(fwd?|wg|转发|轉寄)\s*[:：]", re.IGNORECASE)


class DraftInvalid(ValueError):
    """What cannot be sent: which field, why in one word, and the text that caused it."""

    def __init__(self, field_name: str, reason: str, text: str = "") -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field, self.reason, self.text = field_name, reason, text


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is answered or passed on."""

    mode: Mode
    mailbox: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One letter. `to`, `cc`, `bcc` are as people typed them; `body` is HTML of our allow-list."""

    sender: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    original: Original | None = None
    files: tuple[str, ...] = ()
    """Ids of uploads."""


@dataclass(frozen=True, slots=True)
class Source:
    """What of the original an answer needs. `body` is sanitised HTML."""

    sender: Person
    reply_to: Sequence[Person]
    to: Sequence[Person]
    cc: Sequence[Person]
    subject: str
    message_id: str
    references: Sequence[str]
    body: str
    introduction: str
    """`On 24 November Mara wrote:` in the writer's language."""


def written(person: Person) -> str:
    """An address as it stands in a field of the composer."""
    if not person.name or person.name == person.email:
        return person.email
    bare = person.name.replace("\\", "").replace('"', "")
    return f'"{bare}" <{person.email}>' if any(c in bare for c in ",;:<>@()[]") else f"{bare} <{person.email}>"


def answer(source: Source, mode: Mode, own: Sequence[str], sender: str) -> Draft:
    """Begin a reply, a reply to all, or a forward. `own` are the writer's addresses, which are not answered."""
    mine = {address.casefold() for address in own}
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    if mode in ("reply", "all"):
        first = list(source.reply_to) or [source.sender]
        if source.sender.email.casefold() in mine:
            first = list(source.to) or first  # answering oneself means writing to the same people again
        others = [*source.to, *source.cc] if mode == "all" else []
        to, cc = _each_once(first, set()), _each_once(others, mine | {p.email.casefold() for p in first})
    begun = Draft(
        sender=_written_to(source, mine) or sender,
        to=to,
        cc=cc,
        subject=_prefixed(source.subject, mode),
        body=_quoted(source, mode),
    )
    if mode == "forward":
        return begun
    chain = (*source.references, source.message_id)
    # RFC 5322 §3.6.4: the parent's References and its Message-ID; a long chain keeps its root and its newest part.
    kept = tuple(dict.fromkeys(one for one in chain if one))
    if len(kept) > REFERENCES_LIMIT:
        kept = (kept[0], *kept[-REFERENCES_LIMIT + 1 :])
    return replace(begun, in_reply_to=source.message_id, references=kept)


def _each_once(people: Sequence[Person], without: set[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for person in people:
        if person.email.casefold() not in without:
            found.setdefault(person.email.casefold(), written(person))
    return tuple(found.values())[:RECIPIENTS_LIMIT]


def _written_to(source: Source, mine: set[str]) -> str:
    """The own address that the original was sent to, so that the answer leaves from it."""
    return next((p.email.casefold() for p in (*source.to, *source.cc) if p.email.casefold() in mine), "")


def _prefixed(subject: str, mode: Mode) -> str:
    pattern, prefix = (_FORWARD_PREFIX, "Fwd: ") if mode == "forward" else (_REPLY_PREFIX, "Re: ")
    plain = one_line(subject)
    return plain if pattern.match(plain) else f"{prefix}{plain}"


def _quoted(source: Source, mode: Mode) -> str:
    head = f"<div>{html.escape(source.introduction).replace(chr(10), '<br>')}</div>"
    if mode == "forward":
        return f"<div><br></div>{head}<div><br></div>{source.body}"
    return f"<div><br></div>{head}<blockquote>{source.body}</blockquote>"


def text_as_html(text: str) -> str:
    """Plain text as markup that says the same."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join(f"<div>{html.escape(line) or '<br>'}</div>" for line in lines)


def one_line(text: str) -> str:
    """Text for one header field: line ends of any kind and controls are blanks (T084); what joins letters stays."""
    return " ".join("".join(" " if unicodedata.category(c) in _CONTROLS else c for c in text).split())


def addresses(field_name: str, texts: Sequence[str]) -> list[Address]:
    """Read the recipients of one field strictly. Raises DraftInvalid for the first that is none."""
    found = []
    for text in texts:
        if not text.strip():
            continue
        address = address_of(text)
        if address is None:
            raise DraftInvalid(field_name, "address", text)
        found.append(address)
    return found


def address_of(text: str) -> Address | None:
    """Read `name@domain` or `Name <name@domain>`; None for anything else, also for what two readers might read differently."""
    bare = text.strip()
    name = ""
    if bare.endswith(">") and "<" in bare:
        name, _, bare = bare[:-1].rpartition("<")
        name = name.strip()
        if len(name) > 1 and name[0] == name[-1] == '"':
            name = name[1:-1].replace('\\"', '"')
    if "<" in name or ">" in name or any(unicodedata.category(c) in _CONTROLS for c in name):
        return None
    parsed = parse_addr_spec(bare.strip())
    if parsed is None or "." not in parsed.domain.strip("[]"):
        return None
    return Address(name, parsed.local, parsed.domain)


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter ready to leave: who gets it, what they get, and the writer's own copy, which names the blind recipients."""

    sender: Address
    recipients: tuple[str, ...]
    raw: bytes
    copy: bytes


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes one letter unlike any other."""

    date: datetime
    message_id: str
    sender_name: str
    files: Sequence[build.Attachment] = ()
    extra: Sequence[tuple[str, str]] = field(default_factory=tuple)


def letter(draft: Draft, stamp: Stamp, clean: Callable[[str], str]) -> Letter:
    """Build what is sent. Raises DraftInvalid: no recipient, a bad address, a subject that is too long."""
    to, cc, bcc = (addresses(name, getattr(draft, name)) for name in ("to", "cc", "bcc"))
    everybody = tuple(dict.fromkeys(a.addr_spec for a in (*to, *cc, *bcc)))
    if not everybody:
        raise DraftInvalid("to", "empty")
    if len(everybody) > RECIPIENTS_LIMIT:
        raise DraftInvalid("to", "many")
    sender = _sender(draft, stamp)
    raw = _octets(draft, stamp, clean, sender, to, cc, ())
    return Letter(sender, everybody, raw, address_field.encode("Bcc", bcc) + raw if bcc else raw)


def saved(draft: Draft, stamp: Stamp, clean: Callable[[str], str]) -> bytes:
    """Build what is kept in Drafts, the blind recipients included; what is no address yet stands in a field of its own."""
    to, cc, bcc = ([a for a in map(address_of, getattr(draft, name)) if a] for name in ("to", "cc", "bcc"))
    rest = [
        f"{name}={quote(text[:UNFINISHED_LIMIT], safe='', errors='replace')}"
        for name in ("to", "cc", "bcc")
        for text in getattr(draft, name)
        if text.strip() and address_of(text) is None
    ]
    extra = [*stamp.extra, (UNFINISHED_FIELD, " ".join(rest))] if rest else stamp.extra
    return _octets(draft, replace(stamp, extra=extra), clean, _sender(draft, stamp), to, cc, bcc)


def unfinished(value: str) -> dict[str, tuple[str, ...]]:
    """Read the field of that name: what was typed into each recipient field."""
    found: dict[str, tuple[str, ...]] = {"to": (), "cc": (), "bcc": ()}
    for item in value.split():
        name, _, text = item.partition("=")
        if name in found and text and len(found[name]) < RECIPIENTS_LIMIT:
            found[name] = (*found[name], unquote(text))
    return found


def _sender(draft: Draft, stamp: Stamp) -> Address:
    parsed = parse_addr_spec(draft.sender)
    if parsed is None:
        raise DraftInvalid("sender", "address", draft.sender)
    return Address(one_line(stamp.sender_name), parsed.local, parsed.domain)


def _octets(
    draft: Draft,
    stamp: Stamp,
    clean: Callable[[str], str],
    sender: Address,
    to: Sequence[Address],
    cc: Sequence[Address],
    bcc: Sequence[Address],
) -> bytes:
    subject = one_line(draft.subject)
    if len(subject) > SUBJECT_LIMIT:
        raise DraftInvalid("subject", "long")
    body = clean(draft.body)
    return build.message(
        from_=[sender],
        to=to,
        cc=cc,
        bcc=bcc,
        subject=subject,
        date=stamp.date,
        message_id=stamp.message_id,
        in_reply_to=draft.in_reply_to or None,
        references=draft.references,
        text=written_text.to_text(body),
        html=f"<html><body>{body}</body></html>" if body else None,
        attachments=stamp.files,
        extra=stamp.extra,
    )
