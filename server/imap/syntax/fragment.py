"""Cut the byte stream of one client into commands: lines, and the literals between them.

The first of two stages: nothing is understood here but line ends and literal announcements, so a command that breaks a limit is
dropped without losing the place where the next one begins, and no structure is built before a command is whole.

Invariants: memory is bounded by `FragmentLimits`; feeding one byte at a time gives what feeding all at once gives; no input raises.

    command   = line *(literal line) CRLF
    literal   = ["~"] "{" number64 ["+"] "}" CRLF *OCTET

RFC 9051 §4.3 (literals), RFC 7888 (non-synchronising literals), RFC 3516 (literal8).
"""

import re
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

_MARKER = re.compile(rb"(~?)\{([0-9]{1,20})(\+?)\}\Z")
_TAG = re.compile(rb"([\x21\x23\x24\x26\x27\x2c-\x5b\x5d-\x7a|}~]{1,64}) ")
_APPEND = re.compile(rb"[^ ]{1,64} +(?:APPEND|REPLACE|UID +REPLACE)(?![A-Za-z])", re.IGNORECASE)
_WORD = re.compile(rb"[^ ]{1,64} +([A-Za-z]{1,20})")
_MARKER_LENGTH = 26


@dataclass(frozen=True, slots=True)
class FragmentLimits:
    """How much of one command is kept. A literal's limit depends on the command's name: only APPEND and REPLACE carry messages."""

    line: int = 8_192
    literal: int = 8_192
    append_literal: int = 8_192
    command: int = 16_384
    append_command: int = 16_384
    literals: int = 100
    append_literals: int = 5_000
    large: int = 2**20
    """A literal from this size on is announced before any of it is taken, so that room can be made."""


@dataclass(frozen=True, slots=True)
class RawCommand:
    """A whole command: `lines[0] literals[0] lines[1] ...`; announcements and line ends are taken off."""

    lines: tuple[bytes, ...]
    literals: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class NeedContinuation:
    """The client waits for a `+` before it sends `size` octets (RFC 9051 §4.3). They are within the limits."""

    size: int


@dataclass(frozen=True, slots=True)
class Coming:
    """A large literal of `size` octets comes without being asked for; none of it is taken before the next fragment is."""

    size: int


class Excess(Enum):
    """Why a command was dropped."""

    LINE = auto()
    LITERAL = auto()
    COMMAND = auto()
    BARE_LF = auto()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A command that broke a limit; whatever belongs to it is swallowed. `tag` is None where none could be read.

    `pending` is how many octets the client will send whatever we say (it did not wait), for whoever would rather hang up.
    `name` is the command's first word in capitals, for those whose refusal has words of its own.
    """

    tag: bytes | None
    reason: Excess
    append: bool = False
    pending: int = 0
    name: bytes = field(default=b"", compare=False)


Fragment = RawCommand | NeedContinuation | Coming | Dropped


class Fragmenter:
    """Feed bytes, take fragments. After `NeedContinuation` the literal is expected; `Dropped` needs no answer here."""

    __slots__ = (
        "_buffer",
        "_chunks",
        "_lines",
        "_literals",
        "_out",
        "_scanned",
        "_skip_tail",
        "_skipping",
        "_total",
        "_want",
        "limits",
    )

    def __init__(self, limits: FragmentLimits) -> None:
        self.limits = limits
        self.reset()

    def reset(self) -> None:
        """Forget everything received (RFC 9051 §6.2.1: nothing sent before TLS may be used after it)."""
        self._buffer = bytearray()
        self._scanned = 0
        self._out: deque[Fragment] = deque()
        self._lines: list[bytes] = []
        self._literals: list[bytes] = []
        self._chunks: list[bytes] = []
        self._want = 0  # octets of the current literal still to come
        self._total = 0  # octets of the current command kept so far
        self._skipping = False  # inside a dropped command
        self._skip_tail = b""

    @property
    def buffered(self) -> int:
        """Octets received and not yet part of a fragment or a literal."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Fragment | None:
        """The next fragment, or None when more bytes are needed."""
        while not self._out:
            taken = self._take_literal() if self._want else self._take_line()
            if not taken and not self._out:
                return None
        return self._out.popleft()

    # -- literals

    def _take_literal(self) -> bool:
        if not self._buffer:
            return False
        chunk = bytes(self._buffer[: self._want])
        del self._buffer[: self._want]
        self._want -= len(chunk)
        if self._skipping:
            return True
        self._chunks.append(chunk)
        if not self._want:
            self._finish_literal()
        return True

    def _finish_literal(self) -> None:
        self._literals.append(b"".join(self._chunks))
        self._chunks = []

    # -- lines

    def _take_line(self) -> bool:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            if self._skipping:
                self._remember_tail(bytes(self._buffer[-_MARKER_LENGTH - 1 :]))
                self._buffer.clear()
                self._scanned = 0
            elif len(self._buffer) > self.limits.line + 1:  # the CR may be there already
                self._drop(Excess.LINE, bytes(self._buffer[:128]))
                self._remember_tail(bytes(self._buffer[-_MARKER_LENGTH - 1 :]))
                self._buffer.clear()
                self._scanned = 0
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        if self._skipping:
            self._skip_line(line)
        else:
            self._accept_line(line)
        return True

    def _accept_line(self, line: bytes) -> None:
        if len(line) > self.limits.line + 1:
            self._drop(Excess.LINE, line[:128])
            self._skip_line(line)
            return
        if not line.endswith(b"\r"):
            # RFC 9051 §2.2: lines end in CRLF; a lone LF is answered (a person at a terminal) but nothing in the line is done.
            self._drop(Excess.BARE_LF, line)
            self._skip_line(line)
            return
        line = line[:-1]
        self._total += len(line)
        marker = _MARKER.search(line[-_MARKER_LENGTH:])
        if marker is None:
            if self._total > self._command_limit:
                self._drop(Excess.COMMAND, line)
                self._end_skip()
                return
            self._lines.append(line)
            self._out.append(RawCommand(tuple(self._lines), tuple(self._literals)))
            self._start_over()
            return
        self._announce(line, marker)

    def _announce(self, line: bytes, marker: re.Match[bytes]) -> None:
        size, waits = int(marker[2]), not marker[3]
        self._lines.append(line[: len(line) - len(marker[0])])
        append = self._is_append
        many = len(self._literals) >= (self.limits.append_literals if append else self.limits.literals)
        excess = None
        if size > (self.limits.append_literal if append else self.limits.literal):
            excess = Excess.LITERAL
        elif many or self._total + size > self._command_limit:
            excess = Excess.COMMAND
        if excess is not None:
            self._drop(excess, line, pending=0 if waits else size)
            if waits:
                self._end_skip()  # refused before it is sent: the client goes on with its next command
            else:
                self._want = size
            return
        self._total += size
        self._want = size
        if waits:
            self._out.append(NeedContinuation(size))
        elif size >= self.limits.large:
            self._out.append(Coming(size))
        if not size:
            self._finish_literal()

    @property
    def _is_append(self) -> bool:
        return bool(self._lines) and _APPEND.match(self._lines[0]) is not None

    @property
    def _command_limit(self) -> int:
        return self.limits.append_command if self._is_append else self.limits.command

    # -- dropping

    def _drop(self, reason: Excess, line: bytes, pending: int = 0) -> None:
        first = self._lines[0] if self._lines else line
        match, word = _TAG.match(first), _WORD.match(first)
        name = word[1].upper() if word else b""
        self._out.append(Dropped(match[1] if match else None, reason, self._is_append, pending, name))
        self._start_over()
        self._skipping = True

    def _skip_line(self, line: bytes) -> None:
        """The end of a line of a dropped command: it may announce a literal that comes whatever we say."""
        tail = (self._skip_tail + line)[-_MARKER_LENGTH - 1 :].removesuffix(b"\r")
        self._skip_tail = b""
        marker = _MARKER.search(tail)
        if marker is not None and marker[3]:
            self._want = int(marker[2])
        else:
            self._end_skip()

    def _remember_tail(self, data: bytes) -> None:
        self._skip_tail = (self._skip_tail + data)[-_MARKER_LENGTH - 1 :]

    def _end_skip(self) -> None:
        self._skipping = False
        self._skip_tail = b""

    def _start_over(self) -> None:
        self._lines = []
        self._literals = []
        self._chunks = []
        self._total = 0
