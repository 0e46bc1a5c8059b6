"""What a part holds: its octets without transfer encoding (RFC 2045 §6) and its text in Unicode (RFC 2046 §4.1.2)."""

import re
from typing import Final

from server.mail import charset, transfer
from server.mail.part import Part

# WHATWG "prescan a byte stream": a charset named within the first 1,024 octets.
_META: Final = re.compile(rb"<meta\b[^>]{0,200}?\bcharset\s{0,5}=\s{0,5}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_META_WINDOW: Final = 1_024


def decoded(raw: bytes, part: Part, *, limit: int | None = None) -> bytes:
    """The part's octets, decoded; with `limit`, at least the first so many octets of them when there are more."""
    end = part.body_end
    if limit is not None:
        # Three encoded octets a decoded one is the most a transfer encoding takes (quoted-printable "=XX"), plus line ends.
        end = min(end, part.body_start + limit * 3 + limit // 8 + 1024)
    return transfer.decode(raw[part.body_start : end], part.encoding)


def text(raw: bytes, part: Part, *, limit: int | None = None) -> str:
    """The part's text by its charset parameter, else by what its HTML names, else UTF-8 or windows-1252."""
    data = decoded(raw, part, limit=limit)
    label = part.params.get("charset")
    if charset.codec(label) is None and part.subtype == "html" and part.type == "text":
        match = _META.search(data[:_META_WINDOW])
        label = match[1].decode("ascii") if match else None
    if part.params.get("format", "").lower() == "flowed":
        return _flowed(charset.decode(data, label), delsp=part.params.get("delsp", "").lower() == "yes")
    return charset.decode(data, label)


def _flowed(body: str, *, delsp: bool) -> str:
    """RFC 3676 §4: lines that end in a space go on in the next one of the same quote depth; the signature stands."""
    out: list[str] = []
    open_depth = -1
    for line in body.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:]
        content = content.removeprefix(" ")  # space-stuffing
        flows = content.endswith(" ") and content != "-- "
        if flows and delsp:
            content = content[:-1]
        if depth == open_depth and content != "-- ":
            out.append(content)
        else:
            if out:
                out.append("\n")
            out.append(">" * depth + " " * (depth > 0) + content)
        open_depth = depth if flows else -1
    return "".join(out)
