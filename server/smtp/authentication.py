"""AUTH: the exchange of challenges, and whether the secret is right.

RFC 4954 (AUTH); the mechanisms are `server.accounts.sasl`. No word tells whether the name or the secret was wrong.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, Protocol

from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.sasl import Challenge, Claim, Exchange, Fault, SaslRefused
from server.accounts.signed_in import Proof, SignedIn
from server.notify.bus import Subscription
from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import Reply

REFUSALS: Mapping[Fault, Reply] = {
    Fault.MECHANISM: r.AUTH_MECHANISM,
    Fault.CANCELLED: r.AUTH_CANCELLED,
    # RFC 4954 §4.1.
    Fault.TOO_LONG: r.LINE_TOO_LONG,
}

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge (base64, as it stands on the wire) and returns the client's line without its end."""


class Passwords(Protocol):
    """What is needed of `server.accounts.credential.Authenticator`."""

    async def password(self, username: str, password: str, *, service: Literal["smtp"], peer: str) -> SignedIn: ...

    async def token(self, username: str | None, secret: str, *, service: Literal["smtp"], peer: str) -> SignedIn: ...

    def watch(self, proof: Proof, end: Callable[[], None]) -> Subscription: ...


async def sign_in(mechanism: str, initial: bytes | None, ask: Ask, passwords: Passwords, peer: str) -> SignedIn | Reply:
    """Run one exchange to its end; a Reply is the refusal."""
    try:
        exchange = Exchange(mechanism)
        step = exchange.start(initial)
        while isinstance(step, Challenge):
            step = exchange.answer(await ask(step.line))
    except SaslRefused as refused:
        return REFUSALS.get(refused.fault, r.AUTH_ENCODING)
    try:
        return await _check(step, passwords, peer)
    except Throttled:
        return r.AUTH_THROTTLED
    except AuthenticationFailed:
        reason = exchange.failure()
        if reason is not None:
            # RFC 7628 §3.2.3: the reason as a challenge, whatever the client answers to it, then the refusal.
            await ask(reason.line)
        return r.AUTH_FAILED


async def _check(claim: Claim, passwords: Passwords, peer: str) -> SignedIn:
    if claim.bearer:
        return await passwords.token(claim.username or None, claim.secret, service="smtp", peer=peer)
    return await passwords.password(claim.username, claim.secret, service="smtp", peer=peer)
