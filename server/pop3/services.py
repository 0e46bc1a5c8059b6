"""What the connections of a POP3 listener share, as protocols of what they use of it."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from server.accounts.pop3_choice import Choice
from server.accounts.sasl import Claim, Exchange
from server.accounts.scram import Answer
from server.accounts.signed_in import Proof, SignedIn
from server.clock import Clock
from server.config import Settings
from server.db.transaction import Reader, Writer
from server.net.limits import ConnectionLimits
from server.notify.bus import Subscription

T = TypeVar("T")


class MessageStore(Protocol):
    """The part of `server.store.store.Store` that POP3 uses."""

    async def read(self, account: int, fn: Callable[[Reader], T]) -> T: ...

    async def write(self, account: int, fn: Callable[[Writer], T]) -> T: ...

    async def run(self, fn: Callable[[], T]) -> T: ...


class SignInCheck(Protocol):
    """The part of `server.accounts.credential.Authenticator` that POP3 uses."""

    async def exchange(self, mechanism: str) -> Exchange: ...

    async def claim(self, claim: Claim | Answer, *, service: Any, peer: str) -> SignedIn: ...

    def watch(self, proof: Proof, end: Callable[[], None]) -> Subscription: ...


class ChoiceLookup(Protocol):
    """The part of `server.accounts.pop3_choice.Choices` that POP3 uses."""

    async def of(self, account_id: int) -> Choice: ...

    async def shortest(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What every connection of a listener shares."""

    settings: Settings
    store: MessageStore
    authenticator: SignInCheck
    choices: ChoiceLookup
    clock: Clock
    tls: ssl.SSLContext | None
    limits: ConnectionLimits
