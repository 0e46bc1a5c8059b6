"""Whose mail it is: carries out what a session asks for until somebody is signed in (RFC 5034).

No word tells whether the name or the secret was wrong.
"""

from collections.abc import Awaitable, Callable

from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.sasl_refusal import SaslRefused
from server.accounts.signed_in import SignedIn
from server.db.errors import DatabaseError
from server.log import get_logger
from server.pop3 import syntax
from server.pop3.action import Action, Begin, Send, SignIn
from server.pop3.services import SignInCheck
from server.pop3.session import Session

log = get_logger("pop3.authentication")

Ask = Callable[[bytes], Awaitable[bytes]]
"""Sends a challenge as it stands on the wire and returns the client's line without its end."""


async def begin(wanted: Begin, session: Session, check: SignInCheck) -> Action:
    """Begin an exchange by a mechanism."""
    try:
        exchange = await check.exchange(wanted.mechanism)
    except SaslRefused as error:
        return session.declined(error)
    return session.begun(exchange, wanted.initial)


async def sign_in(wanted: SignIn, session: Session, check: SignInCheck, ask: Ask, peer: str) -> SignedIn | Send:
    """Find out who it is; what is sent otherwise is the refusal."""
    try:
        who = await check.claim(wanted.claim, service="pop3", peer=peer)
    except AuthenticationFailed:
        # RFC 3206 §4: [AUTH] says that the credentials are the problem.
        return session.refused("sign-in failed", "AUTH")
    except Throttled as error:
        return session.refused("too many tries, wait {seconds} s", "SYS/TEMP", counts=False, seconds=error.seconds)
    except DatabaseError:
        log.exception("sign_in_not_checked", peer=peer)
        return session.refused("sign-in cannot be checked now, try later", "SYS/TEMP", counts=False)
    exchange = wanted.exchange
    proof = exchange.success(who.signature) if exchange is not None else None
    if exchange is not None and proof is not None:
        # RFC 5034 §4: +OK carries nothing of the mechanism, so the server's proof goes before it as a challenge.
        try:
            exchange.agreed(await ask(syntax.challenge(proof.line)))
        except SaslRefused as error:
            return session.declined(error)
    return who
