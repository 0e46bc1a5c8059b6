"""AUTH: the exchange of challenges, and whether the secret is right.

RFC 4954 (AUTH); the mechanisms are `server.accounts.sasl`. No word tells whether the name or the secret was wrong.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.sasl import Challenge, Claim, Exchange
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.accounts.scram import Answer
from server.accounts.signed_in import Proof, SignedIn
from server.db.errors import DatabaseError
from server.log import get_logger
from server.notify.bus import Subscription
from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import Reply

log = get_logger("smtp")

REFUSALS: Mapping[Fault, Reply] = {
    Fault.MECHANISM: r.AUTH_MECHANISM,
    # RFC 4954 §6: 454 for a temporary failure.
    Fault.UNAVAILABLE: r.AUTH_UNAVAILABLE,
    Fault.BINDING: r.AUTH_BINDING,
    Fault.EXTENSION: r.AUTH_BINDING,
    Fault.CANCELLED: r.AUTH_CANCELLED,
    Fault.ACTING: r.AUTH_ACTING,
    # RFC 4954 §4.1.
    Fault.TOO_LONG: r.LINE_TOO_LONG,
}

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge (base64, as it stands on the wire) and returns the client's line without its end."""


class Passwords(Protocol):
    """What is needed of `server.accounts.credential.Authenticator`."""

    async def exchange(self, mechanism: str) -> Exchange: ...

    async def claim(self, claim: Claim | Answer, *, service: Literal["smtp"], peer: str) -> SignedIn: ...

    def watch(self, proof: Proof, end: Callable[[], None]) -> Subscription: ...


async def sign_in(mechanism: str, initial: bytes | None, ask: Ask, passwords: Passwords, peer: str) -> SignedIn | Reply:
    """Run one exchange to its end; a Reply is the refusal."""
    try:
        exchange = await passwords.exchange(mechanism)
        step = exchange.start(initial)
        while isinstance(step, Challenge):
            step = exchange.answer(await ask(step.line))
    except SaslRefused as refused:
        return REFUSALS.get(refused.fault, r.AUTH_ENCODING)
    try:
        who = await passwords.claim(step, service="smtp", peer=peer)
    except Throttled:
        return r.AUTH_THROTTLED
    except DatabaseError:
        # RFC 4954 §6: not 535, upon which a client asks its owner for another password.
        log.exception("sign_in_not_checked", peer=peer)
        return r.AUTH_UNCHECKED
    except AuthenticationFailed:
        reason = exchange.failure()
        if reason is not None:
            # RFC 7628 §3.2.3: the reason as a challenge, whatever the client answers to it, then the refusal.
            await ask(reason.line)
        return r.AUTH_FAILED
    proof = exchange.success(who.signature)
    if proof is not None:
        # RFC 4954 §4 has no word for the server's proof beside the 235, so it goes before as a challenge.
        try:
            exchange.agreed(await ask(proof.line))
        except SaslRefused as refused:
            return REFUSALS.get(refused.fault, r.AUTH_ENCODING)
    return who
