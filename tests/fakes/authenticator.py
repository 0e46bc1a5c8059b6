"""An authenticator that knows the secrets the test named."""

from server.accounts import sasl
from server.accounts.account import Account
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.signed_in import Proof, SignedIn
from server.notify.bus import Subscription


class FakeAuthenticator:
    """`passwords` and `tokens`: secret -> account. A name given with a token must be the account's."""

    def __init__(self, passwords=None, tokens=None):
        self.passwords: dict[tuple[str, str], Account] = dict(passwords or {})
        self.tokens: dict[str, Account] = dict(tokens or {})
        self.throttled = False
        self.asked = []
        self.watched = []

    async def exchange(self, mechanism):
        return sasl.Exchange(mechanism)

    async def claim(self, claim, *, service, peer):
        if claim.bearer:
            return await self.token(claim.username or None, claim.secret, service=service, peer=peer)
        return await self.password(claim.username, claim.secret, service=service, peer=peer)

    async def password(self, username, password, *, service, peer):
        self.asked.append((username, service, peer))
        if self.throttled:
            raise Throttled(7)
        account = self.passwords.get((username, password))
        if account is None:
            raise AuthenticationFailed
        return SignedIn(account, Proof(account.id))

    async def token(self, username, secret, *, service, peer):
        self.asked.append((username, service, peer))
        account = self.tokens.get(secret)
        if account is None or username not in (None, account.address):
            raise AuthenticationFailed
        return SignedIn(account, Proof(account.id))

    def watch(self, proof, end):
        self.watched.append((proof, end))
        return Subscription(lambda: self.watched.remove((proof, end)))

    def end_all(self):
        """What everybody signed in with is gone."""
        for _, end in list(self.watched):
            end()
