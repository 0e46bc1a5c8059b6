"""IMAP BODYSTRUCTURE and BODY from a tree of parts (RFC 9051 §7.5.2, grammar in §9).

    body-type-1part = (type-basic / type-msg / type-text) [SP md5 [SP dsp [SP lang [SP loc]]]]
    body-type-mpart = 1*body SP subtype [SP params [SP dsp [SP lang [SP loc]]]]

BODY is the same without the extension data in brackets. A file name that is not ASCII is given in the form of RFC 2231.
"""

from collections.abc import Mapping
from typing import Final

from server.mail import envelope, header, parameter, wire
from server.mail.limits import DEFAULT, Limits
from server.mail.part import Part
from server.mail.wire import NIL

_EMPTY_TEXT: Final = b'("text" "plain" NIL NIL NIL "7bit" 0 0'


def both(raw: bytes, root: Part, limits: Limits = DEFAULT) -> tuple[bytes, bytes]:
    """BODYSTRUCTURE and BODY of the message, made in one walk."""
    return _body(raw, root, limits)


def _body(raw: bytes, part: Part, limits: Limits) -> tuple[bytes, bytes]:
    if part.children:
        pairs = [_body(raw, child, limits) for child in part.children]
        sub = wire.text(part.subtype)
        full = b"(%b %b %b %b)" % (b"".join([pair[0] for pair in pairs]), sub, _params(part.params), _tail(part))
        return full, b"(%b %b)" % (b"".join([pair[1] for pair in pairs]), sub)
    fields = b"(%b %b %b %b %b %b %d" % (
        wire.text(part.type),
        wire.text(part.subtype),
        _params(part.params),
        wire.string(b"<" + part.content_id.encode("utf-8", "replace") + b">") if part.content_id else NIL,
        wire.text(part.description),
        wire.text(part.encoding),
        part.size,
    )
    extension = b" %b %b)" % (wire.text(part.md5), _tail(part))
    if part.type == "text":
        fields += b" %d" % part.lines
        return fields + extension, fields + b")"
    if part.type == "message" and part.subtype in {"rfc822", "global"}:
        inside, (inner_full, inner_brief) = _message(raw, part, limits)
        full = b"%b %b %b %d%b" % (fields, inside, inner_full, part.lines, extension)
        return full, b"%b %b %b %d)" % (fields, inside, inner_brief, part.lines)
    return fields + extension, fields + b")"


def _message(raw: bytes, part: Part, limits: Limits) -> tuple[bytes, tuple[bytes, bytes]]:
    """Envelope and body of the message in a part; the grammar wants both, so an encoded one gets empty ones."""
    inner = part.embedded
    if inner is None:
        return envelope.EMPTY, (_EMPTY_TEXT + b" NIL NIL NIL NIL)", _EMPTY_TEXT + b")")
    block, _ = header.split(
        raw, limits.header_octets, start=inner.header_start, end=inner.body_start, field_octets=limits.field_octets
    )
    return envelope.envelope(block, limit=limits.addresses), _body(raw, inner, limits)


def _tail(part: Part) -> bytes:
    """body-fld-dsp SP body-fld-lang SP body-fld-loc."""
    dsp = b"(%b %b)" % (wire.text(part.disposition), _params(part.disposition_params)) if part.disposition else NIL
    lang = b"(" + b" ".join(map(wire.text, part.language)) + b")" if part.language else NIL
    return b"%b %b %b" % (dsp, lang, wire.text(part.location))


def _params(params: Mapping[str, str]) -> bytes:
    if not params:
        return NIL
    pairs: list[bytes] = []
    for name, value in params.items():
        if value.isascii():
            pairs += (wire.text(name), wire.text(value))
        else:  # RFC 2231 §4
            pairs += (wire.text(f"{name}*"), wire.string(b"utf-8''" + parameter.percent(value)))
    return b"(" + b" ".join(pairs) + b")"
