"""New messages: octets that every transport may carry (RFC 5322, RFC 2045-2047, RFC 2231, RFC 2387).

Line ends are CRLF, lines at most 998 octets, bodies 7bit, quoted-printable or base64. The same arguments give the same
octets: nothing is drawn by chance, boundaries come from the message id. A Bcc field is written only when it is asked
for, which is for drafts. A value with a control character is refused (ValueError), never repaired.
"""

import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.mail import address_field, header, parameter
from server.mail import date as mail_date
from server.mail.address import Address

_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_PARAMETER: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}")
_ID: Final = re.compile("[^\x00-\x20<>\x7f-\xa0\ud800-\udfff]{1,900}")
_UNSAFE_7BIT: Final = re.compile(rb"[^\t\r\n\x20-\x7e]|\r(?!\n)|(?<!\r)\n")
_LONG_LINE: Final = re.compile(rb"[^\n]{998,}")
_BASE64_LINE: Final = 57  # octets that make 76 characters


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str
    data: bytes
    content_id: str | None = None  # without angle brackets; what `cid:` in the HTML names


@dataclass(frozen=True, slots=True)
class Entity:
    """A MIME entity in the making: its header lines, and its body whose lines are all short and CRLF ended."""

    header: bytes
    body: bytes

    @property
    def octets(self) -> bytes:
        return self.header + b"\r\n" + self.body


def message(
    *,
    from_: Sequence[Address],
    to: Sequence[Address] = (),
    cc: Sequence[Address] = (),
    bcc: Sequence[Address] = (),
    sender: Address | None = None,
    reply_to: Sequence[Address] = (),
    subject: str,
    date: datetime,
    message_id: str,
    in_reply_to: str | None = None,
    references: Sequence[str] = (),
    text: str,
    html: str | None = None,
    inline: Sequence[Attachment] = (),
    attachments: Sequence[Attachment] = (),
    extra: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole message. `extra` are further fields (name, text), e.g. ("Auto-Submitted", "auto-replied")."""
    entity = body(text=text, html=html, inline=inline, attachments=attachments, seed=message_id)
    lines = [b"Date: " + mail_date.format(date).encode("ascii") + b"\r\n", address_field.encode("From", from_)]
    if sender is not None:
        lines.append(address_field.encode("Sender", [sender]))
    lines.extend(
        address_field.encode(name, addresses)
        for name, addresses in (("Reply-To", reply_to), ("To", to), ("Cc", cc), ("Bcc", bcc))
        if addresses
    )
    lines += [header.encode("Subject", subject), ids_field("Message-ID", [message_id])]
    if in_reply_to:
        lines.append(ids_field("In-Reply-To", [in_reply_to]))
    if references:
        lines.append(ids_field("References", references))
    lines.extend(header.encode(name, value) for name, value in extra)
    lines.append(b"MIME-Version: 1.0\r\n")
    return b"".join(lines) + entity.octets


def ids_field(name: str, ids: Sequence[str]) -> bytes:
    """Message-ID, In-Reply-To or References (RFC 5322 §3.6.4)."""
    if not all(map(_ID.fullmatch, ids)):
        raise ValueError("not a message id")
    return header.fold(name.encode("ascii") + b":", [f"<{one}>".encode() for one in ids])


def body(
    *, text: str, html: str | None, inline: Sequence[Attachment], attachments: Sequence[Attachment], seed: str
) -> Entity:
    """mixed(alternative(text, related(html, inline...)), attachments...), each level only where it is needed."""
    entity = text_part(text, "plain")
    if html is not None:
        rich = text_part(html, "html")
        if inline:
            pictures = [attachment_part(one, inline=True) for one in inline]
            rich = multipart("related", [rich, *pictures], seed=f"{seed} related", params=[b'type="text/html"'])
        entity = multipart("alternative", [entity, rich], seed=f"{seed} alternative")
    if attachments:
        files = [attachment_part(one, inline=False) for one in attachments]
        entity = multipart("mixed", [entity, *files], seed=f"{seed} mixed")
    return entity


def text_part(text: str, subtype: str) -> Entity:
    """Text in UTF-8, in the encoding that keeps it readable where it can and short where it cannot."""
    lines = _LINE_ENDS.sub("\r\n", text)
    data = lines.encode("utf-8", "replace")
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    encoding, octets = _encoded(data)
    head = b"Content-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n" % (subtype.encode(), encoding)
    return Entity(head, octets)


def _encoded(data: bytes) -> tuple[bytes, bytes]:
    if is_7bit(data):
        return b"7bit", data
    quoted = binascii.b2a_qp(data, istext=True)
    if len(quoted) <= len(data) * 78 // 57 and not _LONG_LINE.search(quoted):
        return b"quoted-printable", quoted
    return b"base64", base64_lines(data)


def is_7bit(data: bytes) -> bool:
    """Whether the octets may travel as they are: ASCII without controls, CRLF line ends, lines within the limit."""
    return _UNSAFE_7BIT.search(data) is None and _LONG_LINE.search(data) is None


def base64_lines(data: bytes) -> bytes:
    """RFC 2045 §6.8: lines of 76 characters."""
    encoded = binascii.b2a_base64(data, newline=False)
    width = _BASE64_LINE // 3 * 4
    return b"".join([encoded[start : start + width] + b"\r\n" for start in range(0, len(encoded), width)])


def attachment_part(attachment: Attachment, *, inline: bool) -> Entity:
    """A file. A message that is not plain 7bit travels as a file, for RFC 2046 §5.2.1 allows it no encoding."""
    kind, params = _content_type(attachment.content_type)
    as_is = kind == "message/rfc822" and is_7bit(attachment.data)
    if kind.startswith("message/") and not as_is:
        kind, params = "application/octet-stream", {}
    name = attachment.filename
    if name:
        params["name"] = name
    lines = [
        _with_parameters(b"Content-Type:", kind, params),
        _with_parameters(
            b"Content-Disposition:", "inline" if inline else "attachment", {"filename": name} if name else {}
        ),
        b"Content-Transfer-Encoding: %b\r\n" % (b"7bit" if as_is else b"base64"),
    ]
    if attachment.content_id:
        lines.append(ids_field("Content-ID", [attachment.content_id]))
    return Entity(b"".join(lines), attachment.data if as_is else base64_lines(attachment.data))


def _content_type(given: str) -> tuple[str, dict[str, str]]:
    """The type as it may be written, with its parameters; anything unfit is a plain file."""
    found = parameter.content_type(given.encode("utf-8", "replace"))
    if found is None or found[0] == "multipart" or not _TYPE.fullmatch(f"{found[0]}/{found[1]}"):
        return "application/octet-stream", {}
    return f"{found[0]}/{found[1]}", {name: value for name, value in found[2].items() if _PARAMETER.fullmatch(name)}


def _with_parameters(head: bytes, value: str, params: Mapping[str, str]) -> bytes:
    tokens = [value.encode("ascii")]
    for name, text in params.items():
        tokens[-1] += b";"
        pieces = parameter.encode(name, text)
        tokens += [piece + b";" for piece in pieces[:-1]] + pieces[-1:]
    return header.fold(head, tokens)


def multipart(subtype: str, parts: Sequence[Entity], *, seed: str, params: Sequence[bytes] = ()) -> Entity:
    """A multipart whose boundary stands in none of its parts (RFC 2046 §5.1.1)."""
    octets = [part.octets for part in parts]
    boundary = _boundary(seed, octets)
    head = header.fold(
        b"Content-Type:",
        [b"multipart/%b;" % subtype.encode(), *[param + b";" for param in params], b'boundary="%b"' % boundary],
    )
    body = b"".join([b"--%b\r\n%b\r\n" % (boundary, one) for one in octets]) + b"--%b--\r\n" % boundary
    return Entity(head, body)


def _boundary(seed: str, octets: Sequence[bytes]) -> bytes:
    number = 0
    while True:
        digest = hashlib.sha256(f"{number} {seed}".encode("utf-8", "replace")).hexdigest()[:32]
        # "=_" can stand neither in quoted-printable nor in base64 (RFC 2045 §6.7).
        boundary = b"=_" + digest.encode("ascii")
        if not any(boundary in one for one in octets):
            return boundary
        number += 1
