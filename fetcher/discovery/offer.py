"""What a search for settings comes back with: servers, where they were found, and what the provider wants. Pure.

Invariants: every offer is TLS, on a port that its protocol uses, at a name of the Internet's; nothing here carries a password.
What strangers wrote (a label, a user name) is short and printable.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fetcher import guard, providers
from fetcher.preset import ADDRESS, DOMAIN, LOCAL_PART, OAUTH_ONLY, TLS_PORTS, Preset

LABEL_LIMIT = 60
USERNAME_LIMIT = 320
NAME_LIMIT = 253

_NOWHERE = frozenset({"example", "test", "invalid", "localhost", "local", "internal", "onion", "alt", "arpa"})
_EXAMPLES = frozenset({"example.com", "example.net", "example.org"})


class Origin(StrEnum):
    """Who says so."""

    ADDRESS = "address"
    """Our own table, by the domain of the address."""
    PROVIDER = "provider"
    """The domain's own settings, by HTTPS."""
    DIRECTORY = "directory"
    """A public directory of providers."""
    DNS = "dns"
    """The domain's SRV records."""
    EXCHANGER = "exchanger"
    """Our own table, by who takes the domain's mail."""
    HOST = "host"
    """The directory's entry for who takes the domain's mail."""
    UNPROTECTED = "unprotected"
    """The domain's own settings, by HTTP without TLS: whoever was on the way may have written them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One server. `username` is a pattern with Thunderbird's placeholders."""

    protocol: str
    host: str
    port: int
    tls: str
    username: str = ADDRESS
    password_works: bool = True

    def username_for(self, address: str) -> str:
        return filled(self.username, address)


_FORGEABLE = frozenset({Origin.DNS, Origin.HOST, Origin.UNPROTECTED})


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a domain; the first offer is the proposed one. `preset` is what we know of the provider besides."""

    origin: Origin
    domain: str
    label: str
    offers: tuple[Offer, ...]
    preset: Preset | None = None

    @property
    def must_be_compared(self) -> bool:
        """Whoever stood on the way may have written it, and the domain's certificate will not tell (RFC 6186 §6)."""
        own = all(o.host == self.domain or o.host.endswith("." + self.domain) for o in self.offers)
        return self.origin in _FORGEABLE and self.preset is None and not own

    def offer(self, protocol: str) -> Offer | None:
        return next((o for o in self.offers if o.protocol == protocol), None)

    @property
    def works(self) -> bool:
        """False where no password can work."""
        return self.preset.works if self.preset else any(o.password_works for o in self.offers)

    @property
    def secret(self) -> str:
        """What the provider wants to be typed, or nothing where that is not known."""
        return self.preset.secret if self.preset else "" if self.works else OAUTH_ONLY

    @property
    def help_url(self) -> str:
        return self.preset.help_url if self.preset else ""


def filled(pattern: str, address: str) -> str:
    """Put the parts of an address into a pattern; one that asks for more than an address tells is the address."""
    local, _, domain = address.rpartition("@")
    text = pattern.replace(ADDRESS, address).replace(LOCAL_PART, local).replace(DOMAIN, domain)
    return (
        text
        if text and "%" not in pattern.replace(ADDRESS, "").replace(LOCAL_PART, "").replace(DOMAIN, "")
        else address
    )


def of_preset(known: Preset, origin: Origin, domain: str) -> Found:
    """Turn a row of our table into what a search gives."""
    order = sorted(("pop3", "imap"), key=lambda protocol: protocol != known.protocol)
    offers = tuple(Offer(p, known.host(p), TLS_PORTS[p], "implicit", known.username) for p in order if known.host(p))
    return Found(origin, domain, known.label, offers, known)


def found(origin: Origin, domain: str, label: str, offers: Sequence[Offer]) -> Found | None:
    """Keep the best offer of each protocol, in the order they come; None if there is none."""
    best: dict[str, Offer] = {}
    for offer in offers:
        held = best.get(offer.protocol)
        if held is None or (not held.password_works and offer.password_works):
            best[offer.protocol] = offer
    if not best:
        return None
    chosen = tuple(sorted(best.values(), key=lambda o: not o.password_works))
    return Found(origin, domain, printable(label, LABEL_LIMIT) or domain, chosen, providers.by_host(chosen[0].host))


def acceptable(offer: Offer) -> bool:
    """Tell whether an offer of a stranger may be proposed at all (security.md T051, T053)."""
    return (
        offer.protocol in guard.PUBLIC_PORTS
        and offer.tls in ("implicit", "starttls")
        and guard.port_allowed(offer.port, public=True, protocol=offer.protocol)
        and name_of(offer.host) == offer.host
        and len(offer.username) <= USERNAME_LIMIT
        and offer.username.isprintable()
    )


def printable(text: str, limit: int) -> str:
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:limit].strip()


def name_of(text: str) -> str | None:
    """Return a name of the Internet in its ASCII form, lower-case; None for addresses, single words and reserved names.

    RFC 6761 §6, RFC 6762 §3, RFC 2606 §3: names that lead nowhere are not asked for.
    """
    text = text.strip().rstrip(".").lower()
    try:
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = name.split(".")
    if len(name) > NAME_LIMIT or len(labels) < 2 or labels[-1] in _NOWHERE or name in _EXAMPLES or _is_address(name):
        return None
    return name if all(_is_label(label) for label in labels) and not labels[-1].isdigit() else None


def _is_label(label: str) -> bool:
    # RFC 1123 §2.1: letters, digits and hyphens, no hyphen at the ends.
    bare = label.replace("-", "")
    return 0 < len(label) <= 63 and bare.isascii() and bare.isalnum() and label[0] != "-" != label[-1]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def domain_of(address: str) -> str | None:
    """Return the domain of an address if settings can be looked for there."""
    local, at, domain = address.strip().rpartition("@")
    return name_of(domain) if local and at else None
