"""What the clients of POP3 and IMAP have in common, without any I/O: commands, replies, limits, and what may go wrong.

Invariant: a client is a machine that turns commands into octets and octets into replies, in the order of the commands;
`fetcher.talk` drives either of them over a wire.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """Octets that one reply may have."""

    line: int = 64 * 1024
    listing: int = 64 * MIB
    message: int = 50 * MIB


DEFAULT_LIMITS = Limits()


class DialogueError(Exception):
    """The server does not keep to the protocol; the connection is of no use any more."""


class TooBig(DialogueError):
    """A reply is bigger than its limit."""

    def __init__(self, command: "Command") -> None:
        super().__init__(f"reply to {command.verb} is too big")
        self.command = command


class Farewell(DialogueError):
    """The server hangs up by its own wish, and says why."""

    def __init__(self, code: str | None, text: str) -> None:
        super().__init__(text)
        self.code = code


class Shape(Enum):
    """How a successful reply looks."""

    LINE = "line"
    MULTI = "multi"
    LISTING = "listing"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its verb for people, its line for the wire (never logged: it may hold a password)."""

    verb: str
    line: bytes
    shape: Shape = Shape.LINE
    number: int = 0

    def __repr__(self) -> str:
        return f"Command({self.verb} {self.number or ''})"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. The payload of a message has CR LF line ends; `challenge` is set where more is asked of us."""

    command: Command
    ok: bool
    text: str
    code: str | None = None
    payload: bytes = b""
    challenge: bytes | None = None


GREETING = Command("greeting", b"")


class Client(Protocol):
    """One connection's state: what was asked and what of the answer has come."""

    @property
    def in_flight(self) -> int:
        """How many commands wait for their reply (the greeting counts)."""
        ...

    @property
    def leftover(self) -> bool:
        """True if octets came that no command asked for: before TLS begins that is an injection."""
        ...

    @property
    def received(self) -> int:
        """Octets of the reply that is coming in."""
        ...

    def send(self, *commands: Command) -> bytes:
        """Note what is expected and return the octets to write."""
        ...

    def receive(self, data: bytes) -> list[Reply]:
        """Take octets in and return the replies that are complete now. Raises DialogueError."""
        ...


def argument(text: str) -> bytes:
    """A line end inside an argument would be a second command."""
    if not text or any(c in text for c in "\r\n\0"):
        raise ValueError("argument cannot be sent")
    return text.encode()


_LONELY = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def with_line_ends(payload: bytes) -> bytes:
    """Give every line CR LF (RFC 5322 §2.3: neither stands alone)."""
    if payload.count(b"\r\n") != payload.count(b"\n") or payload.count(b"\r\n") != payload.count(b"\r"):
        return _LONELY.sub(b"\r\n", payload)
    return payload
