"""What a POP3 server says that it can do (RFC 2449), and which way to sign in follows from it. Pure."""

import re
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The answer to CAPA; the defaults are what an old server without CAPA can be trusted with (RFC 1939)."""

    known: bool = False
    user: bool = True
    uidl: bool = True
    top: bool = True
    stls: bool = False
    pipelining: bool = False
    sasl: frozenset[str] = frozenset()
    login_delay: int = 0
    expire: str | None = None
    implementation: str | None = None


LEGACY = Capabilities()


def parse(payload: bytes) -> Capabilities:
    """RFC 2449 §6: one capability a line, its parameters after spaces; names are not case-sensitive."""
    found: dict[str, list[str]] = {}
    for line in payload.decode("utf-8", "replace").splitlines()[:200]:
        words = line.split()
        if words:
            found[words[0].upper()] = words[1:]
    delay = next(iter(found.get("LOGIN-DELAY", ())), "")
    return Capabilities(
        known=True,
        user="USER" in found,
        # RFC 2449 §6.8: UIDL may be missing from the list; asking costs one reply and settles it.
        uidl=True,
        top="TOP" in found,
        stls="STLS" in found,
        pipelining="PIPELINING" in found,
        sasl=frozenset(m.upper() for m in found.get("SASL", ())),
        # RFC 2449 §6.5: the number may be followed by USER when it differs from person to person.
        login_delay=min(int(delay), 86_400) if delay.isascii() and delay.isdigit() else 0,
        expire=next(iter(found.get("EXPIRE", ())), None),
        implementation=" ".join(found["IMPLEMENTATION"])[:100] if "IMPLEMENTATION" in found else None,
    )


class Way(Enum):
    """How to sign in."""

    USER_PASS = "USER"  # noqa: S105 - the name of a command
    PLAIN = "PLAIN"
    APOP = "APOP"


def ways(capabilities: Capabilities, *, encrypted: bool, timestamp: str | None, ascii_only: bool) -> tuple[Way, ...]:
    """Return the ways to try, best first.

    A second way is only for a server that does not know the first: a wrong password must not be counted twice by the
    provider, which locks accounts (the caller goes on only when the reply does not look like a refusal).
    """
    plain = "PLAIN" in capabilities.sasl
    ordered = []
    if timestamp and not encrypted:
        ordered.append(Way.APOP)
    if plain and not (ascii_only and capabilities.user):
        ordered.append(Way.PLAIN)
    if capabilities.user or not capabilities.known:
        ordered.append(Way.USER_PASS)
    if plain and Way.PLAIN not in ordered:
        ordered.append(Way.PLAIN)
    return tuple(ordered)


_NOT_UNDERSTOOD = re.compile(
    r"unknown (command|auth|mech)|unrecogni[sz]ed|not (supported|implemented|understood|recogni[sz]ed|available)"
    r"|unimplemented|unsupported|(invalid|bad|illegal) (command|mech|auth mech)|syntax error|disabled mechanism",
    re.IGNORECASE,
)


def not_understood(text: str) -> bool:
    """Tell whether a refusal is about the way of signing in and not about the name or the password."""
    return _NOT_UNDERSTOOD.search(text[:500]) is not None
