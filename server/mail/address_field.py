"""Address fields as they are written: names as atoms, quoted strings or encoded words; domains in A-labels.

    mailbox = [display-name] "<" addr-spec ">" / addr-spec        (RFC 5322 §3.4; RFC 2047 §5(3) for the words of a name)

A local part outside of ASCII is written in UTF-8 (RFC 6532), which only an SMTPUTF8 transport may carry.
"""

import re
from collections.abc import Iterable
from typing import Final

from server.mail import encoded_word, header
from server.mail.address import Address, canonical_domain, quote_local

_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SPEC_REFUSED: Final = re.compile("[\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]")
_QUOTED_LIMIT: Final = 70


def encode(name: str, addresses: Iterable[Address]) -> bytes:
    """The whole field, folded between and inside mailboxes. Raises ValueError for what cannot be written safely."""
    tokens: list[bytes] = []
    for address in addresses:
        if tokens:
            tokens[-1] += b","
        tokens += mailbox(address)
    if not tokens:
        raise ValueError("an address field needs an address")
    return header.fold(name.encode("ascii") + b":", tokens)


def mailbox(address: Address) -> list[bytes]:
    """The words of one mailbox; a line may break between any two."""
    if _REFUSED.search(address.name) or _SPEC_REFUSED.search(address.domain) or _REFUSED.search(address.local):
        raise ValueError("control character in an address")
    domain = address.domain if address.domain.isascii() else canonical_domain(address.domain)
    spec = f"{quote_local(address.local)}@{domain}" if domain else quote_local(address.local)
    if len(spec.encode()) > header.LINE_LIMIT - 100:
        raise ValueError("address too long")
    if not address.name.strip():
        return [spec.encode()]
    return [*phrase(address.name.strip()), f"<{spec}>".encode()]


def phrase(name: str) -> list[bytes]:
    """A display name as the words of a phrase (RFC 5322 §3.2.5)."""
    # An encoded word is never written as plain text, nor a long name as one unbreakable string.
    if name.isascii() and "=?" not in name and len(name) <= _QUOTED_LIMIT:
        if _ATOMS.fullmatch(name):
            return name.encode("ascii").split(b" ")
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return [f'"{escaped}"'.encode("ascii")]
    return encoded_word.encode(name)
