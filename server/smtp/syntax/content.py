"""The octets of a message on their way in: where they end, dots undone, line ends checked, size counted.

Invariants: only CR LF . CR LF ends the data, so no other server's idea of an end can hide a second message in it (security.md
T095); content with a bare CR, a bare LF or NUL is refused, never repaired; once content is refused its octets are dropped but
still read, so that what follows is taken for commands only after the true end. Works on blocks, not on lines: the cost a line
is what bounds a mail server in Python.

RFC 5321 §2.3.8 (CR LF only), §4.1.1.4 (end of data), §4.5.2 (dots), §4.5.3.1.7 (size).
"""

import re
from collections.abc import Callable

from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import Reply

END = b"\r\n.\r\n"
DOTTED = re.compile(rb"\n\.")
"""Most blocks have no line with a dot at its start. This looks for one at twice the speed of `bytes.find`."""
HOLD = 4_096
"""A line longer than this is handed on in pieces."""


class Content:
    """Counts and checks what is kept; hands it to `sink`. Used by DATA and BDAT alike."""

    def __init__(self, sink: Callable[[bytes], None], size_limit: int) -> None:
        self._sink, self._size_limit = sink, size_limit
        self.size = 0
        self.refusal: Reply | None = None
        self._open_cr = False

    def add(self, block: bytes) -> None:
        """Take the next octets, dots undone."""
        self.size += len(block)
        if self.refusal is not None:
            return
        if self.size > self._size_limit:
            self.refusal = r.TOO_BIG
        elif not self._clean(block):
            self.refusal = r.SMUGGLING
        else:
            self._sink(block)

    def finish(self) -> None:
        """The last octets are in."""
        if self._open_cr and self.refusal is None:
            self.refusal = r.SMUGGLING

    def _clean(self, block: bytes) -> bool:
        """Every CR is followed by LF, every LF follows CR, no NUL; a pair may be cut in two by the end of a block."""
        if not block:
            return True
        returns, feeds, pairs = block.count(b"\r"), block.count(b"\n"), block.count(b"\r\n")
        if self._open_cr:
            if block[0] != 0x0A:
                return False
            feeds -= 1
        self._open_cr = block[-1] == 0x0D
        if self._open_cr:
            returns -= 1
        return returns == feeds == pairs and b"\0" not in block


class DotReader:
    """Splits the stream after DATA into content and what follows it."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._held = b""
        self._line_start = True

    def feed(self, block: bytes) -> bytes | None:
        """Take the next octets of the stream; when the end is in them, return those behind it, else None."""
        data = self._held + block if self._held else block
        end = self._find_end(data)
        if end >= 0:
            # Up to and with the CR LF of the last line; 3 for ". CR LF".
            self._pass_on(data[:end])
            self._content.finish()
            self._held = b""
            return data[end + 3 :]
        # Whatever may still turn out to be the start of an end, or a dot to undo, waits for the next block.
        cut = data.rfind(b"\r\n") + 2
        if cut < 2:
            cut = 0
        if len(data) - cut > HOLD:
            # One very long line: all but a last CR goes on.
            self._pass_on(data[:cut])
            rest = data[cut:]
            keep = 1 if rest.endswith(b"\r") else 0
            self._pass_on(rest[: len(rest) - keep])
            self._held = rest[len(rest) - keep :]
            return None
        self._pass_on(data[:cut])
        self._held = data[cut:]
        return None

    def _find_end(self, data: bytes) -> int:
        """Return where the line of the lone dot starts, or -1."""
        if self._line_start and data.startswith(b".\r\n"):
            return 0
        if DOTTED.search(data) is None:
            return -1
        found = data.find(END)
        return found + 2 if found >= 0 else -1

    def _pass_on(self, lines: bytes) -> None:
        if not lines:
            return
        # RFC 5321 §4.5.2: a dot at the start of a line was doubled by the sender.
        if self._line_start and lines.startswith(b"."):
            lines = lines[1:]
        self._line_start = lines.endswith(b"\r\n")
        self._content.add(lines.replace(b"\r\n.", b"\r\n") if DOTTED.search(lines) else lines)
