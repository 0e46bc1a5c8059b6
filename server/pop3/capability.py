"""What CAPA lists (RFC 2449 §5), pure.

Invariants: only what holds is listed. A capability whose definition says "no differences" is listed before and after the sign-in
alike, and only how much a client may leave on the server (EXPIRE) becomes more exact; STLS goes when TLS is on, and what takes a
name or a secret is not listed where it would be refused.
"""

from collections.abc import Iterator

# LOGIN-DELAY (RFC 2449 §6.5) is not there: nobody has to wait between two sign-ins.
_ALWAYS = ("TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING")
IMPLEMENTATION = "Posthouse"


def lines(*, mechanisms: tuple[str, ...], may_start_tls: bool, signed_in: bool, days: int | None) -> Iterator[bytes]:
    """Give the lines of the list.

    Args:
        mechanisms: Those of SASL that are offered; none where a sign-in would be refused.
        may_start_tls: STLS can be used, or could have been before the sign-in.
        signed_in: Whose maildrop it is is known.
        days: The fewest for which a message stays after it was retrieved; None: for ever. Of this account, or before the sign-in of
            any.
    """
    found = list(_ALWAYS)
    if mechanisms:
        # RFC 2449 §6.2, §6.3: announced in both states.
        found += ["USER", "SASL " + " ".join(mechanisms)]
    if may_start_tls:
        found.append("STLS")
    # RFC 6856 §2.2: USER says that names and passwords may be UTF-8.
    found += [
        "UTF8 USER",
        "LANG",
        f"EXPIRE {_retention(days, signed_in=signed_in)}",
        f"IMPLEMENTATION {IMPLEMENTATION}",
    ]
    return (line.encode("ascii") for line in found)


def _retention(days: int | None, *, signed_in: bool) -> str:
    """RFC 2449 §6.7: before the sign-in the smallest value of anybody, and USER, since it differs from one to another."""
    value = "NEVER" if days is None else str(days)
    return value if signed_in or days is None else f"{value} USER"
