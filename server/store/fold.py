"""Text as search compares it, and the pieces by which an index finds it. Pure.

Two strings are equal when their foldings are: compatibility forms (full-width letters, half-width kana, ligatures) are
unified, then case is (RFC 9051 §6.4.4 leaves the comparator to us; this is close to i;unicode-casemap, RFC 5051).
"""

import hashlib
import re
import unicodedata

from server.mail.scripts import CJK

TRIGRAM = 3
TRIGRAMS_ASKED = 8
"""A long term is looked up by so many of its trigrams, evenly spread; the text decides."""

_CJK_RUN = re.compile(f"[{CJK}]+")
_CJK_SHORT = re.compile(f"[{CJK}]{{1,2}}")
# The index reads a text up to its first NUL; half a surrogate pair cannot be stored.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def fold(text: str) -> str:
    """Return the folding of a text or of a search term."""
    if text.isascii():
        text = text.lower()
        return text.replace("\x00", "\ufffd") if "\x00" in text else text
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _UNSTORABLE.sub("\ufffd", text)


def hash_of(text: str) -> int:
    """Return a 63-bit number that stands for a message id or a subject."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def trigrams(term: str) -> list[str]:
    """Return trigrams that every text with `term` (folded, 3 or more characters) has."""
    last = len(term) - TRIGRAM
    count = min(TRIGRAMS_ASKED, last + 1)
    starts = {round(n * last / max(count - 1, 1)) for n in range(count)}
    return [term[start : start + TRIGRAM] for start in sorted(starts)]


UNIT = 4
"""Hexadecimal digits of a UTF-16 code unit. Written so, no tokenizer can misread a character, and one is a prefix of its pairs."""


def _units(text: str) -> str:
    return text.encode("utf-16-be").hex()


def pairs(text: str) -> str:
    """Return the words of the index of short CJK terms: each pair of neighbours, and the last one of each run."""
    if text.isascii():
        return ""
    found: set[str] = set()
    for run in _CJK_RUN.findall(text):
        units = _units(run)
        found.update([units[at : at + 2 * UNIT] for at in range(0, len(units), UNIT)])
    return " ".join(found)


def pair_query(term: str) -> str | None:
    """Return the question to that index for a term of one or two CJK characters; None for every other term.

    A character beyond the first 65,536 is a pair by itself, so two of them make three.
    """
    if not _CJK_SHORT.fullmatch(term):
        return None
    units = _units(term)
    if len(units) == UNIT:
        return f'"{units}" *'
    return " AND ".join(f'"{units[at : at + 2 * UNIT]}"' for at in range(0, len(units) - UNIT, UNIT))


def trigram_query(term: str) -> str | None:
    """Return the question to the trigram index; None for a term that is too short for it."""
    if len(term) < TRIGRAM:
        return None
    quoted = (piece.replace('"', '""') for piece in trigrams(term))
    return " AND ".join(f'"{piece}"' for piece in quoted)
