"""XML as a stream of events, under limits, for readers that want a document's words (expat). Pure.

There are no entities but the five of XML: a document type declaration ends the reading, and with it every bomb made of
entities and every reference to another file. What is not well-formed is read as far as it is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from server.document.limits import Budget, LimitReached

DEPTH = 256


class _Declared(Exception):
    """There is a document type declaration."""


def _nothing(_name: str, _attributes: Mapping[str, str]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Words:
    """Which characters of a stream are its text. Elements are known by their local names.

    Args:
        texts: Elements whose characters are text.
        breaks: Elements that end a line.
        gaps: Elements that stand for a space.
        skipped: Elements whose characters are not text, nor those of elements inside.
        skips: The same, by an element's attributes.
    """

    texts: frozenset[str]
    breaks: frozenset[str]
    gaps: frozenset[str] = frozenset()
    skipped: frozenset[str] = frozenset()
    skips: Callable[[str, Mapping[str, str]], bool] = _nothing

    def read(self, chunks: Iterable[bytes], budget: Budget) -> tuple[str, bool]:
        """Return the text, and whether the limits let all of it through."""
        return _Stream(self, budget).read(chunks)


class _Stream:
    """One document on its way through expat."""

    def __init__(self, words: Words, budget: Budget) -> None:
        self._words, self._budget = words, budget
        self._depth = self._open = 0
        self._skipped_at = 0
        self._pieces: list[str] = []

    def read(self, chunks: Iterable[bytes]) -> tuple[str, bool]:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._declared
        whole = True
        try:
            for chunk in chunks:
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except LimitReached:
            whole = False
        except (expat.ExpatError, _Declared, ValueError, LookupError):
            pass  # LookupError: a character set that nobody knows
        return "".join(self._pieces), whole

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self._depth += 1
        self._budget.elements -= 1
        if self._depth > DEPTH or self._budget.elements < 0:
            raise LimitReached
        if self._skipped_at:
            return
        if name in self._words.skipped or self._words.skips(name, attributes):
            self._skipped_at = self._depth
        elif name in self._words.gaps:
            self._pieces.append(" ")
        elif name in self._words.texts:
            self._open += 1

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if self._skipped_at:
            if self._depth == self._skipped_at:
                self._skipped_at = 0
        else:
            if name not in self._words.gaps and name in self._words.texts:
                self._open -= 1
            if name in self._words.breaks:
                self._pieces.append("\n")
        self._depth -= 1

    def _characters(self, data: str) -> None:
        if not self._open or self._skipped_at:
            return
        room = self._budget.characters = self._budget.characters - len(data)
        if room < 0:
            self._pieces.append(data[:room])
            raise LimitReached
        self._pieces.append(data)

    def _declared(self, *_: object) -> None:
        raise _Declared
