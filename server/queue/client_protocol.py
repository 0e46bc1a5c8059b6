"""The client's side of SMTP, pure: command words from checked values, meaning of replies (RFC 5321, 3463, 6152, 1870, 3461).

Invariants: MAIL and RCPT are built from a strictly parsed address only, so no address can carry a second command or an extra
parameter (security.md T088); a code that is no SMTP code counts as a temporary failure.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from server.mail.address import canonical_domain, parse_addr_spec, quote_local
from server.queue.model import NULL_PATH, Kind, Message, Recipient

_ENHANCED = re.compile(r"^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")
_XCHAR = re.compile(r"[^!-*,-<>-~]")
_BREAKING = re.compile(r'[\s<>(),;\\"]')


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the peer, taken apart."""

    kind: Kind
    code: int
    enhanced: str
    text: str


class Unsendable(Exception):
    """The peer cannot take the message or recipient, and trying again will not help."""

    def __init__(self, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.enhanced, self.text = enhanced, text


def reply(code: int, text: str) -> Reply:
    """Understand a reply; the enhanced code of the text counts only when its class agrees (RFC 3463 §2)."""
    kind = kind_of(code)
    digit = {Kind.DELIVERED: "2", Kind.FAILED: "5"}.get(kind, "4")
    found = _ENHANCED.match(text)
    if found and found.group(1) == digit:
        return Reply(kind, code, found.group(0), text[found.end() :].strip())
    return Reply(kind, code, f"{digit}.0.0", text)


def kind_of(code: int) -> Kind:
    """RFC 5321 §4.2.1: the first digit decides; what is not 2yz or 5yz is worth another try."""
    if 200 <= code <= 299:
        return Kind.DELIVERED
    return Kind.FAILED if 500 <= code <= 599 else Kind.DEFERRED


def wire_path(address: str, *, utf8: bool) -> str:
    """Return an address as it stands between < and >: local part as kept, domain as A-labels unless UTF-8 is needed.

    Raises:
        Unsendable: It needs SMTPUTF8 and the peer does not offer it (RFC 6531 §3.2), or it is no address after all.
    """
    if address == NULL_PATH:
        return ""
    parsed = parse_addr_spec(address)
    if parsed is None:
        raise Unsendable("5.1.3", "the address is malformed")
    local = quote_local(parsed.local)
    if not local.isascii() and not utf8:
        raise Unsendable("5.6.7", "the receiving server takes no non-ASCII addresses")
    path = f"{local}@{canonical_domain(parsed.domain)}"
    # The parser lets nothing of this through; a second look costs nothing and does not depend on it.
    if not path.isprintable() or (not local.startswith('"') and _BREAKING.search(path)):
        raise Unsendable("5.1.3", "the address is malformed")
    return path


def mail_words(message: Message, extensions: Collection[str], *, needs_utf8: bool) -> list[str]:
    """Return MAIL and its arguments for a peer with these extensions (lower-case names)."""
    utf8 = "smtputf8" in extensions
    words = ["MAIL", f"FROM:<{wire_path(message.reverse_path, utf8=utf8)}>"]
    if "size" in extensions:
        words.append(f"SIZE={message.size}")  # RFC 1870 §6
    if message.eight_bit:
        if "8bitmime" not in extensions:
            # RFC 6152 §3: without the extension eight-bit content must not be sent.
            raise Unsendable("5.6.3", "the receiving server takes no 8-bit content")
        words.append("BODY=8BITMIME")
    if needs_utf8 and utf8:
        words.append("SMTPUTF8")
    if "dsn" in extensions:
        if message.ret is not None:
            words.append(f"RET={message.ret}")
        if message.envelope_id is not None:
            words.append(f"ENVID={xtext(message.envelope_id)[:100]}")
    return words


def rcpt_words(recipient: Recipient, extensions: Collection[str]) -> list[str]:
    """Return RCPT and its arguments."""
    words = ["RCPT", f"TO:<{wire_path(recipient.address, utf8='smtputf8' in extensions)}>"]
    if "dsn" in extensions:
        if recipient.notify is not None:
            words.append("NOTIFY=" + ",".join(sorted(recipient.notify)))
        if recipient.original is not None:
            words.append(f"ORCPT={_original(recipient.original)}")
    return words


def _original(original: str) -> str:
    # RFC 3461 §4.2: addr-type ";" xtext; it was xtext when it came, so only what is not allowed at all is escaped.
    kind, _, rest = original.partition(";")
    return f"{_XCHAR.sub('', kind) or 'rfc822'};{re.sub(r'[^!-<>-~]', '', rest)[:500]}"


def xtext(value: str) -> str:
    """RFC 3461 §4: everything outside of "!" to "~", and "+" and "=", as +HH."""
    return _XCHAR.sub(lambda found: "".join(f"+{octet:02X}" for octet in found.group(0).encode("utf-8")), value)


def needs_utf8(message: Message, recipients: Collection[Recipient]) -> bool:
    """RFC 6531 §3.4: an address of the envelope is not ASCII."""
    return not (message.reverse_path.isascii() and all(r.address.isascii() for r in recipients))


def size_limit(extensions: dict[str, str]) -> int | None:
    """Return the peer's SIZE limit, or None when it gives none (RFC 1870 §4: 0 is none)."""
    value = extensions.get("size", "").strip()
    return int(value) if value.isdigit() and len(value) < 16 and int(value) > 0 else None
