"""AUTH: the exchange of challenges, and whether the secret is right.

RFC 4954 (AUTH), RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER). No word tells whether the name or the secret was wrong.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

from server.accounts.account import Account
from server.accounts.errors import AuthenticationFailed, Throttled
from server.smtp.syntax import reply as r
from server.smtp.syntax import sasl
from server.smtp.syntax.reply import Reply

MECHANISMS = ("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")

Challenge = Callable[[bytes], Awaitable[bytes | None]]
"""Sends a challenge and returns the client's line as it came, None for `*` (the client gives up)."""


class Passwords(Protocol):
    """What is needed of `server.accounts.credential.Authenticator`."""

    async def password(self, username: str, password: str, *, service: Literal["smtp"], peer: str) -> Account: ...

    async def token(self, username: str | None, secret: str, *, service: Literal["smtp"], peer: str) -> Account: ...


class GivenUp(Exception):
    """The client cancelled with `*`."""


async def sign_in(
    mechanism: str, initial: bytes | None, challenge: Challenge, passwords: Passwords, peer: str
) -> Account | Reply:
    """Run one exchange to its end; a Reply is the refusal."""
    if mechanism not in MECHANISMS:
        return r.AUTH_MECHANISM
    try:
        secret = await _secret(mechanism, initial, challenge)
        if secret.is_token:
            return await passwords.token(secret.username, secret.value, service="smtp", peer=peer)
        return await passwords.password(secret.username or "", secret.value, service="smtp", peer=peer)
    except GivenUp:
        return r.AUTH_CANCELLED
    except sasl.Malformed:
        return r.AUTH_ENCODING
    except Throttled:
        return r.AUTH_THROTTLED
    except AuthenticationFailed:
        if mechanism in ("OAUTHBEARER", "XOAUTH2"):
            # RFC 7628 §3.2.3: the reason as a challenge, whatever the client answers to it, then the refusal.
            await challenge(sasl.FAILURE_JSON)
        return r.AUTH_FAILED


async def _secret(mechanism: str, initial: bytes | None, challenge: Challenge) -> sasl.Secret:
    async def ask(prompt: bytes) -> bytes:
        line = await challenge(prompt)
        if line is None:
            raise GivenUp
        return sasl.decode(line)

    first = sasl.decode(initial) if initial is not None else None
    if mechanism == "LOGIN":
        return sasl.login(first if first is not None else await ask(b"Username:"), await ask(b"Password:"))
    data = first if first is not None else await ask(b"")
    read = {"PLAIN": sasl.plain, "OAUTHBEARER": sasl.oauthbearer, "XOAUTH2": sasl.xoauth2}[mechanism]
    return read(data)
