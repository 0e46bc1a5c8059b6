"""The client's half of IMAP without any I/O, as much of it as collecting an INBOX needs.

Invariants: replies come in the order of the commands; every reply has a size limit, and a literal that would pass it is
refused when it is announced; scanning is linear however the octets are cut. Where a response is text for people no literal
begins, so that a sentence cannot swallow what follows. Octets behind the last awaited reply are left alone: before TLS
begins they are an injection. RFC 9051 and 3501; 2971 (ID), 4315 (UIDPLUS), 4616 and 4959 (SASL PLAIN), 5530 (codes).
"""

import base64
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from fetcher.dialogue import (
    DEFAULT_LIMITS,
    GREETING,
    MIB,
    Command,
    DialogueError,
    Farewell,
    Limits,
    Reply,
    Shape,
    TooBig,
    argument,
    with_line_ends,
)

NUMBER_LIMIT = 2**32
RANGES = 100
"""Ranges of UIDs in one command; RFC 2683 §3.2.1.5 wants short lines."""

CAPABILITY = Command("CAPABILITY", b"CAPABILITY\r\n")
STARTTLS = Command("STARTTLS", b"STARTTLS\r\n")
LOGOUT = Command("LOGOUT", b"LOGOUT\r\n")
# RFC 2971 §3.3. Some providers let nobody into a mailbox who has not said this ("Unsafe Login").
ID = Command("ID", b'ID ("name" "Posthouse" "version" "1" "vendor" "Posthouse")\r\n')
# RFC 9051 §6.3.3: EXAMINE changes nothing at the provider, not even what is recent there.
EXAMINE = Command("EXAMINE", b"EXAMINE INBOX\r\n")
SELECT = Command("SELECT", b"SELECT INBOX\r\n")
LISTING = Command("UID FETCH", b"UID FETCH 1:* (UID RFC822.SIZE)\r\n", Shape.LISTING)
NEWEST = Command("UID FETCH", b"UID FETCH * (UID BODY.PEEK[HEADER])\r\n", Shape.MULTI)
CANCEL = Command("AUTHENTICATE", b"*\r\n", Shape.CHALLENGE)


def header(uid: int) -> Command:
    return Command("UID FETCH", b"UID FETCH %d (UID BODY.PEEK[HEADER])\r\n" % uid, Shape.MULTI, uid)


def message(uid: int) -> Command:
    r"""RFC 9051 §6.4.5: PEEK leaves \Seen alone."""
    return Command("UID FETCH", b"UID FETCH %d (UID BODY.PEEK[])\r\n" % uid, Shape.MULTI, uid)


def login(name: str, secret: str) -> Command:
    r"""RFC 9051 §6.2.3 with quoted strings: only for text without a line end and beyond \x7F nothing."""
    return Command("LOGIN", b"LOGIN " + _quoted(name) + b" " + _quoted(secret) + b"\r\n")


def authenticate(name: str, secret: str, *, initial: bool) -> Command:
    """RFC 9051 §6.2.2, with the response at once where the server knows SASL-IR (RFC 4959)."""
    response = b" " + _plain(name, secret) if initial else b""
    return Command("AUTHENTICATE", b"AUTHENTICATE PLAIN" + response + b"\r\n", Shape.CHALLENGE)


def sasl_response(name: str, secret: str) -> Command:
    return Command("AUTHENTICATE", _plain(name, secret) + b"\r\n", Shape.CHALLENGE)


def mark_deleted(uids: Sequence[int]) -> Command:
    return Command("UID STORE", b"UID STORE " + _ranges(uids) + rb" +FLAGS.SILENT (\Deleted)" + b"\r\n")


def expunge(uids: Sequence[int]) -> Command:
    """RFC 4315 §2.1: of the messages marked as deleted only these, for others may have marked some, too."""
    return Command("UID EXPUNGE", b"UID EXPUNGE " + _ranges(uids) + b"\r\n")


def batches(uids: Iterable[int]) -> Iterator[list[int]]:
    """Cut UIDs into lists that make at most RANGES ranges each."""
    batch: list[int] = []
    gaps = 0
    for uid in sorted(set(uids)):
        gaps += not batch or uid != batch[-1] + 1
        if gaps > RANGES:
            yield batch
            batch, gaps = [], 1
        batch.append(uid)
    if batch:
        yield batch


def _ranges(uids: Sequence[int]) -> bytes:
    """RFC 9051 §9, sequence-set. Only neighbours are joined, so no UID is named that was not given."""
    parts: list[list[int]] = []
    for uid in sorted(uids):
        if parts and uid == parts[-1][1] + 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in parts)


def _quoted(text: str) -> bytes:
    raw = argument(text)
    if not raw.isascii():
        raise ValueError("argument cannot be sent")
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _plain(name: str, secret: str) -> bytes:
    return base64.b64encode(b"\0" + argument(name) + b"\0" + argument(secret))


_LITERAL = re.compile(rb"~?\{(\d{1,19})\+?\}\Z")
_STATUS = re.compile(
    rb"(OK|NO|BAD|BYE|PREAUTH)(?: +(?:\[([^\] ]{1,60})(?: [^\]]*)?\])? *(.*))?", re.IGNORECASE | re.DOTALL
)
_SIZES = re.compile(
    rb"\* \d+ FETCH \((?:UID (\d{1,10}) RFC822\.SIZE (\d{1,15})|RFC822\.SIZE (\d{1,15}) UID (\d{1,10}))\)"
)
_FETCH = re.compile(rb"\* \d+ FETCH (?=\()", re.IGNORECASE)
_TOKEN = re.compile(rb'(\()|(\))|"((?:[^"\\]|\\.)*)"|([^\s()"]+)', re.DOTALL)


class Client:
    """One connection's state: what was asked and what of the answer has come."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scan = self._taken = self._tags = 0
        self._waiting: deque[tuple[bytes, Command]] = deque([(b"", GREETING)])
        self._pieces: list[bytes] = []
        self._literal = -1
        self._continued = b""
        self._found = bytearray()
        self._body: bytes | None = None

    @property
    def in_flight(self) -> int:
        return len(self._waiting)

    @property
    def leftover(self) -> bool:
        return bool(self._buffer or self._pieces)

    @property
    def received(self) -> int:
        return self._taken + len(self._buffer)

    def send(self, *commands: Command) -> bytes:
        """Note what is expected and return the octets to write; behind a challenge the first command answers it."""
        octets = bytearray()
        for command in commands:
            tag, self._continued = self._continued, b""
            if not tag:
                self._tags += 1
                tag = b"p%d" % self._tags
                octets += tag + b" "
            octets += command.line
            self._waiting.append((tag, command))
        return bytes(octets)

    def receive(self, data: bytes) -> list[Reply]:
        """Take octets in and return the replies that are complete now.

        Raises:
            DialogueError: The server broke the protocol or a limit, or hangs up.
        """
        self._buffer += data
        replies = []
        while self._waiting and (pieces := self._response()) is not None:
            reply = self._judge(pieces)
            if reply is not None:
                replies.append(reply)
                self._waiting.popleft()
                self._taken, self._body = 0, None
                self._found.clear()
        return replies

    # -- cutting responses

    def _response(self) -> list[bytes] | None:
        """Return text, literal, text ... of one response, or None while it is not all there."""
        while True:
            if self._literal >= 0:
                if len(self._buffer) < self._literal:
                    return None
                self._take(self._literal)
                self._literal = -1
            end = self._buffer.find(b"\r\n", self._scan)
            if end < 0:
                self._scan = max(0, len(self._buffer) - 1)
                self._spend(len(self._buffer), line=True)
                return None
            self._spend(end, line=True)
            line = self._take(end)
            del self._buffer[:2]
            self._taken += 2
            self._scan = 0
            literal = _LITERAL.search(line) if _holds_data(self._pieces[0]) else None
            if literal is None:
                pieces, self._pieces = self._pieces, []
                return pieces
            self._literal = int(literal[1])
            self._spend(self._literal)

    def _take(self, size: int) -> bytes:
        piece = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self._taken += size
        self._pieces.append(piece)
        return piece

    def _spend(self, octets: int, *, line: bool = False) -> None:
        """Refuse what would pass the limit of the reply that is awaited."""
        command = self._waiting[0][1]
        shape = command.shape
        whole = {Shape.MULTI: self._limits.message + MIB, Shape.LISTING: self._limits.listing}.get(shape, MIB)
        one = self._limits.line if line else self._limits.message if shape is Shape.MULTI else whole
        if octets > one or self._taken + octets > whole:
            raise TooBig(command)

    # -- understanding them

    def _judge(self, pieces: list[bytes]) -> Reply | None:
        tag, command = self._waiting[0]
        first = pieces[0]
        if first.startswith(b"* "):
            status = _STATUS.fullmatch(first, 2)
            if command is GREETING:
                return self._greeting(status)
            if status and status[1].upper() == b"BYE" and command is not LOGOUT:
                raise Farewell(*_words(status))
            self._note(command, pieces)
            return None
        if first.startswith(b"+") and command.shape is Shape.CHALLENGE:
            self._continued = tag
            return Reply(command, True, "", challenge=first[1:].strip())
        answered, _, rest = first.partition(b" ")
        status = _STATUS.fullmatch(rest)
        if not tag or answered != tag or status is None:
            raise DialogueError(f"not an IMAP reply to {command.verb}")
        code, text = _words(status)
        if status[1].upper() != b"OK":
            return Reply(command, False, text, code)
        if command.shape is not Shape.MULTI:
            return Reply(command, True, text, code, bytes(self._found))
        if not self._body:
            # RFC 9051 §6.4.9: a UID that is not there is no error.
            return Reply(command, False, "no such message")
        return Reply(command, True, text, code, with_line_ends(self._body))

    @staticmethod
    def _greeting(status: re.Match[bytes] | None) -> Reply:
        if status is None or status[1].upper() not in (b"OK", b"PREAUTH", b"BYE"):
            raise DialogueError("not an IMAP greeting")
        code, text = _words(status)
        reply = Reply(GREETING, status[1].upper() == b"OK", text, code)
        # RFC 9051 §7.1.4. Signed in before TLS, STARTTLS is impossible: the trick of somebody in between (T130).
        return replace(reply, code="PREAUTH") if status[1].upper() == b"PREAUTH" else reply

    def _note(self, command: Command, pieces: list[bytes]) -> None:
        """Keep what an untagged response says if it belongs to the command."""
        fetch = _FETCH.match(pieces[0])
        if command.shape is Shape.LISTING:
            plain = _SIZES.fullmatch(pieces[0])
            if plain:
                self._found += b"%b %b\r\n" % ((plain[1], plain[2]) if plain[1] else (plain[4], plain[3]))
            elif fetch:
                known = _attributes(pieces, fetch.end())
                self._found += b"%b %b\r\n" % (known.get(b"UID") or b"", known.get(b"RFC822.SIZE") or b"")
        elif command.shape is Shape.MULTI:
            known = _attributes(pieces, fetch.end()) if fetch else {}
            body = next((v for k, v in known.items() if k.startswith(b"BODY[")), None)
            if body is not None and (not command.number or known.get(b"UID") == b"%d" % command.number):
                self._body = body
        elif fetch is None:
            self._found += pieces[0][2:] + b"\r\n"


def _holds_data(first: bytes) -> bool:
    return first.startswith(b"* ") and _STATUS.match(first, 2) is None


def _words(status: re.Match[bytes]) -> tuple[str | None, str]:
    code = status[2].decode("ascii", "replace").upper() if status[2] else None
    return code, (status[3] or b"").decode("utf-8", "replace")


def _attributes(pieces: Sequence[bytes], start: int) -> dict[bytes, bytes | None]:
    """Read the list behind FETCH (RFC 9051 §7.5.2): name to atom, string or literal; lists inside it are passed over."""
    found: dict[bytes, bytes | None] = {}
    name: bytes | None = None
    depth = 0
    for token in _tokens(pieces, start):
        if token == b"(":
            depth += 1
            continue
        value: bytes | None = None
        if token == b")":
            depth -= 1
        elif isinstance(token, tuple):
            value = token[0]
        else:
            value = None if token.upper() == b"NIL" else token
        if depth != 1:
            continue
        if name is None:
            name = (value or b"").upper()
        else:
            found[name], name = value, None
    return found


def _tokens(pieces: Sequence[bytes], start: int) -> Iterator[bytes | tuple[bytes]]:
    """Yield atoms and parentheses as they are, strings and literals in a tuple."""
    for place, piece in enumerate(pieces):
        if place % 2:
            yield (piece,)
            continue
        end = len(piece) if place == len(pieces) - 1 else piece.rindex(b"{")
        for match in _TOKEN.finditer(piece, start if place == 0 else 0, end):
            if match[3] is not None:
                yield (re.sub(rb"\\(.)", rb"\1", match[3], flags=re.DOTALL),)
            else:
                yield match[0]


# -- what untagged responses say


def capabilities(payload: bytes) -> frozenset[str]:
    """RFC 9051 §7.2.2: the words behind CAPABILITY, in capitals."""
    lines = [line.split() for line in payload.decode("utf-8", "replace").upper().split("\r\n")]
    return frozenset(word for words in lines if words and words[0] == "CAPABILITY" for word in words[1:])


_FACT = re.compile(rb"OK \[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]|(\d{1,10}) (EXISTS)|OK \[(UIDNOTSTICKY)\]", re.IGNORECASE)


def facts(payload: bytes) -> dict[str, int]:
    """RFC 9051 §6.3.2: EXISTS, UIDVALIDITY and UIDNEXT as SELECT gives them, 0 where it does not."""
    found = {"EXISTS": 0, "UIDVALIDITY": 0, "UIDNEXT": 0, "UIDNOTSTICKY": 0}
    for line in payload.split(b"\r\n"):
        fact = _FACT.match(line)
        if fact:
            name = (fact[1] or fact[4] or fact[5]).decode("ascii").upper()
            found[name] = int(fact[2] or fact[3] or 1)
    return found


def sizes(payload: bytes) -> dict[int, int]:
    """Return UID to size of a listing, in the order of the UIDs; -1 where a size is missing."""
    found: dict[int, int] = {}
    for line in payload.split(b"\r\n"):
        uid, _, size = line.partition(b" ")
        if uid.isdigit() and len(uid) <= 10 and 0 < int(uid) < NUMBER_LIMIT:
            found[int(uid)] = int(size) if size.isdigit() and len(size) <= 15 else -1
    return dict(sorted(found.items()))
