"""The bounds that every reader of hostile mail keeps; beyond them the rest stays raw and unread.

The octets themselves are never cut: a limit only ends what is looked at (RFC 5322 §2.1.1 allows refusing, we do not).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    header_octets: int = 1 << 20  # of one header block that is split into fields
    header_fields: int = 5_000  # of one header block
    field_octets: int = 64 << 10  # of one field's value that is read
    addresses: int = 1_000  # of one address field
    parameters: int = 128  # of one Content-Type or Content-Disposition
    depth: int = 50  # nested multiparts and messages
    parts: int = 1_000  # of one message
    boundary_candidates: int = 100_000  # lines that begin like a delimiter and are none
    references: int = 100  # message ids kept from References and In-Reply-To
    preview: int = 200  # characters
    text: int = 1_000_000  # characters of searchable text


DEFAULT = Limits()
