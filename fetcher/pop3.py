"""The client's half of POP3 without any I/O: commands become octets, octets become replies.

Invariants: replies come in the order of the commands; what a server sends unasked is an error; no line is too long in
itself, but every reply has a size limit; scanning is linear however the octets are cut. Where the greeting ended in CR LF,
only CR LF "." CR LF ends a message: a bare LF inside one is its content, so that a letter cannot forge the replies that
follow it. RFC 1939, 2449 (CAPA, response codes), 2595 (STLS), 5034 (SASL), 3206 (AUTH and SYS codes).
"""

import base64
import hashlib
import re
from collections import deque

from fetcher.dialogue import (
    DEFAULT_LIMITS,
    GREETING,
    Command,
    DialogueError,
    Limits,
    Reply,
    Shape,
    TooBig,
    argument,
    with_line_ends,
)

CAPA = Command("CAPA", b"CAPA\r\n", Shape.LISTING)
STLS = Command("STLS", b"STLS\r\n")
STAT = Command("STAT", b"STAT\r\n")
UIDL = Command("UIDL", b"UIDL\r\n", Shape.LISTING)
LIST = Command("LIST", b"LIST\r\n", Shape.LISTING)
NOOP = Command("NOOP", b"NOOP\r\n")
RSET = Command("RSET", b"RSET\r\n")
QUIT = Command("QUIT", b"QUIT\r\n")


def retr(number: int) -> Command:
    return Command("RETR", b"RETR %d\r\n" % number, Shape.MULTI, number)


def top(number: int, lines: int = 0) -> Command:
    return Command("TOP", b"TOP %d %d\r\n" % (number, lines), Shape.MULTI, number)


def dele(number: int) -> Command:
    return Command("DELE", b"DELE %d\r\n" % number, number=number)


def user(name: str) -> Command:
    return Command("USER", b"USER " + argument(name) + b"\r\n")


def password(secret: str) -> Command:
    return Command("PASS", b"PASS " + argument(secret) + b"\r\n")


def apop(name: str, secret: str, timestamp: str) -> Command:
    """RFC 1939 §7: the digest is MD5 of the greeting's time stamp and the shared secret; the protocol leaves no choice."""
    digest = hashlib.md5(timestamp.encode() + secret.encode(), usedforsecurity=False).hexdigest()
    return Command("APOP", b"APOP " + argument(name) + b" " + digest.encode() + b"\r\n")


def sasl_plain(name: str, secret: str) -> Command:
    """RFC 5034 §4 with the initial response of RFC 4616; a long one has to wait for the challenge."""
    argument(name), argument(secret)
    response = base64.b64encode(b"\0" + name.encode() + b"\0" + secret.encode())
    # RFC 5034 §4: a command line longer than 255 octets must be sent in two steps.
    line = b"AUTH PLAIN " + response + b"\r\n"
    if len(line) <= 255:
        return Command("AUTH", line, Shape.CHALLENGE)
    return Command("AUTH", b"AUTH PLAIN\r\n", Shape.CHALLENGE)


def sasl_response(name: str, secret: str) -> Command:
    response = base64.b64encode(b"\0" + name.encode() + b"\0" + secret.encode())
    return Command("AUTH", response + b"\r\n", Shape.CHALLENGE)


CANCEL = Command("AUTH", b"*\r\n", Shape.CHALLENGE)


_CODE = re.compile(r"\[([A-Za-z0-9][A-Za-z0-9./_-]{0,40})\]\s*")
_TIMESTAMP = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_LF_END = re.compile(rb"(?:\A|\n)\.\r?\n")


def timestamp(greeting: Reply) -> str | None:
    """RFC 1939 §7: what APOP signs, or None when the server does not offer it."""
    found = _TIMESTAMP.search(greeting.text)
    return found[0] if found else None


class Client:
    """One connection's state: what was asked and what of the answer has come."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scan = 0
        self._waiting: deque[Command] = deque([GREETING])
        self._open: Reply | None = None
        self._bare_lf: bool | None = None

    @property
    def in_flight(self) -> int:
        """How many commands wait for their reply (the greeting counts)."""
        return len(self._waiting)

    @property
    def leftover(self) -> bool:
        """True if octets came that no command asked for: before TLS begins that is an injection."""
        return bool(self._buffer)

    @property
    def received(self) -> int:
        """Octets of the reply that is coming in."""
        return len(self._buffer)

    def send(self, *commands: Command) -> bytes:
        """Note what is expected and return the octets to write."""
        self._waiting.extend(commands)
        return b"".join(command.line for command in commands)

    def receive(self, data: bytes) -> list[Reply]:
        """Take octets in and return the replies that are complete now.

        Raises:
            DialogueError: The server broke the protocol or a limit.
        """
        self._buffer += data
        replies = []
        while self._buffer:
            if not self._waiting:
                raise DialogueError("the server spoke unasked")
            reply = self._status() if self._open is None else self._body(self._open)
            if reply is None:
                break
            replies.append(reply)
            self._waiting.popleft()
        return replies

    def _status(self) -> Reply | None:
        """Read one status line; a reply with more lines stays open and None is returned until its end has come."""
        command = self._waiting[0]
        end = self._buffer.find(b"\n" if self._bare_lf is not False else b"\r\n", self._scan)
        if end < 0:
            if len(self._buffer) > self._limits.line:
                raise TooBig(command)
            self._scan = max(0, len(self._buffer) - 1)
            return None
        if self._bare_lf is None:
            self._bare_lf = not self._buffer[:end].endswith(b"\r")
        size = end + (1 if self._bare_lf or self._buffer[end : end + 1] == b"\n" else 2)
        line = bytes(self._buffer[:size]).rstrip(b"\r\n")
        del self._buffer[:size]
        self._scan = 0
        reply = _parse_status(command, line)
        if reply.ok and command.shape in (Shape.MULTI, Shape.LISTING):
            self._open = reply
            return self._body(reply)
        return reply

    def _body(self, status: Reply) -> Reply | None:
        command = status.command
        limit = self._limits.message if command.shape is Shape.MULTI else self._limits.listing
        end, size = self._find_end()
        if end > limit or (end < 0 and len(self._buffer) > limit + 5):
            raise TooBig(command)
        if end < 0:
            self._scan = max(0, len(self._buffer) - 4)
            return None
        payload = _unstuff(bytes(memoryview(self._buffer)[:end]), bare_lf=bool(self._bare_lf))
        del self._buffer[:size]
        self._scan, self._open = 0, None
        return Reply(command, True, status.text, status.code, payload)

    def _find_end(self) -> tuple[int, int]:
        """Return where the payload ends and where the next reply begins, or (-1, -1). RFC 1939 §3."""
        if self._bare_lf:
            found = _LF_END.search(self._buffer, self._scan)
            if found is None:
                return -1, -1
            return (found.start() + 1 if self._buffer[found.start()] == 0x0A else 0), found.end()
        if self._scan == 0 and self._buffer.startswith(b".\r\n"):
            return 0, 3
        end = self._buffer.find(b"\r\n.\r\n", self._scan)
        return (end + 2, end + 5) if end >= 0 else (-1, -1)


def _parse_status(command: Command, line: bytes) -> Reply:
    text = line.decode("utf-8", "replace")
    if command.shape is Shape.CHALLENGE and text.startswith("+") and text[:3].upper() != "+OK":
        return Reply(command, True, "", challenge=text[1:].strip().encode())
    head, _, rest = text.partition(" ")
    if head.upper() not in ("+OK", "-ERR"):
        raise DialogueError(f"not a POP3 reply to {command.verb}")
    rest = rest.strip()
    # RFC 2449 §8: a response code stands at the beginning of the text, in brackets.
    code = _CODE.match(rest)
    if code and head.upper() == "-ERR":
        return Reply(command, False, rest[code.end() :], code[1].upper())
    return Reply(command, head.upper() == "+OK", rest)


def _unstuff(payload: bytes, *, bare_lf: bool) -> bytes:
    """Take the dots off (RFC 1939 §3) and give every line CR LF (RFC 5322 §2.3: neither stands alone)."""
    eol = b"\n" if bare_lf else b"\r\n"
    if payload.startswith(b"."):
        payload = payload[1:]
    if eol + b"." in payload:
        payload = payload.replace(eol + b".", eol)
    return with_line_ends(payload)
