"""What a session asks to be done (values without behaviour), and the maildrop it numbers messages of."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from server.accounts import sasl, scram


@dataclass(frozen=True, slots=True)
class Maildrop:
    """What the chosen mailbox held at sign-in; message n of the session is index n - 1 of each array."""

    mailbox_id: int
    uidvalidity: int
    uids: "array[int]"
    sizes: "array[int]"
    days: int | None = None
    """For how long a message stays after it was retrieved; None: for ever."""


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for the client; `close`: hang up after them."""

    data: bytes
    close: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A long list, to be sent before anything else happens: each piece is made when it is asked for."""

    pieces: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin an exchange by this mechanism, then `begun` or `declined`."""

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check this claim and open the maildrop, once the client agrees to what `exchange` says last."""

    claim: sasl.Claim | scram.Answer
    exchange: sasl.Exchange | None = None


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Send this message: all of it, or its headers and `top` lines."""

    uid: int
    size: int
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Delete these for good, then answer."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StartTls:
    """Say so, then begin the handshake; what the client sent ahead is dropped."""

    data: bytes


Action = Send | Listing | Begin | SignIn | Retrieve | Commit | StartTls
