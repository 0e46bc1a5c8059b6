"""A message with UTF-8 in its header, made readable for a program that knows ASCII headers only (RFC 6858), pure.

What was UTF-8 in a Subject, a name or a comment becomes encoded words; a domain becomes A-labels; an address whose local part has no
form in ASCII becomes a name beside an address that leads nowhere; parameters are written as RFC 2231 has it; what identifies or
signs and cannot be said in ASCII goes. Only the header of the message is rewritten, its body stays as it is.

Invariants: a header in ASCII, and one whose octets are no UTF-8 (old programs wrote their national charset there), comes back
unchanged, octet for octet; fields that are ASCII keep their octets; the result of a header in UTF-8 is ASCII; nothing raises.
"""

from server.mail import address_field, header, parameter
from server.mail.address import Address, canonical_domain, parse_addresses

# RFC 6858 §2.1: an address that nobody can have.
NOWHERE = ("invalid", "internationalized-address.invalid")

_ADDRESSES = frozenset(
    {
        "bcc",
        "cc",
        "from",
        "reply-to",
        "resent-bcc",
        "resent-cc",
        "resent-from",
        "resent-sender",
        "resent-to",
        "sender",
        "to",
    }
)
_PARAMETERS = frozenset({"content-type", "content-disposition"})
# RFC 6858 §2.5: a field that cannot be presented is left out. Of these a rewritten value would be a wrong one.
_EXACT = frozenset(
    {
        "message-id", "in-reply-to", "references", "resent-message-id", "return-path", "content-id", "content-transfer-encoding",
        "mime-version", "date", "resent-date", "dkim-signature", "arc-seal", "arc-message-signature", "arc-authentication-results",
    }
)  # fmt: skip


def header_in_ascii(octets: bytes) -> bytes:
    """Return a header block, its closing empty line included, as a program without UTF-8 may have it."""
    if octets.isascii() or not _is_utf8(octets):
        return octets
    block, body = header.split(octets, len(octets), fields=len(octets), field_octets=len(octets))
    return b"".join(_field(field) for field in block) + octets[_end(octets, body) : body]


def _end(octets: bytes, body: int) -> int:
    """Where the empty line begins that closes the header; at its end when there is none."""
    for line in (b"\r\n", b"\n"):
        if octets[:body].endswith(b"\n" + line) or octets[:body] == line:
            return body - len(line)
    return body


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _field(field: header.Field) -> bytes:
    if field.raw.isascii():
        return field.raw
    name = field.name.lower()
    if name in _EXACT:
        return b""
    try:
        if name in _ADDRESSES:
            return address_field.encode(field.name, [_reachable(one) for one in parse_addresses(field.value)])
        if name in _PARAMETERS:
            return _with_parameters(field)
        return header.encode(field.name, " ".join(header.decode_words(field.value).split()))
    except ValueError:
        return b""


def _reachable(address: Address) -> Address:
    if address.local.isascii() and canonical_domain(address.domain).isascii():
        return address
    return Address(address.name or address.addr_spec, *NOWHERE)


def _with_parameters(field: header.Field) -> bytes:
    value, _, _ = field.value.partition(b";")
    tokens = [value.strip().decode("ascii")]
    for name, text in parameter.parse(field.value)[1].items():
        tokens[-1] += ";"
        pieces = [piece.decode("ascii") for piece in parameter.encode(name, text)]
        tokens += [*(piece + ";" for piece in pieces[:-1]), pieces[-1]]
    return header.fold(field.name.encode("ascii") + b":", [token.encode("ascii") for token in tokens])
