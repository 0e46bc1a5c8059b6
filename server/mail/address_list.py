r"""Address lists read leniently into entries of octets (RFC 5322 §3.4 and the obsolete forms of §4.4).

    address-list = [address] *("," [address])         address = mailbox / group
    mailbox      = [phrase] "<" [route] addr-spec ">" / addr-spec
    group        = phrase ":" [address-list] ";"

One pass over tokens, no backtracking. The one in angle brackets is the address, whatever the words before it look
like: `alice@example.org <bob@evil.test>` is bob, named "alice@example.org" (CVE-2023-27043 is parsers that disagree).
Entries keep names undecoded, as IMAP's ENVELOPE shows them.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from server.mail.limits import DEFAULT

_TOKEN: Final = re.compile(
    rb"""
      (?P<space>[ \t\r\n\x00]++)
    | (?P<encoded>=\?[^?\s]{1,64}\?[bBqQ]\?[^?\s]*+\?=)
    | (?P<atom>[^\s"(),:;<>@\x00]++)
    | (?P<special>[@,:;])
    | (?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+"?+)
    | (?P<angle><[^<>"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"?+[^<>"]*+)*+>?+)
    | (?P<comment>\()
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_MARK: Final = re.compile(rb"\\.|[()]", re.DOTALL)
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_USUAL: Final = re.compile(
    rb"""\s*+(?:"([^"\\\r\n]*+)"\s*+|([\w !#$%&'*+/=?^`{|}~.\x80-\xff-]*+))<([\w!#$%&'*+/=?^`{|}~.-]++)@([\w.-]++)>\s*+""",
)
_BARE: Final = re.compile(rb"\s*+([\w!#$%&'*+/=?^`{|}~.-]++)@([\w.-]++)\s*+")
_TOKENS_EACH: Final = 20  # what is read for each mailbox allowed; groups and empty places use it up too


class Kind(Enum):
    MAILBOX = 0
    GROUP_START = 1
    GROUP_END = 2


class Entry(NamedTuple):
    kind: Kind
    name: bytes
    route: bytes = b""
    local: bytes = b""
    domain: bytes = b""


class _Word(NamedTuple):
    text: bytes
    spaced: bool  # white space or a comment stands before it
    quoted: bool


class _Reader:
    """What is collected of the mailbox being read."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.mailboxes = 0
        self.in_group = False
        self.clear()

    def clear(self) -> None:
        self.words: list[_Word] = []
        self.angle: bytes | None = None
        self.comment = b""
        self.seen_at = False

    def end_mailbox(self) -> None:
        if self.angle is not None:
            route, local, domain = _angle_address(self.angle)
            name = _phrase(self.words) or self.comment
            if name or local or domain:
                self._add(Entry(Kind.MAILBOX, name, route, local, domain))
        elif self.words:
            self._add(_bare_mailbox(self.words, self.comment))
        self.clear()

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.mailboxes += 1

    def start_group(self) -> None:
        self.end_group()
        self.entries.append(Entry(Kind.GROUP_START, _phrase(self.words)))
        self.mailboxes += 1  # a place among the allowed, so that groups have the same bound
        self.in_group = True
        self.clear()

    def end_group(self) -> None:
        if self.in_group:
            self.entries.append(Entry(Kind.GROUP_END, b""))
            self.in_group = False


def read(value: bytes, limit: int = DEFAULT.addresses) -> list[Entry]:
    """The entries of an address field, at most `limit` mailboxes; what lies beyond stays unread."""
    match = _USUAL.fullmatch(value)
    if match is not None:
        return [Entry(Kind.MAILBOX, match[1] if match[1] is not None else _squeeze(match[2]), b"", match[3], match[4])]
    match = _BARE.fullmatch(value)
    if match is not None:
        return [Entry(Kind.MAILBOX, b"", b"", match[1], match[2])]
    return _read(value, limit)


def _read(value: bytes, limit: int) -> list[Entry]:
    reader = _Reader()
    position, end, spaced = 0, len(value), False
    tokens = limit * _TOKENS_EACH
    while position < end and reader.mailboxes < limit and tokens > 0:
        tokens -= 1
        match = _TOKEN.match(value, position)
        if match is None:  # the last alternative takes any octet
            break
        kind, text, position = match.lastgroup, match[0], match.end()
        if kind == "space":
            spaced = True
            continue
        if kind == "comment":
            position = _comment_end(value, position)
            if not reader.comment:
                reader.comment = _unquote(value[match.end() : position].removesuffix(b")")).strip()
            spaced = True
            continue
        if kind == "special":
            _special(reader, text, spaced=spaced)
        elif kind == "angle":
            if reader.angle is None or not reader.angle.strip(b"<> \t\r\n"):
                reader.angle = text
        elif kind == "quoted":
            reader.words.append(_Word(_unquote(text[1:].removesuffix(b'"')), spaced, quoted=True))
        elif kind != "other":
            reader.words.append(_Word(text, spaced, quoted=False))
        spaced = False
    reader.end_mailbox()
    reader.end_group()
    return reader.entries


def _special(reader: _Reader, text: bytes, *, spaced: bool) -> None:
    if text == b",":
        reader.end_mailbox()
    elif text == b";":  # closes a group; outside of one it is Outlook's comma
        reader.end_mailbox()
        reader.end_group()
    elif text == b":" and not reader.words:
        return  # a group has a name
    elif text == b":" and reader.angle is None and not reader.seen_at:
        reader.start_group()
    else:
        reader.seen_at = reader.seen_at or text == b"@"
        reader.words.append(_Word(text, spaced, quoted=False))


def _comment_end(value: bytes, position: int) -> int:
    """Behind the comment whose opening parenthesis ends at `position`; comments nest (RFC 5322 §3.2.2)."""
    depth = 1
    for match in _COMMENT_MARK.finditer(value, position):
        mark = match[0]
        depth += mark == b"("
        depth -= mark == b")"
        if not depth:
            return match.end()
    return len(value)


def _unquote(text: bytes) -> bytes:
    return _QUOTED_PAIR.sub(rb"\1", text) if b"\\" in text else text


def _squeeze(text: bytes) -> bytes:
    return b" ".join(text.split())


def _phrase(words: list[_Word]) -> bytes:
    """Words as one name; what was written without white space between stays together ("J." or "a@b")."""
    out: list[bytes] = []
    for word in words:
        if out and word.spaced:
            out.append(b" ")
        out.append(word.text)
    return b"".join(out).strip()


def _angle_address(angle: bytes) -> tuple[bytes, bytes, bytes]:
    """Route, local part and domain of `<[@a,@b:]local@domain>`."""
    inner = angle[1:].removesuffix(b">").strip()
    route = b""
    if inner[:7].lower() == b"mailto:":
        inner = inner[7:]
    if inner.startswith(b"@"):  # RFC 5322 §4.4 obs-route
        head, colon, rest = inner.partition(b":")
        if colon:
            route, inner = head, rest.strip()
    if b"(" not in inner and b'"' not in inner and b" " not in inner and b"\t" not in inner:
        local, at, domain = inner.rpartition(b"@")
        return (route, local, domain) if at else (route, domain, b"")
    words: list[_Word] = []
    position, spaced = 0, False
    while position < len(inner):
        match = _TOKEN.match(inner, position)
        if match is None:
            break
        kind, text, position = match.lastgroup, match[0], match.end()
        if kind == "comment":
            position, spaced = _comment_end(inner, position), True
        elif kind == "space":
            spaced = True
        else:
            quoted = kind == "quoted"
            words.append(_Word(_unquote(text[1:].removesuffix(b'"')) if quoted else text, spaced, quoted))
            spaced = False
    at_sign = _last_at(words)
    if at_sign < 0:
        return route, _phrase(words), b""
    # White space around dots and the @ is obsolete syntax and means nothing (RFC 5322 §4.4).
    return route, b"".join(word.text for word in words[:at_sign]), b"".join(word.text for word in words[at_sign + 1 :])


def _last_at(words: list[_Word]) -> int:
    for number in range(len(words) - 1, -1, -1):
        if words[number].text == b"@" and not words[number].quoted:
            return number
    return -1


def _bare_mailbox(words: list[_Word], comment: bytes) -> Entry:
    """A mailbox without angle brackets: an addr-spec, perhaps with stray words around; or only a name."""
    at_sign = _last_at(words)
    if at_sign < 0:
        # "root" is a local part of this host; several words, or a quoted one, are a name whose address is missing.
        if len(words) == 1 and not words[0].quoted and not words[0].text.startswith(b"=?"):
            return Entry(Kind.MAILBOX, comment, b"", words[0].text, b"")
        return Entry(Kind.MAILBOX, _phrase(words) or comment)
    start = at_sign
    while start > 0 and _joined(words, start):
        start -= 1
    end = at_sign + 1
    while end < len(words) and (end == at_sign + 1 or _joined(words, end)):
        end += 1
    local = b"".join(word.text for word in words[start:at_sign])
    domain = b"".join(word.text for word in words[at_sign + 1 : end])
    name = _phrase(words[:start]) or comment or _phrase(words[end:])
    return Entry(Kind.MAILBOX, name, b"", local, domain)


def _joined(words: list[_Word], number: int) -> bool:
    """Whether the word belongs to the same addr-spec as the one before it: no space between, or a dot or @ at the seam."""
    before, word = words[number - 1], words[number]
    if not word.spaced:
        return True
    seam = (before.text[-1:], word.text[:1])
    return b"." in seam or b"@" in seam
