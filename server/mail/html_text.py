"""HTML to plain text, for previews, search and the text half of what is written; linear in the size of the markup.

This is no sanitiser: its output is text and must be escaped like any text. Every pattern here consumes what it matched
or cannot match again, so no input makes a second pass over the same octets.
"""

import re
from html.entities import html5
from typing import Final

_NEWLINE: Final = "\x00"
_COMMENT: Final = re.compile(r"<!--[^-]*+(?:-(?!->)[^-]*+)*+(?:-->)?+")
_HIDDEN: Final = re.compile(
    r"<(?=[stnxioSTNXIO])(script|style|title|template|noscript|textarea|xmp|iframe|object)\b[^<]*+(?:<(?!/\1\b)[^<]*+)*+(?:</\1[^>]*+>?+)?+",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(
    r"</?(?=[bptdluhsfcBPTDLUHSFCoO])(?:br|p|div|tr|li|ul|ol|dl|dt|dd|h[1-6]|table|blockquote|pre|hr|section|article|header|footer|center|form)\b[^>]*+>",
    re.IGNORECASE,
)
_CELL: Final = re.compile(r"</?(?:td|th|option|button)\b[^>]*+>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z!?][^>]*+>")
_UNCLOSED: Final = re.compile(r"<[A-Za-z/!?].*", re.DOTALL)
_ENTITY: Final = re.compile(
    r"&(?:#(\d{1,8})(?!\d)|#[xX]([0-9a-fA-F]{1,7})(?![0-9a-fA-F])|([A-Za-z][A-Za-z0-9]{1,30}));?"
)
_WINDOWS: Final = {number: bytes((number,)).decode("cp1252", "replace") for number in range(0x80, 0xA0)}


def to_text(html: str) -> str:
    """The words of the markup: one line a block, no tags, no scripts, styles or comments, entities read."""
    text = html.replace(_NEWLINE, " ")
    text = _without_markup(text) if "<" in text else " ".join(text.split())
    if "&" in text:
        text = _ENTITY.sub(_entity, text)
    lines = (" ".join(line.split()) for line in text.split(_NEWLINE))
    return "\n".join([line for line in lines if line])


def _without_markup(text: str) -> str:
    if "<!--" in text:
        text = _COMMENT.sub("", text)
    text = _HIDDEN.sub(" ", text)
    # Behind the last ">" no tag can end; without this cut a run of "<" would be searched to the end each time.
    last = text.rfind(">") + 1
    tail = _UNCLOSED.sub("", text[last:], count=1)
    text = text[:last] + tail
    text = _BREAK.sub(_NEWLINE, text)
    text = _CELL.sub(" ", text)
    return _TAG.sub("", text)


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        found = html5.get(f"{name};") or html5.get(name)
        return found if found is not None else match[0]
    number = int(decimal) if decimal else int(hexadecimal, 16)
    if number in _WINDOWS:
        return _WINDOWS[number]
    if number < 0x20 or 0xD800 <= number < 0xE000 or number > 0x10FFFF:
        return " "
    return chr(number)
