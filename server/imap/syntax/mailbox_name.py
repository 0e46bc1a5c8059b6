"""Mailbox names: modified UTF-7 of IMAP4rev1 (RFC 3501 §5.1.3) and the wildcards of LIST (RFC 9051 §6.3.9).

Names inside the server are Unicode with `/` between levels. A name in modified UTF-7 must be in its one right form: printable ASCII
is never shifted, shifts are not empty and never adjoin, so two spellings cannot stand for one mailbox.
"""

import binascii
import re

from server.imap.syntax.error import NoMailboxName

DELIMITER = "/"
_SHIFT = re.compile(rb"&([A-Za-z0-9+,]*)-")
_DIRECT = re.compile("[\x20-\x25\x27-\x7e]+|&|[^\x20-\x7e]+")


def encode_utf7(name: str) -> bytes:
    """`name` in modified UTF-7."""
    parts = []
    for run in _DIRECT.findall(name):
        if run == "&":
            parts.append(b"&-")
        elif run.isascii() and run.isprintable():
            parts.append(run.encode("ascii"))
        else:
            octets = run.encode("utf-16-be", "surrogatepass")
            parts.append(b"&" + binascii.b2a_base64(octets, newline=False).rstrip(b"=").replace(b"/", b",") + b"-")
    return b"".join(parts)


def decode_utf7(value: bytes) -> str:
    """The Unicode name of `value`; raises NoMailboxName when it is not in the one right form."""
    try:
        if b"&" not in value:
            return value.decode("ascii")
        name = _SHIFT.sub(_unshift, value).decode("utf-8")
    except (UnicodeDecodeError, binascii.Error, ValueError):
        raise NoMailboxName("The mailbox name is not modified UTF-7") from None
    if encode_utf7(name) != value:
        raise NoMailboxName("The mailbox name is not modified UTF-7")
    return name


def _unshift(match: re.Match[bytes]) -> bytes:
    run = match[1]
    if not run:
        return b"&"
    padded = run.replace(b",", b"/") + b"=" * (-len(run) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be").encode("utf-8")


class Pattern:
    """A LIST pattern: `*` is anything, `%` anything but the delimiter. Linear in the name: no pattern can make it slow.

    The states of the match are bits of one number, moved on by each character (a pattern of n characters has n + 1 states).
    """

    __slots__ = ("_accept", "_characters", "_level", "_star")

    def __init__(self, pattern: str) -> None:
        pattern = re.sub(r"[*%]*\*[*%]*", "*", re.sub(r"%+", "%", pattern))
        self._characters: dict[str, int] = {}
        self._star = self._level = 0
        state = 0
        for character in pattern:
            if character == "*":
                self._star |= 1 << state
            elif character == "%":
                self._level |= 1 << state
            else:
                self._characters[character] = self._characters.get(character, 0) | 1 << state
                state += 1
        self._accept = 1 << state

    def matches(self, name: str) -> bool:
        return bool(self._after(name) & self._accept)

    def reaches(self, start: str) -> bool:
        """Whether a name that begins with `start` may match, or one of the levels of `start` itself."""
        levels = start.split(DELIMITER)
        return bool(self._after(start)) or any(
            self.matches(DELIMITER.join(levels[:depth])) for depth in range(1, len(levels) + 1)
        )

    def _after(self, text: str) -> int:
        states = 1
        for character in text:
            stay = states & (self._star if character == DELIMITER else self._star | self._level)
            states = stay | (states & self._characters.get(character, 0)) << 1
            if not states:
                break
        return states
