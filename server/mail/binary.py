"""Messages with NUL in them made fit to be read by IMAP's literals, which cannot hold one (RFC 3516 §4.4, RFC 9051 §9: CHAR8).

A client that appends with literal8 may send parts in the "binary" transfer encoding. They are kept as base64: what BINARY gives back is
octet for octet what was sent, and every client that knows nothing of BINARY can read them, too. A NUL outside of such parts stays.
"""

import binascii
import re
from typing import Final

from server.mail.mime import parse
from server.mail.part import Part
from server.mail.transfer import IDENTITY

_ENCODING: Final = re.compile(
    rb"^content-transfer-encoding[ \t]*:[^\n]*+\n?+(?:[ \t][^\n]*+\n?+)*+", re.IGNORECASE | re.MULTILINE
)
_BASE64: Final = b"Content-Transfer-Encoding: base64\r\n"
_OCTETS_A_LINE: Final = 57
"""76 characters of base64 (RFC 2045 §6.8)."""


def without_nul(raw: bytes) -> bytes:
    """Return the message with each binary part that holds a NUL in base64."""
    if b"\0" not in raw:
        return raw
    pieces: list[bytes] = []
    done = 0
    for part in parse(raw).walk():
        if _is_leaf(part) and part.encoding in IDENTITY and b"\0" in raw[part.body_start : part.body_end]:
            pieces += [raw[done : part.header_start], _header(raw[part.header_start : part.body_start])]
            pieces.append(_lines(raw[part.body_start : part.body_end]))
            done = part.body_end
    return b"".join(pieces) + raw[done:]


def _is_leaf(part: Part) -> bool:
    return not part.children and part.embedded is None


def _header(octets: bytes) -> bytes:
    return _BASE64 + _ENCODING.sub(b"", octets)


def _lines(octets: bytes) -> bytes:
    lines = (octets[at : at + _OCTETS_A_LINE] for at in range(0, len(octets), _OCTETS_A_LINE))
    return b"\r\n".join(binascii.b2a_base64(line, newline=False) for line in lines)
