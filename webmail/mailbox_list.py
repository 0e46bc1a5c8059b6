"""The mailboxes of a person: LIST and STATUS in one command where the server can, roles, counts, and the tree of the rail.

RFC 9051 §6.3.9 (LIST), RFC 5819 (LIST-STATUS), RFC 6154 (SPECIAL-USE), RFC 9208 (QUOTA).

Our own server has virtual mailboxes, which show what lies in others. They are known here, but they are no folders, and their counts
are not asked for: counting would have the server keep up mailboxes that nobody looks at.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from webmail import imap_response as response
from webmail.connection import Mail, MailRefused, mailbox_name, readable_name

MAX_STATUS_COMMANDS = 60
"""Without LIST-STATUS each mailbox costs a command; what is beyond this shows no count."""
MAX_PATTERNS = 1_500
"""Characters of the names whose counts are asked for; with more folders than that, those of all mailboxes are."""
OTHER_USERS = "Other Users"
"""Below this name our server shows what others share, each below its owner's address (RFC 2342)."""
ROLES = ("inbox", "drafts", "sent", "archive", "junk", "trash")
_ATTRIBUTES = {
    "\\drafts": "drafts",
    "\\sent": "sent",
    "\\archive": "archive",
    "\\all": "all",
    "\\junk": "junk",
    "\\trash": "trash",
    "\\flagged": "starred",
}
_COMMON_NAMES = {
    "drafts": "drafts",
    "sent": "sent",
    "sent items": "sent",
    "sent messages": "sent",
    "archive": "archive",
    "junk": "junk",
    "spam": "junk",
    "trash": "trash",
    "deleted items": "trash",
    "deleted messages": "trash",
}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One mailbox; `role` is empty for a person's own folders."""

    name: str
    delimiter: str = "/"
    role: str = ""
    selectable: bool = True
    messages: int = 0
    unseen: int = 0
    uidnext: int = 0
    uidvalidity: int = 0
    highestmodseq: int = 0
    virtual: bool = False

    @property
    def label(self) -> str:
        """The last piece of the name."""
        return self.name.rsplit(self.delimiter, 1)[-1] if self.delimiter else self.name

    @property
    def owner(self) -> str:
        """The address of the one who shares it; empty for one's own."""
        levels = self.name.split(self.delimiter) if self.delimiter else []
        return levels[1] if len(levels) > 2 and levels[0] == OTHER_USERS else ""

    @property
    def depth(self) -> int:
        """Levels above it in the rail, where a shared one stands below its owner."""
        levels = self.name.count(self.delimiter) if self.delimiter else 0
        return levels - 1 if self.owner else levels

    @property
    def state(self) -> str:
        """Changes when anything in the mailbox does; a page compares it with what it was made from."""
        return f"{self.uidvalidity}.{self.uidnext}.{self.messages}.{self.unseen}.{self.highestmodseq}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the person's mail takes, in octets."""

    used: int
    limit: int

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.used / self.limit)) if self.limit else 0


def load(mail: Mail) -> list[Mailbox]:
    """All mailboxes with their counts."""
    items = b"(MESSAGES UNSEEN UIDNEXT UIDVALIDITY" + (b" HIGHESTMODSEQ)" if mail.has("CONDSTORE") else b")")
    combined = mail.has("LIST-STATUS") and mail.has("LIST-EXTENDED")
    if combined or mail.has("IMAP4REV2"):
        if mail.own and combined:
            return _of_our_own(mail, items)
        special = b"SPECIAL-USE " if mail.has("SPECIAL-USE") or mail.has("IMAP4REV2") else b""
        answer = mail.run(b'LIST "" "*" RETURN (', special, b"STATUS ", items, b")")
        found = _listed(answer.records("LIST"))
        return _with_counts(found, answer.records("STATUS"))
    found = _listed(mail.run(b'LIST "" "*"').records("LIST"), own=mail.own)
    records: list[response.Record | None] = []
    for mailbox in [one for one in found if one.selectable and not one.virtual][:MAX_STATUS_COMMANDS]:
        with suppress(MailRefused):  # a mailbox may go between LIST and STATUS
            records += mail.run(b"STATUS ", mailbox_name(mailbox.name), b" ", items).records("STATUS")
    return _with_counts(found, records)


def _of_our_own(mail: Mail, items: bytes) -> list[Mailbox]:
    found = _listed(mail.run(b'LIST "" "*" RETURN (SPECIAL-USE)').records("LIST"), own=True)
    answer = mail.run(b'LIST "" (', b" ".join(_patterns(found)), b") RETURN (STATUS ", items, b")")
    return _with_counts(found, answer.records("STATUS"))


def _patterns(found: Sequence[Mailbox]) -> list[bytes]:
    """What means every real mailbox and no virtual one: these are never in one tree."""
    names = [one.name for one in found if not one.virtual]
    tops = dict.fromkeys(name.split("/", 1)[0] for name in names)
    trees = {name.split("/", 1)[0] for name in names if "/" in name}
    patterns = [mailbox_name(one) for top in tops for one in ((top, f"{top}/*") if top in trees else (top,))]
    return patterns if sum(map(len, patterns)) <= MAX_PATTERNS else [b'"*"']


def _listed(records: Sequence[response.Record | None], *, own: bool = False) -> list[Mailbox]:
    found: list[Mailbox] = []
    taken: set[str] = set()
    for values in response.responses(records):
        if len(values) < 3 or not isinstance(values[0], list) or not isinstance(values[2], bytes):
            continue
        attributes = {response.text(item).lower() for item in values[0]}
        name = readable_name(values[2])
        if name.upper() == "INBOX":
            name = "INBOX"  # RFC 9051 §5.1: this one name is compared without case
        role = "inbox" if name == "INBOX" else next((_ATTRIBUTES[a] for a in attributes if a in _ATTRIBUTES), "")
        if role in taken:
            role = ""
        taken |= {role} - {""}
        selectable = not attributes & {"\\noselect", "\\nonexistent"}
        # Of ours, nothing real forbids mailboxes below it, and nothing real is only a name.
        virtual = own and bool(attributes & {"\\noinferiors", "\\noselect"})
        found.append(Mailbox(name, response.text(values[1]), role, selectable, virtual=virtual))
    for index, mailbox in enumerate(found):
        guess = "" if mailbox.owner or mailbox.virtual else _COMMON_NAMES.get(mailbox.label.lower(), "")
        if not mailbox.role and guess and guess not in taken:
            taken.add(guess)
            found[index] = replace(mailbox, role=guess)
    return found


def _with_counts(found: list[Mailbox], records: Sequence[response.Record | None]) -> list[Mailbox]:
    counts: dict[str, dict[str, response.Item]] = {}
    for values in response.responses(records):
        if len(values) > 1 and isinstance(values[0], bytes):
            name = readable_name(values[0])
            counts["INBOX" if name.upper() == "INBOX" else name] = response.pairs(values[1])
    # A shared one without counts may be looked at from outside only: its owner lets others put mail into it, or no more than see it.
    return [
        replace(mailbox, selectable=False)
        if mailbox.owner and mailbox.name not in counts
        else _counted(mailbox, counts.get(mailbox.name, {}))
        for mailbox in found
    ]


def _counted(mailbox: Mailbox, status: dict[str, response.Item]) -> Mailbox:
    return replace(
        mailbox,
        messages=response.number(status.get("MESSAGES")),
        unseen=response.number(status.get("UNSEEN")),
        uidnext=response.number(status.get("UIDNEXT")),
        uidvalidity=response.number(status.get("UIDVALIDITY")),
        highestmodseq=response.number(status.get("HIGHESTMODSEQ")),
    )


def by_role(mailboxes: Sequence[Mailbox], role: str) -> Mailbox | None:
    """The mailbox with that special use."""
    return next((mailbox for mailbox in mailboxes if mailbox.role == role), None)


def by_name(mailboxes: Sequence[Mailbox], name: str) -> Mailbox | None:
    return next((mailbox for mailbox in mailboxes if mailbox.name == name), None)


def special(mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """Those with a role, in the order of the rail."""
    return [mailbox for role in ROLES if (mailbox := by_role(mailboxes, role))]


def folders(mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """A person's own folders, parents before children, siblings by name."""
    return _in_order(
        mailbox for mailbox in mailboxes if mailbox.role not in ROLES and not mailbox.owner and not mailbox.virtual
    )


def shared(mailboxes: Sequence[Mailbox]) -> list[Mailbox]:
    """What others share, by their addresses."""
    return _in_order(mailbox for mailbox in mailboxes if mailbox.owner)


def _in_order(mailboxes: Iterable[Mailbox]) -> list[Mailbox]:
    return sorted(mailboxes, key=lambda one: [piece.casefold() for piece in one.name.split(one.delimiter or "\0")])


def usage(mail: Mail) -> Usage | None:
    """Storage in use, from the quota of the inbox; None where the server keeps none (RFC 9208 §4.3: units of 1024)."""
    if not any(name == "QUOTA" or name.startswith("QUOTA=") for name in mail.capabilities):
        return None
    try:
        answer = mail.run(b"GETQUOTAROOT INBOX")
    except MailRefused:
        return None
    for values in response.responses(answer.records("QUOTA")):
        triple = values[1] if len(values) > 1 else None
        if isinstance(triple, list):
            for i in range(0, len(triple) - 2, 3):
                if response.text(triple[i]).upper() == "STORAGE":
                    return Usage(response.number(triple[i + 1]) * 1024, response.number(triple[i + 2]) * 1024)
    return None
