"""Content-Transfer-Encoding (RFC 2045 §6): reading of base64, quoted-printable and uuencode; damage never raises."""

import binascii
from typing import Final

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OTHERS: Final = bytes(octet for octet in range(256) if octet not in _ALPHABET)
IDENTITY: Final = frozenset({"", "7bit", "8bit", "binary"})


def decode(data: bytes, encoding: str) -> bytes:
    """The octets behind a transfer encoding; an unknown one leaves them as they are (RFC 2045 §6.4)."""
    if encoding == "base64":
        return base64(data)
    if encoding == "quoted-printable":
        return _quoted_printable(data)
    if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        return _uuencode(data)
    return data


def _quoted_printable(data: bytes) -> bytes:
    """RFC 2045 §6.7: white space at the end of a line was put there on the way (rule 3), behind a soft line break, too."""
    if b" \n" in data or b"\t\n" in data or b" \r\n" in data or b"\t\r\n" in data or data.endswith((b" ", b"\t")):
        data = b"\n".join(map(_without_padding, data.split(b"\n")))
    return binascii.a2b_qp(data)


def _without_padding(line: bytes) -> bytes:
    text = line.removesuffix(b"\r")
    return text.rstrip(b" \t") + line[len(text) :]


def base64(data: bytes) -> bytes:
    """RFC 2045 §6.8: characters outside the alphabet are ignored; a cut last group gives what it holds."""
    try:
        return binascii.a2b_base64(data)
    except binascii.Error:
        clean = data.partition(b"=")[0].translate(None, _OTHERS)
        if len(clean) % 4 == 1:
            clean = clean[:-1]
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _uuencode(data: bytes) -> bytes:
    out: list[bytes] = []
    for line in data.splitlines():
        if line.startswith((b"begin ", b"end")):
            continue
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Encoders that pad the last group too short or too long: read by the length that the line names.
            length = (line[0] - 32 & 63) if line else 0
            try:
                out.append(binascii.a2b_uu(line[: (length * 4 + 5) // 3]))
            except binascii.Error:
                continue
    return b"".join(out)
