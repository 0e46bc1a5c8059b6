"""The client's half of LMTP without any I/O: replies of octets, parameters to octets (RFC 2033, 5321, 2920, 3461)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

LINE_LIMIT = 4_096
LINES_LIMIT = 100
_LINE = re.compile(rb"([2-5][0-9]{2})([ -]?)(.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


class LmtpError(Exception):
    """What came is no reply; the connection is of no use any more."""


@dataclass(frozen=True, slots=True)
class LmtpReply:
    """One reply: its code, the enhanced code of RFC 2034 if there is one, and the text lines."""

    code: int
    enhanced: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.lines)


class ReplyReader:
    """Cuts octets into replies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._lines: list[str] = []

    def feed(self, data: bytes) -> list[LmtpReply]:
        """Take octets in and return the replies that are complete.

        Raises:
            LmtpError: A line is no reply line or too long.
        """
        self._buffer += data
        replies = []
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip(b"\r")
            del self._buffer[: end + 1]
            reply = self._line(line)
            if reply is not None:
                replies.append(reply)
        if len(self._buffer) > LINE_LIMIT:
            raise LmtpError("line too long")
        return replies

    def _line(self, line: bytes) -> LmtpReply | None:
        # RFC 5321 §4.2.1: a hyphen behind the code says that more lines follow.
        match = _LINE.fullmatch(line)
        if match is None or len(line) > LINE_LIMIT or len(self._lines) >= LINES_LIMIT:
            raise LmtpError("not a reply")
        self._lines.append(match[3].decode("utf-8", "replace"))
        if match[2] == b"-":
            return None
        enhanced = _ENHANCED.match(self._lines[-1])
        reply = LmtpReply(int(match[1]), enhanced[1] if enhanced else "", tuple(self._lines))
        self._lines = []
        return reply


def extensions(lhlo: LmtpReply) -> Mapping[str, str]:
    """RFC 5321 §4.1.1.1: what the server offers, keyword to parameters; the first line is its name."""
    found = {}
    for line in lhlo.lines[1:]:
        keyword, _, rest = line.partition(" ")
        found[keyword.upper()] = rest
    return found


def xtext(value: str) -> str:
    """RFC 3461 §4: everything but plain printable ASCII as +XX."""
    return "".join(chr(c) if 0x21 <= c <= 0x7E and c not in b"+=" else f"+{c:02X}" for c in value.encode())


def stuffed(raw: bytes) -> bytes:
    """RFC 5321 §4.5.2: a dot more for every line that begins with one, and the end mark."""
    if raw.startswith(b"."):
        raw = b"." + raw
    if b"\r\n." in raw:
        raw = raw.replace(b"\r\n.", b"\r\n..")
    return raw + (b".\r\n" if raw.endswith(b"\r\n") or not raw else b"\r\n.\r\n")
