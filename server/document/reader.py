"""From a document to its text: one line a piece, white space squeezed, no more than asked for. Never raises but MemoryError."""

from collections.abc import Iterator
from dataclasses import dataclass

from server.document import office, plain
from server.document.kind import Kind
from server.document.limits import LimitReached, Limits
from server.mail.searchable import squeeze


@dataclass(frozen=True, slots=True)
class Text:
    """What was read. `whole` is False when a limit ended it, so that larger limits would give more."""

    text: str
    whole: bool


def read(kind: Kind, octets: bytes, limits: Limits) -> Text:
    """Read a document here and now."""
    found: list[str] = []
    whole = True
    room = limits.characters
    for text, is_whole in pieces(kind, octets, limits):
        whole = whole and is_whole
        if text:
            found.append(text[:room])
            room -= len(text) + 1
        if room <= 0:
            return Text("\n".join(found), whole=False)
    return Text("\n".join(found), whole=whole)


def pieces(kind: Kind, octets: bytes, limits: Limits) -> Iterator[tuple[str, bool]]:
    """Yield the text piece by piece, each with whether the limits let all of it through."""
    if len(octets) > limits.octets:
        yield "", False
        return
    try:
        for text, is_whole in _pieces(kind, octets, limits):
            yield squeeze(text), is_whole
    except LimitReached:
        yield "", False


def _pieces(kind: Kind, octets: bytes, limits: Limits) -> Iterator[tuple[str, bool]]:
    if kind is Kind.PDF:
        from server.document import pdf  # noqa: PLC0415  pypdf is 24 MB that only the process which reads shall hold

        return pdf.pieces(octets, limits)
    if kind in {Kind.PLAIN, Kind.HTML}:
        return plain.pieces(octets, limits, is_html=kind is Kind.HTML)
    return office.pieces(kind, octets, limits)
