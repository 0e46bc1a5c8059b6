"""Mail addresses: a lenient reader for headers, a strict one for envelopes and composing, one spelling for look-ups.

    addr-spec = local-part "@" domain      local-part = dot-atom / quoted-string    domain = dot-atom / "[" literal "]"

RFC 5321 §4.1.2 and §4.5.3.1 (lengths), RFC 5322 §3.4.1, RFC 6531 (UTF-8 in either half), RFC 5890 (A-labels).
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from server.mail import address_list, charset, encoded_word
from server.mail.address_list import Entry, Kind
from server.mail.limits import DEFAULT

_ATOM: Final = r"[^.\x00-\x20\x7f-\xa0\"(),:;<>@\[\\\]\ud800-\udfff]+"  # RFC 5322 §3.2.3, RFC 6531 §3.3
_DOT_ATOM: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED: Final = re.compile(r'"((?:[^\x00-\x1f\x7f-\x9f"\\\ud800-\udfff]|\\[\x20-\x7e])*)"')
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_\u00a1-\ud7ff\ue000-\U0010ffff-]{1,63}(?<!-)")
_LITERAL: Final = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LOCAL_OCTETS: Final = 64  # RFC 5321 §4.5.3.1.1
_DOMAIN_OCTETS: Final = 255  # RFC 5321 §4.5.3.1.2
_PATH_OCTETS: Final = 254  # RFC 5321 §4.5.3.1.3 less the angle brackets


@dataclass(frozen=True, slots=True)
class Address:
    name: str  # decoded, one line, without bidirectional overrides; "" when there is none
    local: str  # unquoted
    domain: str  # as written; "" when there is none

    @property
    def addr_spec(self) -> str:
        if not self.domain:
            return self.local
        return f"{quote_local(self.local)}@{self.domain}"

    @property
    def display(self) -> str:
        return self.name or self.addr_spec

    @property
    def misleading(self) -> bool:
        """Whether the name shows an address other than the real one (Mailsploit, CVE-2023-27043)."""
        return "@" in self.name and self.addr_spec.lower() not in self.name.lower()


def quote_local(local: str) -> str:
    """A local part as it stands in an addr-spec: a dot-atom where it can be one, else a quoted-string."""
    if _DOT_ATOM.fullmatch(local):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_addresses(value: bytes | str, *, limit: int = DEFAULT.addresses) -> list[Address]:
    """The mailboxes of an address field, groups opened; lenient, never raises."""
    octets = value.encode("utf-8", "replace") if isinstance(value, str) else value
    return mailboxes(address_list.read(octets, limit))


def mailboxes(entries: Iterable[Entry]) -> list[Address]:
    """The mailboxes among entries, their names decoded."""
    return [
        Address(without_bidi(encoded_word.decode(entry.name)).strip(), _text(entry.local), _text(entry.domain))
        for entry in entries
        if entry.kind is Kind.MAILBOX
    ]


def first(entries: Sequence[Entry]) -> Address | None:
    """The first entry as an envelope has it (RFC 9051 §7.5.2): a group stands there by its name."""
    if entries and entries[0].kind is Kind.GROUP_START:
        name = without_bidi(encoded_word.decode(entries[0].name)).strip()
        return Address(name, name, "")
    found = mailboxes(entries[:1])
    return found[0] if found else None


def without_bidi(text: str) -> str:
    """Text that cannot turn the direction of what is shown around it."""
    return text if text.isascii() else _BIDI.sub("", text)


def _text(octets: bytes) -> str:
    if octets.isascii():
        return encoded_word.plain(octets.decode("ascii"))
    return without_bidi(encoded_word.plain(charset.decode(octets, None)))


def parse_addr_spec(text: str) -> Address | None:
    """A bare addr-spec of RFC 5321 §4.1.2, or None; no comments, no names, no white space, no guesses."""
    if len(text) > _PATH_OCTETS:
        return None
    if text.startswith('"'):
        match = _QUOTED.match(text)
        if match is None or text[match.end() : match.end() + 1] != "@":
            return None
        local, domain = _QUOTED_PAIR.sub(r"\1", match[1]), text[match.end() + 1 :]
    else:
        local, at, domain = text.partition("@")
        if not at or not _DOT_ATOM.fullmatch(local):
            return None
    if not is_domain(domain):
        return None
    if len(local.encode()) > _LOCAL_OCTETS or len(text.encode()) > _PATH_OCTETS:
        return None
    return Address("", local, domain)


def is_domain(domain: str) -> bool:
    """Whether this can stand to the right of the @: labels, or an address literal (RFC 5321 §4.1.3)."""
    if domain.startswith("["):
        match = _LITERAL.fullmatch(domain)
        if match is None:
            return False
        try:
            version = ipaddress.ip_address(match[1]).version
        except ValueError:
            return False
        return (version == 6) == domain.lower().startswith("[ipv6:")
    if len(domain) > _DOMAIN_OCTETS or not all(map(_LABEL.fullmatch, domain.split("."))):
        return False
    return domain.isascii() or _a_labels(domain) is not None


def canonical(addr: str) -> str:
    """The spelling under which an address is looked up: lower case, the domain in A-labels (RFC 5890 §2.3.2.1)."""
    local, at, domain = addr.strip().rpartition("@")
    if not at:
        return canonical_domain(domain) if domain.isascii() else domain.casefold()
    return f"{local.lower()}@{canonical_domain(domain)}"


def canonical_domain(domain: str) -> str:
    """A domain in lower case and A-labels; one that has none stays as it is, in lower case."""
    lowered = domain.lower().removesuffix(".")
    if lowered.isascii():
        return lowered
    return _a_labels(lowered) or lowered


def _a_labels(domain: str) -> str | None:
    if len(domain) > _DOMAIN_OCTETS:
        return None
    try:
        return domain.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return None
