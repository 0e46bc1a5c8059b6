"""Read the tokens of RFC 9051 §9 from one whole command.

Names carry meaning: `try_...` takes a token if it is there, the others raise ProtocolError if it is not. Every token is matched by a
linear regular expression; nesting is counted, never recursed into without a limit. Strings come back as bytes: what they mean is the
caller's business.
"""

import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from server.imap.syntax.error import NoMailboxName, ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.mailbox_name import decode_utf7
from server.imap.syntax.sequence import SequenceSet

_T = TypeVar("_T")

# RFC 9051 §9: atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
_ATOM = re.compile(rb"[^\x00-\x20(){%*\"\\\]\x7f-\xff]+")
_ASTRING_ATOM = re.compile(rb"[^\x00-\x20(){%*\"\\\x7f-\xff]+")
_LIST_ATOM = re.compile(rb"[^\x00-\x20(){\"\\\x7f-\xff]+")
_TAG = re.compile(rb"[^\x00-\x20(){%*\"\\+\x7f-\xff]{1,256}")
_QUOTED = re.compile(rb'"((?:[^"\\\x00\r\n]|\\["\\])*)"')
_ESCAPED = re.compile(rb"\\(.)")
_NUMBER = re.compile(rb"[0-9]{1,20}")
_FLAG = re.compile(rb"\\?[^\x00-\x20(){%*\"\\\]\x7f-\xff]+")
_SEQUENCE = re.compile(rb"[0-9*:,]+")
_KEYWORD = re.compile(rb"[A-Za-z0-9.=/_-]+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")

NO_NAME = "\0"
"""The pattern of a name that no mailbox can have."""
MAX_NUMBER = 2**32 - 1
MAX_NUMBER64 = 2**63 - 1
MAX_FLAGS = 200
MAX_FLAG_LENGTH = 255
MAX_ITEMS = 1_000


class Reader:
    """A cursor over one command. `utf8` says how mailbox names are written: UTF-8 after ENABLE, else modified UTF-7."""

    __slots__ = ("_index", "_line", "_lines", "_literals", "_position", "utf8")

    def __init__(self, raw: RawCommand, *, utf8: bool = False) -> None:
        self._lines = raw.lines
        self._literals = raw.literals
        self._index = 0
        self._line = raw.lines[0]
        self._position = 0
        self.utf8 = utf8

    # -- single characters

    def fail(self, what: str) -> NoReturn:
        raise ProtocolError(what)

    @property
    def at_end(self) -> bool:
        return self._position >= len(self._line) and self._index >= len(self._literals)

    def end(self) -> None:
        if not self.at_end:
            self.fail("Unexpected text after the command")

    def peek(self) -> bytes:
        """The next octet, or nothing where a line ends (a literal may follow)."""
        return self._line[self._position : self._position + 1]

    def try_octet(self, octet: bytes) -> bool:
        if self._line.startswith(octet, self._position):
            self._position += len(octet)
            return True
        return False

    def try_before(self, octet: bytes, followers: bytes) -> bool:
        """Take `octet` if one of `followers` (capitals) comes after it, in any case."""
        after = self._line[self._position + 1 : self._position + 2].upper()
        return bool(after) and after in followers and self.try_octet(octet)

    def try_text(self, words: bytes) -> bool:
        """Take `words` (in capitals) if they stand here in any case."""
        if self._line[self._position : self._position + len(words)].upper() == words:
            self._position += len(words)
            return True
        return False

    def octet(self, octet: bytes, what: str) -> None:
        if not self.try_octet(octet):
            self.fail(what)

    def space(self) -> None:
        if not self.try_octet(b" "):
            self.fail("A space is missing")

    def try_space(self) -> bool:
        return self.try_octet(b" ")

    def _match(self, pattern: re.Pattern[bytes]) -> bytes | None:
        match = pattern.match(self._line, self._position)
        if match is None:
            return None
        self._position = match.end()
        return match[0]

    # -- words

    def tag(self) -> bytes:
        return self._match(_TAG) or self.fail("A tag is missing")

    def atom(self, what: str = "A word") -> bytes:
        return self._match(_ATOM) or self.fail(f"{what} is missing")

    def keyword(self, what: str = "A keyword") -> str:
        """A protocol word, in upper case."""
        return (self._match(_KEYWORD) or self.fail(f"{what} is missing")).decode("ascii").upper()

    def try_keyword(self, *words: str) -> str | None:
        """One of `words`, taken only if the whole word is there."""
        match = _KEYWORD.match(self._line, self._position)
        if match is None:
            return None
        word = match[0].decode("ascii").upper()
        if word not in words:
            return None
        self._position = match.end()
        return word

    # -- numbers

    def number(self, limit: int = MAX_NUMBER) -> int:
        text = self._match(_NUMBER)
        if text is None:
            self.fail("A number is missing")
        value = int(text)
        if value > limit or self.peek().isdigit():
            self.fail("The number is too large")
        return value

    def number64(self) -> int:
        return self.number(MAX_NUMBER64)

    def positive(self, limit: int = MAX_NUMBER) -> int:
        value = self.number(limit)
        if not value:
            self.fail("The number must not be zero")
        return value

    def sequence(self) -> SequenceSet:
        """sequence-set, or `$` for the saved result of a search (RFC 9051 §6.4.4.1)."""
        if self.try_octet(b"$"):
            return SequenceSet.SAVED
        text = self._match(_SEQUENCE)
        if text is None:
            self.fail("A sequence set is missing")
        return SequenceSet.parse(text)

    # -- strings

    @property
    def at_literal(self) -> bool:
        return self._position >= len(self._line) and self._index < len(self._literals)

    def literal(self, *, binary: bool = False) -> bytes:
        """The literal that stands here. A NUL is refused unless `binary` (RFC 9051 §9: CHAR8)."""
        if not self.at_literal:
            self.fail("A literal is missing")
        value = self._literals[self._index]
        self._index += 1
        self._line = self._lines[self._index]
        self._position = 0
        if not binary and b"\0" in value:
            self.fail("A string must not hold NUL")
        return value

    def try_quoted(self) -> bytes | None:
        if self.peek() != b'"':
            return None
        match = _QUOTED.match(self._line, self._position)
        if match is None:
            self.fail("A quoted string is malformed")
        self._position = match.end()
        value = match[1]
        return _ESCAPED.sub(rb"\1", value) if b"\\" in value else value

    def string(self) -> bytes:
        if self.at_literal:
            return self.literal()
        value = self.try_quoted()
        return self.fail("A string is missing") if value is None else value

    def nstring(self) -> bytes | None:
        return None if self.try_keyword("NIL") else self.string()

    def astring(self) -> bytes:
        value = self._match(_ASTRING_ATOM)
        return self.string() if value is None else value

    def text(self) -> str:
        """An astring that is UTF-8."""
        return self.decode(self.astring())

    def decode(self, value: bytes) -> str:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            self.fail("A string is not UTF-8")

    def base64(self) -> bytes:
        """initial-resp = base64 / "=" (RFC 4959), not decoded."""
        return self._match(_BASE64) or self.fail("Base64 is missing")

    # -- mailboxes and flags

    def mailbox(self) -> str:
        """Read mailbox.

        mailbox = "INBOX" / astring, as Unicode. INBOX in any case comes back in capitals (RFC 9051 §5.1).
        """
        return self._mailbox_text(self.astring())

    def list_mailbox(self) -> str:
        """list-mailbox: an astring in which wildcards may stand; what can be no name at all matches nothing."""
        value = self._match(_LIST_ATOM)
        try:
            return self._mailbox_text(self.string() if value is None else value)
        except NoMailboxName:
            return NO_NAME

    def _mailbox_text(self, value: bytes) -> str:
        # Quirk utf8_name_without_enable: curl and scripts send UTF-8 names as they were typed.
        is_utf8 = self.utf8 or any(octet > 0x7E for octet in value)
        name = self.decode(value) if is_utf8 else decode_utf7(value)
        if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
            self.fail("A mailbox name must not hold control characters")
        return "INBOX" if name.upper() == "INBOX" else name

    def flag(self) -> str:
        value = self._match(_FLAG)
        if value is None or len(value) > MAX_FLAG_LENGTH:
            self.fail("A flag is missing or too long")
        return value.decode("ascii")

    def flag_list(self) -> tuple[str, ...]:
        """Read flag list.

        flag-list = "(" [flag *(SP flag)] ")"
        """
        return self.parenthesised(self.flag, limit=MAX_FLAGS, empty=True)

    def parenthesised(self, item: Callable[[], _T], *, limit: int = MAX_ITEMS, empty: bool = False) -> tuple[_T, ...]:
        """`(item item ...)`; an empty list only where it is allowed."""
        self.octet(b"(", "A list is missing")
        if self.try_octet(b")"):
            return () if empty else self.fail("The list is empty")
        items = [item()]
        while not self.try_octet(b")"):
            if len(items) >= limit:
                self.fail("The list is too long")
            self.space()
            items.append(item())
        return tuple(items)
