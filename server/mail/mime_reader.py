"""The tree of a message: where each part's header and body lie in the octets (RFC 2045, 2046; IMAP's part numbers).

Bodies are found with bytes.find and never decoded or copied, so an attachment costs what a search over it costs. Depth,
number of parts and parameters are bounded; what lies beyond a bound is one opaque part. Every message has a tree.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from server.mail import header, message_id, parameter
from server.mail.header import HeaderBlock
from server.mail.limits import DEFAULT, Limits
from server.mail.part import NO_PARAMS, Part

_LANGUAGE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_SAFE_BOUNDARY_OCTETS: Final = 1_000  # RFC 2046 §5.1.1 says 70; real mail has more


@dataclass(slots=True)
class _Budget:
    parts: int
    candidates: int


def parse(raw: bytes, limits: Limits = DEFAULT, *, block: HeaderBlock | None = None, body: int = 0) -> Part:
    """The tree of the whole message. A caller that has split the header hands over its block and body offset."""
    if block is None:
        block, body = _split(raw, 0, len(raw), limits)
    reader = _Reader(raw, limits, _Budget(limits.parts - 1, limits.boundary_candidates))
    return reader.entity(_Span(block, 0, body, len(raw)), path="", depth=0, inside_digest=False)


def _split(raw: bytes, start: int, end: int, limits: Limits) -> tuple[HeaderBlock, int]:
    return header.split(
        raw,
        limits.header_octets,
        start=start,
        end=end,
        field_octets=limits.field_octets,
        fields=limits.header_fields,
    )


@dataclass(slots=True)
class _Span:
    block: HeaderBlock
    start: int
    body: int
    end: int


class _Reader:
    __slots__ = ("budget", "limits", "raw")

    def __init__(self, raw: bytes, limits: Limits, budget: _Budget) -> None:
        self.raw = raw
        self.limits = limits
        self.budget = budget

    def entity(self, span: _Span, *, path: str, depth: int, inside_digest: bool) -> Part:
        """The part of one span. `path` is "" for a root that takes its number from what it turns out to be."""
        block = span.block
        kind, sub, params = self._content_type(block, inside_digest=inside_digest)
        if kind in {"multipart", "message"} and (depth >= self.limits.depth or self.budget.parts <= 0):
            kind, sub, params = "application", "octet-stream", NO_PARAMS
        encoding = _token(block.get("content-transfer-encoding")) or "7bit"
        children: tuple[Part, ...] = ()
        embedded: Part | None = None
        number = path
        if kind == "multipart":
            children = self._children(span, sub, params, path, depth)
        else:
            number = path if path and not path.endswith(".") else f"{path}1"
            embedded = self._embedded(span, kind, sub, encoding, number, depth)
        disposition, disposition_params = self._disposition(block)
        language = block.get("content-language")
        lines = self.raw.count(b"\n", span.body, span.end) if kind in {"text", "message"} else 0
        return Part(
            type=kind,
            subtype=sub,
            params=params,
            content_id=_content_id(block.get("content-id")),
            description=_line(block.get("content-description")),
            encoding=encoding,
            disposition=disposition,
            disposition_params=disposition_params,
            language=tuple(_LANGUAGE.findall(language.decode("ascii", "replace"))[:20]) if language else (),
            location=_line(block.get("content-location")),
            md5=_line(block.get("content-md5")),
            header_start=span.start,
            body_start=span.body,
            body_end=span.end,
            lines=lines,
            path=number.removesuffix("."),
            children=children,
            embedded=embedded,
        )

    def _content_type(self, block: HeaderBlock, *, inside_digest: bool) -> tuple[str, str, Mapping[str, str]]:
        value = block.get("content-type")
        if value is not None:
            found = parameter.content_type(value, limit=self.limits.parameters)
            if found is not None:
                return found
        elif inside_digest:  # RFC 2046 §5.1.5
            return "message", "rfc822", NO_PARAMS
        return "text", "plain", NO_PARAMS  # RFC 2045 §5.2

    def _disposition(self, block: HeaderBlock) -> tuple[str | None, Mapping[str, str]]:
        value = block.get("content-disposition")
        if value is None:
            return None, NO_PARAMS
        head, params = parameter.parse(value, limit=self.limits.parameters)
        return head or None, params

    def _embedded(self, span: _Span, kind: str, sub: str, encoding: str, path: str, depth: int) -> Part | None:
        """RFC 2046 §5.2.1, RFC 6532 §3.7: the message inside, unless it is encoded or too deep to look at."""
        if kind != "message" or sub not in {"rfc822", "global"} or encoding in {"base64", "quoted-printable"}:
            return None
        self.budget.parts -= 1
        block, body = _split(self.raw, span.body, span.end, self.limits)
        # RFC 9051 §6.4.5.1: the parts of the message in part 2 are 2.1, 2.2 ...; a multipart in it has no number itself.
        inner = _Span(block, span.body, body, span.end)
        return self.entity(inner, path=f"{path}.", depth=depth + 1, inside_digest=False)

    def _children(self, span: _Span, sub: str, params: Mapping[str, str], path: str, depth: int) -> tuple[Part, ...]:
        boundary = params.get("boundary", "").rstrip(" ").encode("utf-8", "replace")
        prefix = path if not path or path.endswith(".") else f"{path}."
        spans: list[tuple[int, int, int]] = []
        if boundary and len(boundary) <= _SAFE_BOUNDARY_OCTETS:
            spans = self._delimited(span.body, span.end, b"--" + boundary)
        if not spans:
            # IMAP's grammar wants a part in every multipart: one that has none is its own text, readable as such.
            self.budget.parts -= 1
            return (_opaque(self.raw, span, f"{prefix}1"),)
        self.budget.parts -= len(spans)
        children: list[Part] = []
        for number, (start, line, end) in enumerate(spans, 1):
            # The header may use the line end that belongs to the next delimiter; the body may not.
            block, body = _split(self.raw, start, line, self.limits)
            inner = _Span(block, start, body, max(body, end))
            children.append(
                self.entity(inner, path=f"{prefix}{number}", depth=depth + 1, inside_digest=sub == "digest")
            )
        return tuple(children)

    def _delimited(self, start: int, end: int, delimiter: bytes) -> list[tuple[int, int, int]]:
        """(start, next delimiter's line, end) of each body part between delimiter lines (RFC 2046 §5.1.1)."""
        raw, budget = self.raw, self.budget
        spans: list[tuple[int, int, int]] = []
        opened = -1
        position = start
        while True:
            at = raw.find(delimiter, position, end)
            if at < 0:
                break
            position = at + len(delimiter)
            if at > start and raw[at - 1] != 0x0A:
                budget.candidates -= 1
                if budget.candidates < 0:
                    break
                continue
            stop = raw.find(b"\n", position, end)
            line_end = end if stop < 0 else stop + 1
            tail = raw[position : min(line_end, position + 200)].rstrip(b" \t\r\n")
            if tail not in {b"", b"--"}:  # the boundary of another part that begins like this one
                budget.candidates -= 1
                if budget.candidates < 0:
                    break
                continue
            if opened >= 0:
                spans.append((opened, at, max(opened, at - _line_end_before(raw, at))))
            opened = line_end
            position = line_end
            if tail == b"--":
                return spans
            if len(spans) + 1 >= budget.parts:
                break
        if opened >= 0:  # RFC 2046 §5.1.2: a cut message closes all its parts
            spans.append((opened, end, end))
        return spans


def _line_end_before(raw: bytes, at: int) -> int:
    """How many octets of line end stand before `at`: they belong to the delimiter."""
    if raw[at - 1 : at] != b"\n":
        return 0
    return 2 if at >= 2 and raw[at - 2] == 0x0D else 1


def _opaque(raw: bytes, span: _Span, path: str) -> Part:
    return Part(
        type="text",
        subtype="plain",
        params=NO_PARAMS,
        content_id=None,
        description=None,
        encoding=_token(span.block.get("content-transfer-encoding")) or "7bit",
        disposition=None,
        disposition_params=NO_PARAMS,
        language=(),
        location=None,
        md5=None,
        header_start=span.body,
        body_start=span.body,
        body_end=span.end,
        lines=raw.count(b"\n", span.body, span.end),
        path=path,
    )


def _token(value: bytes | None) -> str:
    """A single word in lower case: what stands before a semicolon, comment or space."""
    if value is None:
        return ""
    return re.split(rb"[\s;(]", value.strip(b' \t"'), maxsplit=1)[0].decode("ascii", "replace").lower()[:64]


def _line(value: bytes | None) -> str | None:
    return header.plain_text(value) if value else None


def _content_id(value: bytes | None) -> str | None:
    if value is None:
        return None
    found = message_id.parse_all(value, limit=1)
    return found[0] if found else None
