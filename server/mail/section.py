"""IMAP sections: the octets behind `BODY[2.1.HEADER]` and its kind (RFC 9051 §6.4.5.1).

section-spec = section-msgtext / (section-part ["." section-text])
section-part = nz-number *("." nz-number)
"""

from typing import Literal

from server.mail import header
from server.mail.header import HeaderBlock
from server.mail.part import Part

Kind = Literal["", "HEADER", "TEXT", "MIME", "HEADER.FIELDS", "HEADER.FIELDS.NOT"]


def part_at(root: Part, path: str) -> Part | None:
    """The part of that number; None when the message has no such part. The empty path is the root."""
    part = root
    if not path:
        return root
    for number, step in enumerate(path.split(".")):
        if not step.isdecimal() or not step.isascii() or step.startswith("0") or len(step) > 9:
            return None
        found = _step(part, int(step), first=number == 0)
        if found is None:
            return None
        part = found
    return part


def _step(part: Part, number: int, *, first: bool) -> Part | None:
    if not first and part.embedded is not None:
        # RFC 9051 §6.4.5.1: numbers below a message/rfc822 count the parts of the message inside.
        part, first = part.embedded, True
    if part.children:
        return part.children[number - 1] if number <= len(part.children) else None
    # Every message has at least one part number: part 1 of a message that is no multipart is its body.
    return part if first and number == 1 else None


def section(raw: bytes, root: Part, path: str, kind: Kind = "", names: tuple[str, ...] = ()) -> bytes | None:
    """The octets of a section; None when there is none (the server then answers NIL)."""
    part = part_at(root, path)
    if part is None:
        return None
    if kind == "MIME":
        return raw[part.header_start : part.body_start] if path else None
    if path:
        if not kind:
            return raw[part.body_start : part.body_end]
        # HEADER and TEXT below a part number are those of the message inside it.
        if part.embedded is None:
            return None
        part = part.embedded
    elif not kind:
        return raw
    if kind == "TEXT":
        return raw[part.body_start : part.body_end]
    if kind == "HEADER":
        return raw[part.header_start : part.body_start]
    return fields(raw, part, names, but=kind == "HEADER.FIELDS.NOT")


def fields(raw: bytes, part: Part, names: tuple[str, ...], *, but: bool = False) -> bytes:
    """The header fields of those names (or all `but` those), in their order, and the empty line that ends a header."""
    wanted = {name.lower() for name in names}
    block: HeaderBlock
    block, _ = header.split(raw, start=part.header_start, end=part.body_start)
    out = [line_ended(field.raw) for field in block if (field.name.lower() in wanted) is not but]
    return b"".join(out) + b"\r\n"


def line_ended(raw: bytes) -> bytes:
    return raw if raw.endswith(b"\n") else raw + b"\r\n"
