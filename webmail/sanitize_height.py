"""How tall a body will be, guessed from its tokens. Pure.

The frame that shows a body may run no script and is of another origin to its page, so nobody can ask it for its height
(security.md section 3 step 5). A guess that is too large leaves white space, one that is too small lets the frame scroll inside.
"""

from dataclasses import dataclass
from typing import Any

WIDTH = 672
LINE = 22
CHARACTER = 7.3
WIDE_CHARACTER = 14
LEAST, MOST = 96, 12_000
SPARE = 1.08
_BLOCKS = frozenset(
    [
        "address",
        "big",
        "blockquote",
        "caption",
        "center",
        "dd",
        "dir",
        "div",
        "dl",
        "dt",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    ]
)
_MARGIN = {"p": 14, "h1": 30, "h2": 26, "h3": 20, "h4": 18, "ul": 14, "ol": 14, "blockquote": 16, "pre": 14, "hr": 18}
_FACTOR = {"h1": 1.9, "h2": 1.5, "h3": 1.2}
_CELLS = ("td", "th")


@dataclass(slots=True)
class _Level:
    """An open block."""

    name: str
    height: float = 0.0
    tallest_cell: float = 0.0


class Ruler:
    """Adds up lines, images and margins; cells of one table row stand beside each other."""

    def __init__(self) -> None:
        self._stack = [_Level("body")]
        self._line = 0.0

    @property
    def height(self) -> int:
        """Pixels, with some to spare."""
        lines = self._lines()
        total = sum(level.height + level.tallest_cell for level in self._stack) + lines
        return max(LEAST, min(MOST, round(total * SPARE) + 32))

    def see(self, token: dict[str, Any]) -> None:
        """Take in the next token of the document."""
        kind = token["type"]
        if kind in ("Characters", "SpaceCharacters"):
            self._write(token["data"])
        elif kind in ("StartTag", "EmptyTag"):
            self._open(token)
        elif kind == "EndTag" and token["name"] in _BLOCKS:
            self._close(token["name"])

    def _write(self, text: str) -> None:
        wide = 0 if text.isascii() else sum(1 for c in text if ord(c) > 0x2E7F)
        self._line += (len(" ".join(text.split())) - wide) * CHARACTER + wide * WIDE_CHARACTER

    def _lines(self) -> float:
        if self._line < CHARACTER:
            return 0.0
        cells = sum(1 for level in self._stack if level.name in _CELLS)
        width = WIDTH * (0.75 ** min(cells, 4))
        factor = next((_FACTOR[level.name] for level in reversed(self._stack) if level.name in _FACTOR), 1.0)
        return (int(self._line * factor / width) + 1) * LINE * factor

    def _break(self) -> None:
        self._stack[-1].height += self._lines()
        self._line = 0.0

    def _open(self, token: dict[str, Any]) -> None:
        name = token["name"]
        if name == "br":
            self._line = max(self._line, CHARACTER)
            self._break()
        elif name == "img":
            self._break()
            self._stack[-1].height += _pixels(token["data"].get((None, "height"), ""), 180)
        elif name == "hr":
            self._break()
            self._stack[-1].height += _MARGIN["hr"]
        elif name in _BLOCKS:
            self._break()
            fixed = _pixels(token["data"].get((None, "height"), ""), 0) if name in ("td", "table", "tr") else 0
            self._stack.append(_Level(name, _MARGIN.get(name, 0) + fixed * 0.3))

    def _close(self, name: str) -> None:
        if name not in (level.name for level in self._stack[1:]):
            return
        while len(self._stack) > 1:
            self._break()
            closed = self._stack.pop()
            total = closed.height + closed.tallest_cell
            above = self._stack[-1]
            if closed.name in _CELLS:
                above.tallest_cell = max(above.tallest_cell, total)
            else:
                self._stack[-1].height += total
            if closed.name == name:
                return


def _pixels(value: str, default: int) -> int:
    digits = value.strip().removesuffix("px")
    return min(int(digits), 2_000) if digits.isascii() and digits.isdigit() and len(digits) < 6 else default
