"""When one word is as good as another: accents do not count, nor does a slip of the pen. Pure.

A slip is a character too many, too few, another, or two that changed places (the restricted distance of Damerau and
Levenshtein). A word of four letters may have one, of eight two. Words of Chinese, Japanese and Korean have none: there a
character is a word.
"""

import re
import unicodedata

from server.mail.scripts import CJK

WORDS = 8
"""Words of a term that are looked at."""
SHORTEST, LONG, LONGEST = 4, 8, 40
_WORD = re.compile(r"\w+")
_CJK = re.compile(f"[{CJK}]")


def words_of(term: str) -> list[str]:
    """Return the words of a folded term, each once."""
    return list(dict.fromkeys(term.split()))[:WORDS]


def slips(word: str) -> int:
    """How many slips of the pen a word may have."""
    if not SHORTEST <= len(word) <= LONGEST or not _WORD.fullmatch(word) or _CJK.search(word) or word.isdigit():
        return 0
    return 2 if len(word) >= LONG else 1


def bare(text: str) -> str:
    """Return folded text without accents."""
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


_ACCENTED = {
    "a": "aàáâãäåāăą", "c": "cçćč", "d": "dď", "e": "eèéêëēęě", "g": "gğ", "i": "iìíîïī", "l": "lĺľ", "n": "nñńň",
    "o": "oòóôõöōő", "r": "rŕř", "s": "sśšşș", "t": "tťţț", "u": "uùúûüūůű", "y": "yýÿ", "z": "zźżž",
}  # fmt: skip
VARIANTS = 80
"""Spellings of three letters that are asked for; with more vowels than that allows the later ones stand as written."""


def spellings(piece: str) -> list[str]:
    """Return a piece of a bare word with all the accents that its letters may have."""
    found = [""]
    for letter in piece:
        letters = _ACCENTED.get(letter, letter)
        if len(found) * len(letters) > VARIANTS:
            letters = letter
        found = [start + one for start in found for one in letters]
    return found


class Likeness:
    """Finds a word, or one that is like it, in texts; what it has compared it remembers.

    Args:
        word: A folded word.
    """

    REMEMBERED = 20_000

    def __init__(self, word: str) -> None:
        self._word = bare(word)
        self._letters = frozenset(self._word)
        self._slips = slips(word)
        self._known: dict[str, bool] = {}

    def is_in(self, text: str) -> bool:
        """Say whether a folded text has the word, as part of another one or with a slip."""
        text = bare(text)
        if self._word in text:
            return True
        return self._slips > 0 and any(self._is_like(other) for other in set(_WORD.findall(text)))

    def _is_like(self, other: str) -> bool:
        # A slip loses a letter at most: most words are out of the question before they are compared.
        if abs(len(other) - len(self._word)) > self._slips or len(self._letters.difference(other)) > self._slips:
            return False
        known = self._known.get(other)
        if known is None:
            if len(self._known) > self.REMEMBERED:
                self._known.clear()
            known = self._known[other] = distance(self._word, other, self._slips) <= self._slips
        return known


def distance(a: str, b: str, bound: int) -> int:
    """Return how many slips are between two words; some number above `bound` when there are more."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                least = min(least, older[j - 2] + 1)
            row.append(least)
        if min(row) > bound and min(before) > bound:
            return bound + 1
    return row[-1]
