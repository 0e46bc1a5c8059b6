"""Which flags a client may set (RFC 9051 §2.3.2), and how it is told (RFC 4314 §5.1.1)."""

from collections.abc import Iterable

from server.imap.errors import Reason, Refusal
from server.imap.selected import Selected
from server.imap.syntax.response import flags as format_flags
from server.imap.syntax.response import parenthesised, status, untagged
from server.store import rights

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


def flag_lines(view: Selected, keywords: Iterable[str]) -> list[bytes]:
    """FLAGS, and PERMANENTFLAGS by the rights there are."""
    known = [*_SYSTEM.values(), *keywords]
    may = [] if view.read_only else sorted(rights.allowed(known, view.rights))
    if may and rights.WRITE in view.rights:
        may.append("\\*")
    permanent = parenthesised(name.encode("ascii", "replace") for name in may)
    return [
        untagged(b"FLAGS", format_flags(known)),
        status(b"*", b"OK", "Flags that stay", b"PERMANENTFLAGS " + permanent),
    ]
