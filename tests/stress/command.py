"""One command of a client: what is sent, when it may be pipelined, and what is learnt from its answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.stress.ledger import NEVER


@dataclass(slots=True)
class Answer:
    """`start` is before the command was sent, `end` after its tagged response came; NEVER if none did."""

    start: int
    end: int = NEVER
    status: bytes = b""
    lines: list[bytes] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.status.startswith(b"OK")

    @property
    def whole(self) -> bool:
        return bool(self.status)


def nothing(_: object = None) -> None:
    """Nothing is to be noted."""


@dataclass(slots=True)
class Command:
    """`finish` is called with the answer, also when the line broke before it came."""

    text: bytes
    by_number: bool = False
    """FETCH, STORE, SEARCH, SORT or THREAD by number: nothing may be expunged (RFC 9051 §7.5.1)."""
    numbered: bool = False
    """COPY or MOVE by number: the numbers are the client's, but they may change while it runs."""
    begin: Callable[[], None] = nothing
    finish: Callable[[Answer], None] = nothing
    may_fail: bool = False
    """NO is an answer."""
    alone: bool = False
    """What comes after depends on its answer."""
