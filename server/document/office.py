"""Words of Office Open XML (ECMA-376: DOCX, XLSX, PPTX) and OpenDocument (ISO/IEC 26300: ODT, ODS, ODP). Pure.

Parts are found by the names that every writer gives them, not by relationships: a hostile file can lie in both, and names
need no second pass. Runs of one paragraph are one text, so that a word whose halves are set differently is one word.
"""

import re
from collections.abc import Iterator, Mapping

from server.document.archive import Archive
from server.document.kind import Kind
from server.document.limits import Budget, Limits
from server.document.markup import Words

_PROPERTIES = Words(
    texts=frozenset({"title", "subject", "creator", "description", "keywords", "keyword", "initial-creator"}),
    breaks=frozenset({"title", "subject", "creator", "description", "keywords", "keyword", "initial-creator"}),
)
# "t" is a run's text in all three vocabularies; w:delText, which is struck out, is not among them.
_PARAGRAPHS = Words(
    texts=frozenset({"t", "text"}),
    breaks=frozenset({"p", "br", "cr", "si", "text", "tr", "is"}),
    gaps=frozenset({"tab", "noBreakHyphen"}),
    skipped=frozenset({"rPh"}),  # how a Japanese word is pronounced, beside the word
)
_OPEN_DOCUMENT = Words(
    texts=frozenset({"p", "h"}),
    breaks=frozenset({"p", "h", "line-break"}),
    gaps=frozenset({"s", "tab"}),
    skipped=frozenset({"tracked-changes"}),
)


def _is_reference(name: str, attributes: Mapping[str, str]) -> bool:
    """Cells that hold the number of a shared string, which is read where it stands, and formulas."""
    return name == "f" or (name == "c" and attributes.get("t") == "s")


_CELLS = Words(
    texts=frozenset({"t", "v"}),
    breaks=frozenset({"c"}),
    skipped=frozenset({"rPh", "headerFooter"}),
    skips=_is_reference,
)

_Order = tuple[tuple[re.Pattern[str], Words], ...]

# In the order in which they are read: what is cut off at the limit is what matters least.
_ORDERS: Mapping[Kind, _Order] = {
    Kind.WORD: (
        (re.compile(r"word/document\d*\.xml"), _PARAGRAPHS),
        (re.compile(r"word/(?:footnotes|endnotes|comments|header\d*|footer\d*)\.xml"), _PARAGRAPHS),
        (re.compile(r"docProps/core\.xml"), _PROPERTIES),
    ),
    Kind.SHEET: (
        (re.compile(r"xl/sharedStrings\.xml"), _PARAGRAPHS),
        (re.compile(r"xl/worksheets/sheet\d+\.xml"), _CELLS),
        (re.compile(r"xl/(?:comments\d*|comments/comment\d+|threadedComments/threadedComment\d+)\.xml"), _PARAGRAPHS),
        (re.compile(r"xl/drawings/drawing\d+\.xml"), _PARAGRAPHS),
        (re.compile(r"docProps/core\.xml"), _PROPERTIES),
    ),
    Kind.SLIDES: (
        (re.compile(r"ppt/slides/slide\d+\.xml"), _PARAGRAPHS),
        (re.compile(r"ppt/notesSlides/notesSlide\d+\.xml"), _PARAGRAPHS),
        (re.compile(r"ppt/(?:comments/comment\d+|diagrams/data\d+)\.xml"), _PARAGRAPHS),
        (re.compile(r"docProps/core\.xml"), _PROPERTIES),
    ),
    Kind.OPEN_DOCUMENT: (
        (re.compile(r"content\.xml"), _OPEN_DOCUMENT),
        (re.compile(r"styles\.xml"), _OPEN_DOCUMENT),  # headers and footers
        (re.compile(r"meta\.xml"), _PROPERTIES),
    ),
}
_NUMBER = re.compile(r"\d+")
_DIGITS = 9


def pieces(kind: Kind, octets: bytes, limits: Limits) -> Iterator[tuple[str, bool]]:
    """Yield the text of each part, and whether the limits let all of it through.

    Raises:
        LimitReached
    """
    archive = Archive(octets, limits)
    names = archive.names
    left = limits.texts
    budget = Budget(limits.elements, limits.characters)
    for pattern, words in _ORDERS[kind]:
        for name in sorted(filter(pattern.fullmatch, names), key=_by_number):
            left -= 1
            if left < 0:
                yield "", False
                return
            yield words.read(archive.chunks(name), budget)


def _by_number(name: str) -> tuple[int, str]:
    number = _NUMBER.search(name)
    return int(number[0][:_DIGITS]) if number else 0, name
