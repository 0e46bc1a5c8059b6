"""Everything that all clients of a run said and heard, in one order: the clock of the ledger and the report of a failure."""

SHOWN = 30_000
LONG_LINE = 300


class Violation(AssertionError):
    """A server did what no RFC allows; says what, and which client saw it."""


class Dialogue:
    """`now` counts lines, so "before" and "after" are facts of this process, whatever clocks say."""

    def __init__(self) -> None:
        self.now = 0
        self._lines: list[str] = []

    def note(self, who: str, arrow: str, octets: bytes) -> int:
        self.now += 1
        shown = octets.decode("utf-8", "backslashreplace").rstrip("\r\n").replace("\r\n", "\\n")
        self._lines.append(f"{self.now:6} {who:>6} {arrow} {shown[:LONG_LINE]}")
        if len(self._lines) > 2 * SHOWN:
            del self._lines[:SHOWN]
        return self.now

    def text(self, last: int = SHOWN) -> str:
        return "\n".join(self._lines[-last:])
