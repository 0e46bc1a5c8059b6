"""One message: what it is made of, one part of it, all of it. A shell over `connection`.

Invariants: a message is named by mailbox, UIDVALIDITY and UID; when the UIDVALIDITY is another now, the answer is `Gone`, never
some other message. No part is read beyond its limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from server.mail import charset, header, transfer
from webmail import body as bodies
from webmail import structure
from webmail.body import Body
from webmail.connection import Mail, MailRefused
from webmail.conversation import age_key
from webmail.envelope import Fetched, Person, people_of, words
from webmail.imap_command import BadArgument, Token, Value
from webmail.structure import Part

MAX_TEXT = 3 * 2**20
MAX_CONVERSATION = 100
HEADERS = ("REFERENCES", "LIST-ID", "LIST-UNSUBSCRIBE", "LIST-UNSUBSCRIBE-POST", "AUTO-SUBMITTED")
_HEADER_ITEM = f"BODY.PEEK[HEADER.FIELDS ({' '.join(HEADERS)})]"


class Gone(Exception):
    """There is no such message (any more)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message, opened."""

    mailbox: str
    uidvalidity: int
    uid: int
    fetched: Fetched
    root: Part
    body: Body
    headers: header.HeaderBlock

    @property
    def sender(self) -> Person:
        """Who wrote it."""
        first = self.fetched.envelope.from_ or self.fetched.envelope.sender
        return first[0] if first else Person("", "")

    @property
    def is_list(self) -> bool:
        return "List-Id" in self.headers or "List-Unsubscribe" in self.headers

    def part(self, path: str) -> Part:
        """The part of that section number.

        Raises:
            Gone: There is none.
        """
        found = self.root.find(path)
        if found is None:
            raise Gone
        return found


def select(mail: Mail, mailbox: str, uidvalidity: int) -> None:
    """Select a mailbox that must still be the same one.

    Raises:
        Gone: It is not there, or all its UIDs are new (RFC 9051 §2.3.1.1).
    """
    try:
        current = mail.select(mailbox)
    except (MailRefused, BadArgument) as error:
        raise Gone from error
    if current != uidvalidity:
        raise Gone


def open_letter(mail: Mail, mailbox: str, uidvalidity: int, uid: int) -> Letter:
    """Read everything about a message but its parts."""
    select(mail, mailbox, uidvalidity)
    items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODYSTRUCTURE", _HEADER_ITEM]
    if mail.has("OBJECTID"):
        items += ["THREADID", "EMAILID"]
    found = mail.fetch([uid], items).get(uid)
    if found is None:
        raise Gone
    root = structure.read(found.structure)
    block, _ = header.split(next((raw for name, raw in found.sections.items() if "HEADER" in name), b""))
    return Letter(mailbox, uidvalidity, uid, found, root, bodies.choose(root), block)


def part_octets(mail: Mail, letter: Letter, part: Part, *, limit: int = 0) -> bytes:
    """A part, decoded. `limit` counts octets before decoding; 0 for all (the connection has a cap of its own)."""
    select(mail, letter.mailbox, letter.uidvalidity)
    section = f"BODY.PEEK[{part.path}]" + (f"<0.{limit}>" if limit else "")
    found = mail.fetch([letter.uid], [section]).get(letter.uid)
    if found is None:
        raise Gone
    raw = next(iter(found.sections.values()), b"")
    return transfer.decode(raw, part.encoding)


def part_text(mail: Mail, letter: Letter, part: Part, *, limit: int = MAX_TEXT) -> str:
    """A text part as text, whatever charset it claims (T030, T031)."""
    return charset.decode(part_octets(mail, letter, part, limit=limit), part.charset or None)


def raw(mail: Mail, mailbox: str, uidvalidity: int, uid: int) -> bytes:
    """The whole message as it is stored."""
    select(mail, mailbox, uidvalidity)
    found = mail.fetch([uid], ["BODY.PEEK[]"]).get(uid)
    if found is None or not found.sections:
        raise Gone
    return next(iter(found.sections.values()))


def header_block(mail: Mail, mailbox: str, uidvalidity: int, uid: int) -> header.HeaderBlock:
    """All header fields."""
    select(mail, mailbox, uidvalidity)
    found = mail.fetch([uid], ["BODY.PEEK[HEADER]"]).get(uid)
    if found is None:
        raise Gone
    return header.split(next(iter(found.sections.values()), b""))[0]


@dataclass(frozen=True, slots=True)
class Companion:
    """Another message of the conversation, as its folded line shows it."""

    mailbox: str
    uidvalidity: int
    message: Fetched


def companions(mail: Mail, letter: Letter, mailboxes: Sequence[str]) -> list[Companion]:
    """The other messages of the conversation in these mailboxes, oldest first, each once."""
    tokens = _conversation_keys(mail, letter)
    if not tokens:
        return []
    found: list[Companion] = []
    seen = {letter.fetched.envelope.message_id or str(letter.uid)}
    items = ["FLAGS", "INTERNALDATE", "ENVELOPE", *(["PREVIEW"] if mail.has("PREVIEW") else [])]
    for mailbox in dict.fromkeys(mailboxes):
        try:
            uidvalidity = mail.select(mailbox)
            uids = mail.search(tokens)[-MAX_CONVERSATION:]
        except MailRefused:
            continue
        if not uids:
            continue
        for message in mail.fetch(uids, items).values():
            name = message.envelope.message_id or f"{mailbox}/{message.uid}"
            is_this = mailbox == letter.mailbox and message.uid == letter.uid
            if not is_this and name not in seen and not message.has("\\Deleted"):
                seen.add(name)
                found.append(Companion(mailbox, uidvalidity, message))
    return sorted(found, key=lambda one: age_key(one.message))[-MAX_CONVERSATION:]


def _conversation_keys(mail: Mail, letter: Letter) -> tuple[Token, ...]:
    if mail.has("OBJECTID"):
        return ("THREADID", letter.fetched.thread_id) if letter.fetched.thread_id else ()
    references = words(letter.headers.get("References")).split()
    first = (references or [letter.fetched.envelope.in_reply_to or letter.fetched.envelope.message_id])[0].strip()
    if not first or len(first) > 300:
        return ()
    return ("OR", "HEADER", "References", Value(first), "HEADER", "Message-ID", Value(first))


def recipients(letter: Letter) -> tuple[Person, ...]:
    """To and Cc, each once."""
    return people_of(letter.fetched.envelope.to + letter.fetched.envelope.cc)
