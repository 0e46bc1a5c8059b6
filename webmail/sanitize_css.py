"""Inline styles reduced to declarations that cannot load, hide or move anything. Pure.

Declarations are parsed and written anew by tinycss2, never matched as text (T012, T013); what a browser reads in the result is
what was decided here.
"""

import html
from collections.abc import Iterable

import tinycss2
from tinycss2.ast import Declaration, Node

from webmail.sanitize_policy import CSS_FUNCTIONS, CSS_PROPERTIES, MAX_CSS_BRACKETS, MAX_STYLE

_FORBIDDEN_TEXT = ("url(", "image", "var(", "src(", "\\", "<", "@", "expression", "javascript")
_NOT_NEGATIVE = ("margin", "text-indent", "padding")
_BLOCKS = ("() block", "[] block", "{} block")


class StyleReducer:
    """In the shape that bleach's Cleaner wants."""

    def sanitize_css(self, style: str) -> str:
        """Reduce one attribute as bleach gives it: character references not yet read."""
        return reduce(html.unescape(style)).replace("&", "&amp;")


def reduce(style: str) -> str:
    """Return the declarations that may stay, written in one form. Never raises."""
    if len(style) > MAX_STYLE or sum(style.count(bracket) for bracket in "([{") > MAX_CSS_BRACKETS:
        return ""
    kept = []
    for node in tinycss2.parse_declaration_list(style, skip_comments=True, skip_whitespace=True):
        if isinstance(node, Declaration) and node.lower_name in CSS_PROPERTIES:
            value = _value(node)
            if value:
                kept.append(f"{node.lower_name}:{value}")
    return ";".join(kept)


def _value(node: Declaration) -> str:
    """The value as text, or nothing when it holds what it must not. `!important` is left out (T015)."""
    tokens = [token for token in node.value if token.type != "comment"]
    if not _allowed(tokens, may_be_negative=not node.lower_name.startswith(_NOT_NEGATIVE)):
        return ""
    text = " ".join(tinycss2.serialize(tokens).split())
    lowered = text.lower()
    return "" if any(word in lowered for word in _FORBIDDEN_TEXT) else text


def _allowed(tokens: Iterable[Node], *, may_be_negative: bool) -> bool:
    for token in tokens:
        kind = token.type
        if kind in ("url", "at-keyword", "error", *_BLOCKS):
            return False
        if kind == "function":
            if token.lower_name not in CSS_FUNCTIONS or not may_be_negative:
                return False
            if not _allowed(token.arguments, may_be_negative=True):
                return False
        if kind in ("number", "percentage", "dimension") and token.value < 0 and not may_be_negative:
            return False
    return True
