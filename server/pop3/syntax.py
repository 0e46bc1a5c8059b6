"""POP3 lines, pure: commands from octets, replies to octets (RFC 1939, RFC 2449).

Invariants: nothing here raises anything but `SyntaxRefused`, whatever the octets; a reply is one line that ends with CR LF,
or lines closed by a single dot. What a message looks like on its way out is in `outgoing`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

CRLF = b"\r\n"
END = b".\r\n"
COMMAND_LIMIT = 512
"""RFC 2449 §4 asks for 255 octets; passwords and addresses are given some room."""

AUTH_LIMIT = 12_288
"""A line of a SASL exchange (RFC 4954 §4.1 gives this number for SMTP): access tokens are long."""

MAX_NUMBER_DIGITS = 9

_VERB = re.compile(rb"[A-Za-z0-9]{2,12}")


class SyntaxRefused(Exception):
    """The line is no command; the text may be shown to the client."""


@dataclass(frozen=True, slots=True)
class Command:
    """A keyword in upper case and what stood after it, unsplit."""

    verb: str
    argument: bytes = b""

    def words(self) -> list[bytes]:
        return self.argument.split()


def command(line: bytes) -> Command:
    """Read one command line (without its line end)."""
    if any(octet < 0x20 or octet == 0x7F for octet in line.replace(b"\t", b" ")):
        raise SyntaxRefused("control characters in the command")
    # RFC 1939 §3: keyword and arguments are each separated by a single SPACE; the argument of PASS may hold spaces.
    verb, _, argument = line.partition(b" ")
    if not _VERB.fullmatch(verb):
        raise SyntaxRefused("unknown command")
    name = verb.decode("ascii").upper()
    if len(line) > COMMAND_LIMIT and name != "AUTH":
        raise SyntaxRefused("command line too long")
    return Command(name, argument)


def number(word: bytes) -> int:
    """Read a decimal number, without sign, of bounded length."""
    if not word.isdigit() or len(word) > MAX_NUMBER_DIGITS:
        raise SyntaxRefused("a number is needed")
    return int(word)


def ok(text: str = "") -> bytes:
    """RFC 1939 §3: a positive status indicator in upper case. RFC 6856 §3.2: the text, when it is not ASCII, is UTF-8."""
    return f"+OK {text}".rstrip(" ").encode() + CRLF


def error(text: str, code: str | None = None) -> bytes:
    """A negative reply; `code` is a response code without brackets (RFC 2449 §8, RFC 3206)."""
    return f"-ERR [{code}] {text}".encode() + CRLF if code else f"-ERR {text}".encode() + CRLF


def challenge(base64: bytes) -> bytes:
    """RFC 5034 §4: a plus, a space and the challenge, which may be empty."""
    return b"+ " + base64 + CRLF


def lines(first: bytes, rest: Iterable[bytes]) -> bytes:
    """Build a multi-line reply of a status indicator and short lines that need no stuffing (CAPA, LANG)."""
    body = CRLF.join(rest)
    return first + (body + CRLF if body else b"") + END


def unique_id(uidvalidity: int, uid: int) -> bytes:
    """RFC 1939 §7 UIDL: 1 to 70 printable characters that never name another message of this maildrop."""
    return b"%d.%d" % (uidvalidity, uid)


class LineReader:
    """Cuts a stream into lines, never holding more than one line too long.

    `feed` the octets, take `line()` until it gives None. A line over the limit is reported once as `SyntaxRefused`;
    the caller hangs up, since what follows cannot be trusted to begin with a command.
    """

    def __init__(self, limit: int = AUTH_LIMIT) -> None:
        self._buffer = bytearray()
        self._start = 0
        self._limit = limit

    def feed(self, data: bytes) -> None:
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def line(self) -> bytes | None:
        """Return the next line without CR LF (a bare LF is taken too: old clients send it), or None."""
        end = self._buffer.find(b"\n", self._start)
        if end < 0:
            if len(self._buffer) - self._start > self._limit:
                raise SyntaxRefused("command line too long")
            return None
        found = bytes(self._buffer[self._start : end])
        self._start = end + 1
        if len(found) > self._limit:
            raise SyntaxRefused("command line too long")
        return found.removesuffix(b"\r")

    def clear(self) -> None:
        """Forget what was read: plain text must not survive into TLS (RFC 2595 §4, security.md T097)."""
        self._buffer.clear()
        self._start = 0
