"""Checking a sign-in, whatever protocol asks.

Invariants: the cost and the answer are the same for an unknown account and a wrong password; at most `WORKERS` Argon2 runs at
once, at most `QUEUE` wait (security.md T077); whether a try may be made is looked at when its turn comes, so many at once are no
more than many in a row (T136); a right password is remembered for five minutes as a keyed hash in memory, so that a storm of
reconnecting clients does not cost an Argon2 run each. A right token or app password is never made to wait: nobody guesses 100
bits, and whoever guesses passwords from an address must not end the sessions behind it, as the webmail's are all behind one.

SCRAM (`exchange`, then `claim`) is the same check by other means: the proof is tried on the keys of each secret the account has, and
on keys that nobody has, so that an unknown name costs about as much. The keys of a password that has none yet (an account of an
earlier version) are made when it is next right, in the same turn as its hash.

With a second factor the password alone opens nothing (T079): mail programs are refused it as if it were wrong, the web is told
that a code is due (`code_check`), and its address counts as known only after that.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore, Lock
from typing import Literal, NoReturn

from server.accounts import app_password, sasl, scram, scram_check, scram_keys, second_factor, signed_in, written_code
from server.accounts import password as passwords
from server.accounts import token as tokens
from server.accounts.account import Account, canonical_address, scram_of, set_scram, stored_password
from server.accounts.directory import Directory
from server.accounts.errors import AddressInvalid, AuthenticationFailed, Throttled
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.accounts.signed_in import Proof, SignedIn
from server.accounts.throttle import Throttle
from server.accounts.token import Token
from server.accounts.watch import End, Watch
from server.clock import Clock
from server.db.errors import DatabaseError
from server.db.transaction import Reader, Writer
from server.log import get_logger
from server.notify.bus import Bus, SilentBus, Subscription
from server.seal import SealError

log = get_logger("accounts")

Service = Literal["imap", "pop3", "smtp", "web"]
WORKERS = 2
QUEUE = 50
BUSY_SECONDS = 5
REMEMBER = 300.0
REMEMBERED = 4_096
NEEDS_APP_PASSWORD = "an app password is needed"  # noqa: S105 - words for the log
NONCE_OCTETS = 18
"""Random octets of the server in a SCRAM nonce."""


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
        self._turns = BoundedSemaphore(WORKERS)
        self._waiting = 0
        self._lock = Lock()
        self._ring = scram_keys.ring_of(directory.database.path.parent)
        self._proving = Lock()
        """One proof by a main password is judged at a time, so that many at once are no more guesses than many in a row."""
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    async def exchange(self, mechanism: str) -> sasl.Exchange:
        """Begin a SASL exchange. Raises SaslRefused for what is not offered, or cannot be used now."""
        if mechanism.upper() != scram.NAME:
            return sasl.Exchange(mechanism)
        try:
            salt_of = await asyncio.to_thread(scram_keys.salts, self._ring)
        except SealError:
            log.exception("scram_unavailable")
            raise SaslRefused(Fault.UNAVAILABLE) from None
        return sasl.Exchange(
            mechanism, scram.Dialogue(lambda name: salt_of(self._name(name)), secrets.token_urlsafe(NONCE_OCTETS))
        )

    async def claim(self, claim: sasl.Claim | scram.Answer, *, service: Service, peer: str) -> SignedIn:
        """Check what an exchange, or a name and a password, led to."""
        if isinstance(claim, scram.Answer):
            return await asyncio.to_thread(self._prove, claim, service, peer)
        if claim.bearer:
            return await self.token(claim.username or None, claim.secret, service=service, peer=peer)
        return await self.password(claim.username, claim.secret, service=service, peer=peer)

    async def password(self, username: str, password: str, *, service: Service, peer: str) -> SignedIn:
        """Check a name and a password (or a token or an app password in its place)."""
        if password.startswith(tokens.PREFIX):
            return await self.token(username, password, service=service, peer=peer)
        if written_code.normal(password, app_password.GROUPS):
            by_app = await asyncio.to_thread(self._app, username, password, service, peer)
            if by_app is not None:
                return by_app
        if not self._queue_up():
            return await asyncio.to_thread(self._remembered_only, username, password, service, peer)
        try:
            return await asyncio.wrap_future(self._pool.submit(self._check, username, password, service, peer))
        finally:
            self._leave_queue()

    async def token(self, username: str | None, secret: str, *, service: Service, peer: str) -> SignedIn:
        """Check a token (SASL OAUTHBEARER, XOAUTH2, or as the password of PLAIN and LOGIN)."""
        return await asyncio.to_thread(self.token_now, username, secret, service=service, peer=peer)

    def password_now(self, username: str, password: str, *, service: Service, peer: str) -> SignedIn:
        """Blocking twin of `password`, for threads."""
        if password.startswith(tokens.PREFIX):
            return self.token_now(username, password, service=service, peer=peer)
        by_app = self._app(username, password, service, peer)
        if by_app is not None:
            return by_app
        if not self._queue_up():
            return self._remembered_only(username, password, service, peer)
        try:
            with self._turns:
                return self._check(username, password, service, peer)
        finally:
            self._leave_queue()

    def token_now(self, username: str | None, secret: str, *, service: Service, peer: str) -> SignedIn:
        """Blocking twin of `token`."""
        name = self._name(username) if username else ""
        found = self._directory.read_now(lambda r: tokens.find(r, secret))
        if found is None or (name and found[1].address != name):
            self._admit(peer, name)
            self._refuse(peer, name, service)
        if tokens.stale(found[0]):
            self._note(lambda w: tokens.touch(w, found[0].id))
        return SignedIn(found[1], Proof(found[1].id, token=found[0].id))

    def arrived(self, account: Account, peer: str) -> None:
        """Note that somebody signed in on the web with password and code: their address is a known one from now on."""
        with self._lock:
            self._throttle.succeeded(peer, account.address)

    def watch(self, proof: Proof, end: End) -> Subscription:
        """Have `end` called on the running loop once a sign-in is worth nothing any more; close what this returns to leave.

        The token was ended or expired, the password was changed, or the account was switched off.
        """
        return self._watch.enter(proof, end)

    def close(self) -> None:
        """Finish the checks under way, and watch no more. For whoever made this, at the end."""
        self._watch.close()
        self._pool.shutdown(cancel_futures=True)

    # -- one turn at a time

    def _queue_up(self) -> bool:
        with self._lock:
            if self._waiting >= QUEUE:
                return False
            self._waiting += 1
            return True

    def _leave_queue(self) -> None:
        with self._lock:
            self._waiting -= 1

    def _check(self, username: str, password: str, service: Service, peer: str) -> SignedIn:
        name = self._name(username)
        self._admit(peer, name)
        account, stored, guarded = self._directory.read_now(lambda r: _look_up(r, name))
        mark = self._mark(stored, password)
        barred = guarded and service != "web"
        # A password that opens nothing here costs what a wrong one does every time: memory would tell which is right.
        if barred or not self._remembers(mark):
            if not passwords.matches(stored, password):
                self._refuse(peer, name, service)
            if not barred:
                self._remember(mark)
                self._keep_keys(account, stored, password)
        if account is None or stored is None:
            self._refuse(peer, name, service)
        if barred:
            self._refuse(peer, name, service, why=NEEDS_APP_PASSWORD)
        if not guarded:
            self.arrived(account, peer)
        return signed_in.by_password(account, stored, code_due=guarded)

    def _remembered_only(self, username: str, password: str, service: Service, peer: str) -> SignedIn:
        """What is left when the queue is full: those whose password was right a moment ago; the rest is to come again."""
        name = self._name(username)
        self._admit(peer, name)
        account, stored, guarded = self._directory.read_now(lambda r: _look_up(r, name))
        barred = guarded and service != "web"
        if account is None or stored is None or barred or not self._remembers(self._mark(stored, password)):
            raise Throttled(BUSY_SECONDS)
        return signed_in.by_password(account, stored, code_due=guarded)

    def _app(self, username: str, password: str, service: Service, peer: str) -> SignedIn | None:
        """Look for an app password. None: it is none of this account's, so it may be the main password of the same form."""
        if service == "web":
            return None
        name = self._name(username)
        found = self._directory.read_now(lambda r: app_password.find(r, name, password))
        if found is None:
            return None
        token, account = found
        if self._touch(token, service, peer):
            self._keep_app_keys(account, token.id, password)
        return SignedIn(account, Proof(account.id, token=token.id))

    def _touch(self, token: Token, service: Service, peer: str) -> bool:
        """Note that an app password was used, when that is news."""
        if not tokens.stale(token) and (token.peer, token.service) == (peer, service):
            return False
        self._note(lambda w: app_password.touch(w, token.id, service=service, peer=peer))
        return True

    def _note(self, fn: Callable[[Writer], None]) -> None:
        """Write down what a sign-in leaves behind; a disk that is full keeps nobody from reading mail."""
        try:
            self._directory.write_now(fn)
        except DatabaseError:
            log.exception("sign_in_not_noted")

    # -- SCRAM

    def _prove(self, answer: scram.Answer, service: Service, peer: str) -> SignedIn:
        name = self._name(answer.username)
        found = self._directory.read_now(lambda r: scram_check.held(r, name))
        proven = scram_check.proven(self._ring, found, answer)
        account, by_app = found.account, proven.token if proven is not None else None
        if account is not None and proven is not None and by_app is not None:
            token = self._directory.read_now(lambda r: tokens.by_id(r, by_app))
            if token is not None:
                self._touch(token, service, peer)
            # Should it have been ended just now, the watch ends what it opens.
            return SignedIn(account, Proof(account.id, token=by_app), signature=proven.signature)
        with self._proving:
            self._admit(peer, name)
            if account is None or proven is None:
                self._refuse(peer, name, service, mechanism=scram.NAME)
            if found.guarded:
                self._refuse(peer, name, service, mechanism=scram.NAME, why=NEEDS_APP_PASSWORD)
        self.arrived(account, peer)
        return signed_in.by_password(account, found.stored, signature=proven.signature)

    def _keep_keys(self, account: Account | None, stored: str | None, password: str) -> None:
        if account is None or stored is None:
            return
        purpose = scram_keys.of_password(account.address, stored)
        kept = self._directory.read_now(lambda r: scram_of(r, account.id))
        if scram_keys.lacking(self._ring, account.address, kept, purpose=purpose):
            made = scram_keys.make(self._ring, account.address, [password], purpose=purpose)
            if made is not None:
                self._note(lambda w: set_scram(w, account.id, stored, made))

    def _keep_app_keys(self, account: Account, token_id: int, password: str) -> None:
        kept = self._directory.read_now(lambda r: app_password.sealed(r, token_id))
        if scram_keys.lacking(self._ring, account.address, kept, purpose=app_password.purpose_of(password)):
            made = app_password.scram_of(self._ring, account.address, password)
            if made is not None:
                self._note(lambda w: app_password.set_scram(w, token_id, made))

    def _refuse(self, peer: str, name: str, service: Service, **more: str) -> NoReturn:
        with self._lock:
            self._throttle.failed(peer, name, self._clock.monotonic())
        log.warning("sign_in_refused", service=service, peer=peer, account=name, **more)
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

    def _mark(self, stored: str | None, password: str) -> bytes:
        words = ((stored or "").encode(), password.encode("utf-8", "surrogatepass"))
        return hmac.digest(self._key, b"\0".join(words), hashlib.sha256)

    def _remembers(self, mark: bytes) -> bool:
        with self._lock:
            return self._remembered.get(mark, 0.0) > self._clock.monotonic()

    def _remember(self, mark: bytes) -> None:
        with self._lock:
            self._remembered[mark] = self._clock.monotonic() + REMEMBER
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)


def _look_up(r: Reader, name: str) -> tuple[Account | None, str | None, bool]:
    """The active account of a name, its stored password, and whether a second factor stands behind it."""
    account, stored = stored_password(r, name)
    return account, stored, account is not None and second_factor.is_on(r, account.id)
