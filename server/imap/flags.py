"""Which flags a client may set (RFC 9051 §2.3.2)."""

from server.imap.errors import Reason, Refusal

_SYSTEM = {flag.lower(): flag for flag in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")}


def settable(flags: tuple[str, ...]) -> list[str]:
    r"""The flags in the server's spelling. \Recent is passed over, other unknown system flags are refused."""
    result = []
    for flag in flags:
        if not flag.startswith("\\"):
            result.append(flag)
            continue
        known = _SYSTEM.get(flag.lower())
        if known is not None:
            result.append(known)
        elif flag.lower() != "\\recent":
            raise Refusal(Reason.FLAG_INVALID)
    return result
