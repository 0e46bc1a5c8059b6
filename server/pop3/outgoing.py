"""The octets of a message on their way to a client, piece by piece (RFC 1939 §3, §7; RFC 6856 §2.1), pure.

Invariants: line ends are CR LF, because a client that reads lines by LF would else see the end of the reply inside of the message; every line that
begins with a dot has one more; the last line is ended; how the message is cut into pieces makes no difference to what leaves.
"""

import re

from server.mail import dotstuff, surrogate

CRLF = b"\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")


class Outgoing:
    """Takes the stored octets and gives those of the reply, without the line with the single dot.

    Args:
        header_size: Of the message: where its body begins.
        top: How many lines of the body TOP asks for; None for RETR.
        utf8: The client said UTF8, and may have headers as they are. Else the header is put into ASCII, if it is in the first piece.
    """

    def __init__(self, header_size: int, *, top: int | None = None, utf8: bool = False) -> None:
        self.done = False
        """TOP has all that it asked for."""
        self._header_left = header_size
        self._lines_left = top
        self._surrogate = not utf8
        self._last = b""
        self._line_begins = True

    def feed(self, piece: bytes) -> bytes:
        """Return what leaves for the next octets of the message, in the order in which they are stored."""
        if self._surrogate:
            self._surrogate = False
            if self._header_left <= len(piece):
                head, piece = piece[: self._header_left], piece[self._header_left :]
                self._header_left = 0
                return self._sent(surrogate.header_in_ascii(head)) + self._sent(self._cut(piece))
        return self._sent(self._cut(piece))

    def end(self) -> bytes:
        """Return what ends the last line, if it is not ended."""
        if self._line_begins:
            return b""
        return b"\n" if self._last == b"\r" else CRLF

    def _cut(self, piece: bytes) -> bytes:
        """RFC 1939 §7 TOP: the headers, the blank line and so many lines of the body."""
        if self._lines_left is None:
            return piece
        start = min(self._header_left, len(piece))
        self._header_left -= start
        end = start
        while self._lines_left and end < len(piece):
            found = piece.find(b"\n", end)
            if found < 0:
                return piece
            end = found + 1
            self._lines_left -= 1
        self.done = not self._header_left and not self._lines_left
        return piece[:end]

    def _sent(self, piece: bytes) -> bytes:
        if not piece:
            return b""
        before, self._last = self._last, piece[-1:]
        if piece.count(b"\n") != piece.count(CRLF):
            # The CR of a line end may have been the last octet of the piece before.
            joined = before == b"\r" and piece.startswith(b"\n")
            piece = b"\n" + _BARE_LF.sub(CRLF, piece[1:]) if joined else _BARE_LF.sub(CRLF, piece)
        begins, self._line_begins = self._line_begins, piece.endswith(b"\n")
        return dotstuff.stuff(piece) if begins else piece.replace(b"\n.", b"\n..")


def whole(raw: bytes, header_size: int, *, top: int | None = None, utf8: bool = False) -> bytes:
    """Return all that leaves for a message that is in memory."""
    outgoing = Outgoing(header_size, top=top, utf8=utf8)
    return outgoing.feed(raw) + outgoing.end()
