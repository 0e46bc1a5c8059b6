"""Message ids (RFC 5322 §3.6.4): `msg-id = "<" id-left "@" id-right ">"`, kept without the angle brackets."""

import re
from typing import Final

from server.mail import charset, encoded_word

_ANGLE: Final = re.compile(rb"<([^<>]*+)>")
# Also with angle brackets in a quoted string of obs-id-left.
_WRITTEN: Final = re.compile(rb'<((?:"(?:[^"\\<]|\\[^<])*+"|[^<>"])*+)>')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"|\s++', re.DOTALL)
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_SPACE: Final = re.compile(r"\s+")
_LENGTH: Final = 1_000  # no honest id passes a line of RFC 5322 §2.1.1
_REFUSED: Final = re.compile(r"[\x00-\x20<>\x7f-\x9f]")


def parse_all(value: bytes | str, *, limit: int = 1_000) -> list[str]:
    """The ids of a Message-ID, In-Reply-To or References value, in order, each once.

    Old programs write words around the ids (RFC 5322 §4.5.4), so only what stands in angle brackets counts; a value
    without any bracket is one id when it is one word.
    """
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    found: dict[str, None] = {}
    for match in _ANGLE.finditer(octets):
        name = _clean(match[1])
        if name:
            found[name] = None
            if len(found) >= limit:
                break
    if not found and b"<" not in octets:
        words = octets.split()
        if len(words) == 1:
            name = _clean(words[0])
            if name:
                found[name] = None
    return list(found)


def valid(value: bytes) -> list[str]:
    """The valid ids of a field as RFC 5256 §3 compares them: in order, also twice, and the same however they are quoted."""
    return [name for name in map(_unquoted, _WRITTEN.findall(value)) if name]


def _unquoted(octets: bytes) -> str:
    if len(octets) > _LENGTH:
        return ""
    text = _QUOTED.sub(lambda found: _PAIR.sub(r"\1", found[1] or ""), octets.decode("latin-1"))
    left, _, right = text.rpartition("@")
    return text if left and right else ""


def _clean(octets: bytes) -> str:
    if len(octets) > _LENGTH:
        return ""
    # RFC 5322 §3.6.4: no folding inside an id; what got folded all the same is joined again.
    return _SPACE.sub("", encoded_word.plain(charset.decode(octets, None)))


def make(domain: str, unique: str) -> str:
    """An id from a unique left part and the domain that vouches for it. Raises ValueError when either cannot stand."""
    if not domain or not unique or _REFUSED.search(domain) or _REFUSED.search(unique) or "@" in domain:
        raise ValueError("not a message id")
    return f"{unique}@{domain}"
