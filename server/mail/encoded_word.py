"""Encoded words of RFC 2047: `=?charset?Q?text?=` read leniently and written strictly.

    encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="      (RFC 2047 §2, RFC 2231 §5)

Reading: neighbours that differ only by white space are one text, octets of the same charset are joined before they are
decoded (senders cut characters in two), and no control character survives, so that a name or subject stays one line.
"""

import binascii
import re
from typing import Final

from server.mail import charset, transfer

_WORD: Final = re.compile(rb"=\?([^?*\s]{1,64})(?:\*[^?\s]{0,64})?\?([bBqQ])\?([^?]*+)\?=")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BLANK: Final = b" \t\r\n"
# RFC 2047 §5(3): the strictest set, allowed in a phrase too.
_Q_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_WORD_LIMIT: Final = 75  # RFC 2047 §2
_PREFIX: Final = b"=?utf-8?"


def plain(text: str) -> str:
    """One line of text: runs of control characters become a space."""
    return text if text.isprintable() else _CONTROLS.sub(" ", text)


def decode(value: bytes) -> str:
    """Text of an unfolded header value with its encoded words read."""
    if b"=?" not in value:
        return plain(charset.decode(value, None))
    pieces: list[str] = []
    pending, label, end = bytearray(), "", 0
    for match in _WORD.finditer(value):
        gap = value[end : match.start()]
        word_label = match[1].decode("ascii", "replace").lower()
        # RFC 2047 §6.2: white space between two encoded words is not shown.
        adjacent = label != "" and not gap.strip(_BLANK)
        if not adjacent or word_label != label:
            if pending:
                pieces.append(charset.decode(bytes(pending), label))
                pending.clear()
            if not adjacent:
                pieces.append(charset.decode(gap, None))
        pending += _octets(match[2], match[3])
        label, end = word_label, match.end()
    if pending:
        pieces.append(charset.decode(bytes(pending), label))
    pieces.append(charset.decode(value[end:], None))
    return plain("".join(pieces))


def _octets(encoding: bytes, text: bytes) -> bytes:
    if encoding in b"bB":
        return transfer.base64(text)
    return binascii.a2b_qp(text, header=True)


def encode(text: str, *, first_room: int = _WORD_LIMIT) -> list[bytes]:
    """Encoded words (UTF-8), each at most 75 octets and whole in characters; the caller puts a fold between them.

    `first_room` is what is left on the line for the first word.
    """
    octets = len(text.encode("utf-8"))
    use_q = sum(_q_cost(char) for char in text) <= (octets + 2) // 3 * 4
    words: list[bytes] = []
    chunk: list[bytes] = []
    room, used = max(first_room, 24), 0
    for char in text:
        raw = char.encode("utf-8")
        cost = _q_cost(char) if use_q else len(raw)
        budget = room - len(_PREFIX) - 4
        if chunk and used + cost > (budget if use_q else budget // 4 * 3):
            words.append(_word(b"".join(chunk), use_q=use_q))
            chunk, used, room = [], 0, _WORD_LIMIT
        chunk.append(raw)
        used += cost
    if chunk:
        words.append(_word(b"".join(chunk), use_q=use_q))
    return words


def _q_cost(char: str) -> int:
    raw = char.encode("utf-8")
    return 1 if len(raw) == 1 and (raw[0] in _Q_SAFE or raw == b" ") else 3 * len(raw)


def _word(data: bytes, *, use_q: bool) -> bytes:
    if not use_q:
        return _PREFIX + b"B?" + binascii.b2a_base64(data, newline=False) + b"?="
    text = b"".join(
        b"_" if octet == 0x20 else bytes((octet,)) if octet in _Q_SAFE else b"=%02X" % octet for octet in data
    )
    return _PREFIX + b"Q?" + text + b"?="
