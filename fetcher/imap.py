"""The client's half of IMAP without any I/O, as much of it as collecting an INBOX needs.

Invariants: the reply to a command for a message is given as soon as the message is there, found by its UID, for servers
work on several commands at once and say only later that each is done (RFC 9051 §5.5); every reply has a size limit, and a literal that would pass it is
refused when it is announced; scanning is linear however the octets are cut. Where a response is text for people no literal
begins, so that a sentence cannot swallow what follows. Octets behind the last awaited reply are left alone: before TLS
begins they are an injection. RFC 9051 and 3501; 2971 (ID), 4315 (UIDPLUS), 4616 and 4959 (SASL PLAIN), 5530 (codes).
"""

import base64
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

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
from fetcher.imap_data import attributes

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
_UID = re.compile(rb"[( ]UID (\d{1,10})")
_FETCH = re.compile(rb"\* \d+ FETCH (?=\()", re.IGNORECASE)


@dataclass(slots=True)
class _Asked:
    """A command whose end has not been told; `answered` once its reply was given."""

    tag: bytes
    command: Command
    answered: bool = False


class Client:
    """One connection's state: what was asked and what of the answer has come."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._scan = self._taken = self._tags = 0
        self._waiting = deque([_Asked(b"", GREETING)])
        self._pieces: list[bytes] = []
        self._literal = -1
        self._continued = b""
        self._found = bytearray()

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
            self._waiting.append(_Asked(tag, command))
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
        return replies

    @property
    def _now(self) -> _Asked:
        """What the server is most likely speaking of."""
        return next((one for one in self._waiting if not one.answered), self._waiting[0])

    def _wanted(self, uid: bytes | None) -> _Asked | None:
        """The command that asks for this message."""
        return next(
            (
                one
                for one in self._waiting
                if one.command.shape is Shape.MULTI
                and not one.answered
                and (not one.command.number or uid == b"%d" % one.command.number)
            ),
            None,
        )

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
        command = self._now.command
        shape = command.shape
        whole = {Shape.MULTI: self._limits.message + MIB, Shape.LISTING: self._limits.listing}.get(shape, MIB)
        one = self._limits.line if line else self._limits.message if shape is Shape.MULTI else whole
        if octets > one or self._taken + octets > whole:
            named = _UID.search(self._pieces[0]) if self._pieces else None
            wanted = self._wanted(named[1]) if named else None
            raise TooBig(wanted.command if wanted else command)

    # -- understanding them

    def _judge(self, pieces: list[bytes]) -> Reply | None:
        first, command = pieces[0], self._now.command
        if first.startswith(b"* "):
            status = _STATUS.fullmatch(first, 2)
            if command is GREETING:
                return self._answer(self._now, self._greeting(status), ended=True)
            if status and status[1].upper() == b"BYE" and command is not LOGOUT:
                raise Farewell(*_words(status))
            return self._note(command, pieces)
        if first.startswith(b"+") and command.shape is Shape.CHALLENGE:
            self._continued = self._now.tag
            return self._answer(self._now, Reply(command, True, "", challenge=first[1:].strip()), ended=True)
        tag, _, rest = first.partition(b" ")
        asked = next((one for one in self._waiting if tag and one.tag == tag), None)
        status = _STATUS.fullmatch(rest)
        if asked is None or status is None:
            raise DialogueError(f"not an IMAP reply to {command.verb}")
        return self._answer(asked, self._ending(asked.command, status), ended=True)

    def _answer(self, asked: _Asked, reply: Reply, *, ended: bool = False) -> Reply | None:
        """Give the one reply to a command; its end after its message is no second one."""
        given, asked.answered = asked.answered, True
        if ended:
            self._waiting.remove(asked)
        self._taken = 0
        self._found.clear()
        return None if given else reply

    def _ending(self, command: Command, status: re.Match[bytes]) -> Reply:
        code, text = _words(status)
        if status[1].upper() != b"OK":
            return Reply(command, False, text, code)
        if command.shape is Shape.MULTI:
            # RFC 9051 §6.4.9: a UID that is not there is no error.
            return Reply(command, False, "no such message")
        return Reply(command, True, text, code, bytes(self._found))

    @staticmethod
    def _greeting(status: re.Match[bytes] | None) -> Reply:
        if status is None or status[1].upper() not in (b"OK", b"PREAUTH", b"BYE"):
            raise DialogueError("not an IMAP greeting")
        code, text = _words(status)
        reply = Reply(GREETING, status[1].upper() == b"OK", text, code)
        # RFC 9051 §7.1.4. Signed in before TLS, STARTTLS is impossible: the trick of somebody in between (T130).
        return replace(reply, code="PREAUTH") if status[1].upper() == b"PREAUTH" else reply

    def _note(self, command: Command, pieces: list[bytes]) -> Reply | None:
        """Keep what an untagged response says if it belongs to a command; a message is the reply to one."""
        fetch = _FETCH.match(pieces[0])
        if command.shape is Shape.LISTING:
            plain = _SIZES.fullmatch(pieces[0])
            if plain:
                self._found += b"%b %b\r\n" % ((plain[1], plain[2]) if plain[1] else (plain[4], plain[3]))
            elif fetch:
                known = attributes(pieces, fetch.end())
                self._found += b"%b %b\r\n" % (known.get(b"UID") or b"", known.get(b"RFC822.SIZE") or b"")
        elif command.shape is Shape.MULTI:
            known = attributes(pieces, fetch.end()) if fetch else {}
            body = next((v for k, v in known.items() if k.startswith(b"BODY[")), None)
            asked = self._wanted(known.get(b"UID")) if body else None
            if body and asked:
                return self._answer(asked, Reply(asked.command, True, "", payload=with_line_ends(body)))
        elif fetch is None:
            self._found += pieces[0][2:] + b"\r\n"
        return None


def _holds_data(first: bytes) -> bool:
    return first.startswith(b"* ") and _STATUS.match(first, 2) is None


def _words(status: re.Match[bytes]) -> tuple[str | None, str]:
    code = status[2].decode("ascii", "replace").upper() if status[2] else None
    return code, (status[3] or b"").decode("utf-8", "replace")
