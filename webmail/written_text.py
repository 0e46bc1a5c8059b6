"""The plain-text half of a letter: HTML of our allow-list as people write it in text, quotes with ">", lists, links. Pure, linear.

Takes the sanitiser's output only, where tags are balanced and nested no deeper than the sanitiser lets them. A link that says
something else than its address carries it behind, so that the reader of the text can follow it too.
"""

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_SPACED = frozenset(["h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"])
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_INDENT = "  "
_RULE = "-" * 40


def to_text(html: str) -> str:
    """The letter as text; lines are as long as their paragraphs."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._gap = False
        self._line = ""
        self._mark = ""
        self._quotes = 0
        self._lists: list[int] = []
        self._verbatim = 0
        self._links: list[tuple[str, int]] = []

    @property
    def text(self) -> str:
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._put_line()
        elif tag == "hr":
            self._end_line()
            self._add(self._prefix() + _RULE)
        elif tag == "img":
            self._line += dict(attrs).get("alt") or ""
        elif tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._line)))
        elif tag in ("td", "th") and self._line:
            self._line += "  "
        elif tag in _BLOCKS:
            self._open(tag)

    def _open(self, tag: str) -> None:
        self._end_line()
        if tag in _SPACED and not self._lists:
            self._blank()
        if tag == "blockquote":
            self._quotes += 1
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li" and self._lists:
            numbered = self._lists[-1] >= 0
            self._lists[-1] += numbered
            self._mark = f"{self._lists[-1]}. " if numbered else "- "
        elif tag == "pre":
            self._verbatim += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._links:
            target, start = self._links.pop()
            said = self._line[start:].strip()
            if target and said and said not in (target, target.removeprefix("mailto:").removeprefix("tel:")):
                self._line += f" <{target}>"
        if tag not in _BLOCKS:
            return
        self._end_line()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)
        if tag in _SPACED and not self._lists:
            self._blank()

    def handle_data(self, data: str) -> None:
        if self._verbatim:
            *whole, rest = data.replace("\r\n", "\n").split("\n")
            for line in whole:
                self._line += line
                self._put_line()
            self._line += rest
            return
        words = _BLANKS.sub(" ", data)
        self._line += words[1:] if words[:1] == " " and self._line[-1:] in ("", " ") else words

    def _prefix(self) -> str:
        return f"{'>' * self._quotes} " if self._quotes else ""

    def _put_line(self) -> None:
        """End the line, also one with nothing on it."""
        indent = _INDENT * max(0, len(self._lists) - 1)
        indent += self._mark or (_INDENT if self._lists else "")
        self._add((self._prefix() + indent + self._line.replace("\u00a0", " ")).rstrip())
        self._line = self._mark = ""
        # A link that goes on over the end of a line starts with the next one.
        self._links = [(target, 0) for target, _ in self._links]

    def _end_line(self) -> None:
        if self._line.strip():
            self._put_line()
        else:
            self._line = ""

    def _blank(self) -> None:
        """One empty line before what comes next, but not a second one, and none at the top or the end."""
        if self._lines and self._lines[-1].strip("> "):
            self._gap = True

    def _add(self, line: str) -> None:
        before, self._gap = self._gap, False
        if before and line.strip("> "):
            # Between a quote and what is none stands a line of neither.
            depths = (len(one) - len(one.lstrip(">")) for one in (self._lines[-1], line))
            self._lines.append(">" * min(depths))
        self._lines.append(line)
