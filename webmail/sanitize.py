"""Mail HTML made safe: the first of two walls (the second is the frame that shows the result, views/body.py). Pure.

Order, as measured in security.md section 3: nh3 first (fast, and takes away what bleach is slow on), a cap on nesting, then
bleach with the same lists; its serialiser writes the final string once, after our own rewriting of images and links on
its token stream. Nothing edits HTML after that (T004). Run it in the worker process of `sanitize_process`, under its watchdog.
"""

import hashlib
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import nh3
from bleach.sanitizer import Cleaner

from webmail import sanitize_policy as policy
from webmail.sanitize_css import StyleReducer
from webmail.sanitize_rewrite import Rewriter, Token

_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_VOID = frozenset({"br", "col", "hr", "img"})
_REMOTE = ("https://", "http://")
_PLACEHOLDER = "cid:remote."


class TooNested(ValueError):
    """More elements inside each other than any letter needs: show the text instead."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How one body is to be shown.

    Args:
        images: Remote address -> address of our proxy, for those that a person allowed.
        inline: Content-ID -> data URL, for images of the same message (T037).
    """

    images: Mapping[str, str] = field(default_factory=dict)
    inline: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sanitised:
    """The safe markup, and what was taken out of it."""

    html: str
    remote: tuple[str, ...] = ()
    trackers: int = 0
    shown_inline: tuple[str, ...] = ()
    coloured: bool = False
    height: int = 0
    cut: bool = False


def sanitise(source: str, reading: Reading | None = None, *, limit: int = policy.MAX_HTML) -> Sanitised:
    """Reduce a body to the allow-list and rewrite its images and links.

    Raises:
        TooNested: See there.
    """
    cut = len(source) > limit
    source = _whole(source[:limit])
    remote: list[str] = []
    # A mark that no author of a mail can know in advance stands for each remote image while bleach lets only cid: pass.
    mark = f"{_PLACEHOLDER}{hashlib.sha256(source.encode()).hexdigest()[:24]}."
    first = _nh3(source, remote, mark)
    if nesting(first) > policy.MAX_NESTING:
        raise TooNested
    chosen = reading or Reading()
    rewriter = Rewriter(remote, mark, chosen.images, chosen.inline)
    cleaner = _cleaner([partial(_Stream, rewriter=rewriter)])
    markup = cleaner.clean(first)
    return Sanitised(
        html=markup,
        remote=tuple(dict.fromkeys(rewriter.blocked)),
        trackers=rewriter.trackers,
        shown_inline=tuple(dict.fromkeys(rewriter.shown_inline)),
        coloured=rewriter.coloured,
        height=rewriter.height,
        cut=cut,
    )


def reduce(source: str) -> str:
    """Apply both sanitisers without the rewriting, for quotes in an editor (T034). Doing it twice changes nothing."""
    first = _nh3(_whole(source[: policy.MAX_HTML]), None, "")
    if nesting(first) > policy.MAX_NESTING:
        raise TooNested
    return _cleaner([]).clean(first)


def _whole(source: str) -> str:
    """Text that can be written as UTF-8: half a surrogate pair becomes a question mark."""
    return source.encode("utf-8", "replace").decode("utf-8")


def nesting(markup: str) -> int:
    """How deep elements stand in each other, in what nh3 wrote."""
    depth = deepest = 0
    for closing, name in _TAG.findall(markup):
        if closing:
            depth -= 1
        elif name not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _nh3(source: str, remote: list[str] | None, mark: str) -> str:
    def judge(_tag: str, name: str, value: str) -> str | None:
        if name == "src":
            return _image(value)
        if name == "href" and not value.strip().lower().startswith(policy.LINK_SCHEMES):
            return None
        return value

    def _image(value: str) -> str | None:
        if value.lower().startswith("cid:"):
            return value
        if remote is not None and value.lower().startswith(_REMOTE):
            remote.append(value)
            return f"{mark}{len(remote) - 1}"
        return None

    return nh3.clean(
        source,
        tags=set(policy.TAGS),
        clean_content_tags=set(policy.CONTENT_REMOVED),
        attributes={"*": set(policy.ATTRIBUTES), "a": {"href"}, "img": {"src"}},
        attribute_filter=judge,
        strip_comments=True,
        link_rel=None,
        url_schemes=set(policy.URL_SCHEMES),
        filter_style_properties=set(policy.CSS_PROPERTIES),
        url_relative="deny",
    )


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and html.unescape(value).strip().lower().startswith(policy.LINK_SCHEMES)
    if name == "src":
        return tag == "img" and value.lower().startswith("cid:")
    return name in policy.ATTRIBUTES


def _cleaner(filters: list[Any]) -> Cleaner:
    return Cleaner(
        tags=policy.TAGS,
        attributes=_allowed,
        protocols=policy.URL_SCHEMES,
        strip=True,
        strip_comments=True,
        filters=filters,
        css_sanitizer=StyleReducer(),  # type: ignore[arg-type]  # bleach asks only for sanitize_css
    )


class _Stream:
    """Adapts the rewriter to html5lib's idea of a filter: made with the token source, then iterated."""

    def __init__(self, source: Iterable[Token], rewriter: Rewriter) -> None:
        self._source, self._rewriter = source, rewriter

    def __iter__(self) -> Iterator[Token]:
        return self._rewriter.rewrite(self._source)
