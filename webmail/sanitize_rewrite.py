"""Rewrites sanitised tokens: remote images, images of the same message, links; and estimates the height. Pure.

Works on html5lib's token stream between bleach's filter and its serialiser, so that the document is written only once.
Attribute values in that stream still hold character references, and are written the same way.
"""

import html
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from webmail import sanitize_link
from webmail.sanitize_height import Ruler

Token = dict[str, Any]
MAX_LINK_TOKENS = 2_000
TRACKER_PIXELS = 3
_COLOUR_WORDS = ("background-color", "color:")


class Rewriter:
    """One pass over one body.

    Attributes:
        blocked: Remote images that were taken out.
        trackers: How many of those looked like a tracker; they stay out even with consent.
        shown_inline: Content-IDs that were put in.
        coloured: Whether the mail brings its own colours, so that a dark page must not put its own under them.
        height: Estimated pixels at the usual width.
    """

    def __init__(self, remote: list[str], mark: str, images: Mapping[str, str], inline: Mapping[str, str]) -> None:
        self._remote, self._mark, self._images, self._inline = remote, mark, images, inline
        self._ruler = Ruler()
        self.blocked: list[str] = []
        self.shown_inline: list[str] = []
        self.trackers = 0
        self.coloured = False

    @property
    def height(self) -> int:
        return self._ruler.height

    def rewrite(self, tokens: Iterable[Token]) -> Iterator[Token]:
        """Give the tokens of the final document."""
        for token in self._linked(tokens):
            written = self._image(token) if token.get("name") == "img" else token
            self._note_colours(written)
            self._ruler.see(written)
            yield written

    def _linked(self, tokens: Iterable[Token]) -> Iterator[Token]:
        """Hold back what is inside a link until its text is known, then write the link."""
        held: list[Token] = []
        for token in tokens:
            if not held:
                if token["type"] == "StartTag" and token["name"] == "a":
                    held = [token]
                else:
                    yield token
                continue
            held.append(token)
            closes = token["type"] == "EndTag" and token["name"] == "a"
            if closes or len(held) > MAX_LINK_TOKENS:
                self._link(held)
                yield from held
                held = []
        if held:
            self._link(held)
            yield from held

    def _link(self, held: list[Token]) -> None:
        token = held[0]
        attributes = token["data"]
        value = attributes.pop((None, "href"), None)
        attributes.pop((None, "title"), None)  # only we say where a link leads
        link = sanitize_link.read(html.unescape(value), _text(held)) if value is not None else None
        if link is None:
            return
        attributes[(None, "href")] = _escaped(link.href)
        attributes[(None, "title")] = _escaped(link.shown)
        attributes[(None, "target")] = "_blank"
        attributes[(None, "rel")] = "noopener noreferrer nofollow"

    def _image(self, token: Token) -> Token:
        attributes = token["data"]
        source = html.unescape(attributes.pop((None, "src"), ""))
        alternative = html.unescape(attributes.get((None, "alt"), "")).strip()[:300]
        if source.startswith(self._mark):
            return self._remote_image(token, source, alternative)
        address = self._inline.get(source[4:]) if source.lower().startswith("cid:") else None
        if address is None:
            return _characters(alternative)
        self.shown_inline.append(source[4:])
        attributes[(None, "src")] = _escaped(address)
        return token

    def _remote_image(self, token: Token, source: str, alternative: str) -> Token:
        number = source[len(self._mark) :]
        url = self._remote[int(number)] if number.isdigit() and int(number) < len(self._remote) else ""
        if looks_like_tracker(token["data"]):
            self.trackers += 1
            return _characters("")
        address = self._images.get(url)
        if address is None:
            if url:
                self.blocked.append(url)
            return _characters(alternative)
        token["data"][(None, "src")] = _escaped(address)
        return token

    def _note_colours(self, token: Token) -> None:
        attributes = token.get("data")
        if not self.coloured and isinstance(attributes, dict):
            style = attributes.get((None, "style"), "")
            self.coloured = bool(
                (None, "bgcolor") in attributes
                or (None, "color") in attributes
                or any(word in style for word in _COLOUR_WORDS)
            )


def looks_like_tracker(attributes: Mapping[Any, str]) -> bool:
    """An image that nobody is meant to see: a pixel, or hidden."""
    sizes = [attributes.get((None, name), "").strip().removesuffix("px") for name in ("width", "height")]
    if any(size.isascii() and size.isdigit() and int(size) <= TRACKER_PIXELS for size in sizes):
        return True
    for declaration in attributes.get((None, "style"), "").split(";"):
        name, _, value = declaration.partition(":")
        if name in ("width", "height", "max-width", "max-height") and value in ("0", "0px", "1px", "2px"):
            return True
        if (name, value) == ("display", "none"):
            return True
    return False


def _text(tokens: Iterable[Token]) -> str:
    parts: list[str] = []
    for token in tokens:
        if token["type"] in ("Characters", "SpaceCharacters"):
            parts.append(token["data"])
        elif token["type"] == "Entity":
            parts.append(html.unescape(f"&{token['name']};"))
    return "".join(parts)


def _characters(text: str) -> Token:
    return {"type": "Characters", "data": text}


def _escaped(value: str) -> str:
    # The serialiser leaves what looks like a character reference as it is; an ampersand of ours has to be one.
    return value.replace("&", "&amp;")
