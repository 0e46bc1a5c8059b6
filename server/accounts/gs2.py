"""The header that the newer SASL mechanisms begin with, pure (RFC 5801 §4): channel binding, and for whom to act.

Invariant: nothing is raised but `SaslRefused`; a header that asks for channel binding never passes, as none is offered.
"""

import re
from dataclasses import dataclass

from server.accounts.sasl_refusal import Fault, SaslRefused

# gs2-header = ("p=" cb-name / "n" / "y") "," ["a=" saslname] ",". `y` says that the client could bind and believes that the
# server cannot; here that is so (RFC 5802 §6: it is refused only where a -PLUS mechanism was offered).
_HEADER = re.compile(r"(?:p=[A-Za-z0-9.-]+|[ny]),(?:a=([^,\0]+))?,")
_SASLNAME = re.compile(r"=(2C|3D)?")


@dataclass(frozen=True, slots=True)
class Header:
    """What stood before the mechanism's own message."""

    octets: str
    """The header as it came, which the SCRAM client repeats at the end."""
    acting_as: str


def header(message: str) -> tuple[Header, str]:
    """Split a message into its header and the rest.

    Raises:
        SaslRefused: It begins with none, or asks for channel binding.
    """
    found = _HEADER.match(message)
    if found is None:
        raise SaslRefused(Fault.FORM)
    if message.startswith("p"):
        raise SaslRefused(Fault.BINDING)
    return Header(found[0], name(found[1] or "")), message[found.end() :]


def name(saslname: str) -> str:
    """Read a name: a comma is written =2C, an equals sign =3D, and an equals sign stands for nothing else.

    Raises:
        SaslRefused: It does.
    """
    return _SASLNAME.sub(_unescaped, saslname)


def _unescaped(found: re.Match[str]) -> str:
    if found[1] is None:
        raise SaslRefused(Fault.FORM)
    return "," if found[1] == "2C" else "="
