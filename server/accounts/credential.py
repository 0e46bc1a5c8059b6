"""Checking a sign-in, whatever protocol asks.

Invariants: the cost and the answer are the same for an unknown account and a wrong password; at most `WORKERS` Argon2 runs at
once, at most `QUEUE` wait (security.md T077); a right password is remembered for five minutes as a keyed hash in memory, so
that a storm of reconnecting clients does not cost an Argon2 run each.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Literal, NoReturn

from server.accounts import password as passwords
from server.accounts import signed_in
from server.accounts import token as tokens
from server.accounts.account import canonical_address, stored_password
from server.accounts.directory import Directory
from server.accounts.errors import AddressInvalid, AuthenticationFailed, Throttled
from server.accounts.signed_in import Proof, SignedIn
from server.accounts.throttle import Throttle
from server.accounts.watch import End, Watch
from server.clock import Clock
from server.log import get_logger
from server.notify.bus import Bus, SilentBus, Subscription

log = get_logger("accounts")

Service = Literal["imap", "pop3", "smtp", "web"]
WORKERS = 2
QUEUE = 50
REMEMBER = 300.0
REMEMBERED = 4_096


class Authenticator:
    """Sign-ins of one process. Every check may raise AuthenticationFailed or Throttled.

    Args:
        bus: Tells of sign-ins that ended; without one, `watch` finds out by itself in a minute at most.
    """

    def __init__(self, directory: Directory, clock: Clock, bus: Bus | None = None) -> None:
        self._directory, self._clock = directory, clock
        self._watch = Watch(directory.database, bus or SilentBus())
        self._throttle = Throttle()
        self._pool = ThreadPoolExecutor(WORKERS, "argon2")
        self._waiting = 0
        self._lock = Lock()
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    async def password(self, username: str, password: str, *, service: Service, peer: str) -> SignedIn:
        """Check a name and a password (or a token in its place)."""
        if password.startswith(tokens.PREFIX):
            return await self.token(username, password, service=service, peer=peer)
        return await asyncio.wrap_future(
            self._pool.submit(self.password_now, username, password, service=service, peer=peer)
        )

    async def token(self, username: str | None, secret: str, *, service: Service, peer: str) -> SignedIn:
        """Check a token (SASL OAUTHBEARER, XOAUTH2, or as the password of PLAIN and LOGIN)."""
        return await asyncio.to_thread(self.token_now, username, secret, service=service, peer=peer)

    def password_now(self, username: str, password: str, *, service: Service, peer: str) -> SignedIn:
        """Blocking twin of `password`, for threads."""
        if password.startswith(tokens.PREFIX):
            return self.token_now(username, password, service=service, peer=peer)
        name = self._name(username)
        self._admit(peer, name)
        account, stored = self._directory.read_now(lambda r: stored_password(r, name))
        if not self._verify(stored, password) or account is None or stored is None:
            self._refuse(peer, name, service)
        self._throttle.succeeded(peer, name)
        return signed_in.by_password(account, stored)

    def token_now(self, username: str | None, secret: str, *, service: Service, peer: str) -> SignedIn:
        """Blocking twin of `token`."""
        name = self._name(username) if username else ""
        self._admit(peer, name)
        found = self._directory.read_now(lambda r: tokens.find(r, secret))
        if found is None or (name and found[1].address != name):
            self._refuse(peer, name, service)
        if tokens.stale(found[0]):
            self._directory.write_now(lambda w: tokens.touch(w, found[0].id))
        return SignedIn(found[1], Proof(found[1].id, token=found[0].id))

    def watch(self, proof: Proof, end: End) -> Subscription:
        """Have `end` called on the running loop once a sign-in is worth nothing any more; close what this returns to leave.

        The token was ended or expired, the password was changed, or the account was switched off.
        """
        return self._watch.enter(proof, end)

    def close(self) -> None:
        """Finish the checks under way, and watch no more. For whoever made this, at the end."""
        self._watch.close()
        self._pool.shutdown(cancel_futures=True)

    def _refuse(self, peer: str, name: str, service: Service) -> NoReturn:
        with self._lock:
            self._throttle.failed(peer, name, self._clock.monotonic())
        log.warning("sign_in_refused", service=service, peer=peer, account=name)
        raise AuthenticationFailed

    def _name(self, username: str) -> str:
        try:
            return canonical_address(username)
        except AddressInvalid:
            return username[:320].casefold()

    def _admit(self, peer: str, name: str) -> None:
        with self._lock:
            seconds = self._throttle.wait(peer, name, self._clock.monotonic())
        if seconds:
            raise Throttled(seconds)

    def _verify(self, stored: str | None, password: str) -> bool:
        now = self._clock.monotonic()
        mark = hmac.digest(
            self._key, b"\0".join(((stored or "").encode(), password.encode("utf-8", "surrogatepass"))), hashlib.sha256
        )
        with self._lock:
            if self._remembered.get(mark, 0.0) > now:
                return True
            if self._waiting >= QUEUE:
                raise Throttled(5)
            self._waiting += 1
        try:
            right = passwords.matches(stored, password)
        finally:
            with self._lock:
                self._waiting -= 1
        if right:
            with self._lock:
                self._remembered[mark] = now + REMEMBER
                if len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
        return right
