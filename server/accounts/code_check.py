"""Checking the code that comes after the password.

Invariants: one code is looked at at a time, so many at once are no more guesses than many in a row; ten wrong ones in a minute
close an address, thirty in an hour an account, and here no address is a known one, since whoever shares it may know the password,
too (security.md T136). A right recovery code is never made to wait: nobody guesses 80 bits, and it is what is left to the owner
while somebody else guesses. Codes are in no log.
"""

from enum import Enum
from threading import Lock
from typing import NoReturn

from server.accounts import one_time, second_factor
from server.accounts.account import Account
from server.accounts.directory import Directory
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.throttle import Throttle
from server.clock import Clock
from server.log import get_logger
from server.seal import Keyring

log = get_logger("accounts")


class Way(Enum):
    """By what somebody proved to be the owner."""

    CODE = "code"
    RECOVERY = "recovery"


class CodeCheck:
    """The codes of one process."""

    def __init__(self, directory: Directory, ring: Keyring, clock: Clock) -> None:
        self._directory, self._ring, self._clock = directory, ring, clock
        self._throttle = Throttle()
        self._lock = Lock()

    def check_now(self, account: Account, code: str, *, peer: str) -> Way:
        """Check a code, or a recovery code, of an account whose password was right. Blocking.

        Raises:
            AuthenticationFailed: It is wrong, used, or of another time.
            Throttled: Too many wrong ones.
            SealError: The key that opens the second factors is not here.
        """
        with self._lock:
            if self._is_recovery(account, code, peer):
                return Way.RECOVERY
            self._admit(account, peer)
            if not self._is_code(account, code):
                self._refuse(account, peer)
            return Way.CODE

    def first_step(self, account: Account, key: bytes, code: str, *, peer: str) -> int:
        """Check the code that proves that an authenticator program has a new key; returns its step. Raises as above."""
        with self._lock:
            self._admit(account, peer)
            step = one_time.accepted(key, code, self._clock.now().timestamp())
            if step is None:
                self._refuse(account, peer)
            return step

    def _is_code(self, account: Account, code: str) -> bool:
        now = self._clock.now().timestamp()
        return one_time.looks_like_code(code) and self._directory.write_now(
            lambda w: second_factor.take_code(w, self._ring, account.id, code, now)
        )

    def _is_recovery(self, account: Account, code: str, peer: str) -> bool:
        if not self._directory.read_now(lambda r: second_factor.has_recovery_code(r, account.id, code)):
            return False
        return self._directory.write_now(lambda w: second_factor.take_recovery_code(w, account.id, code, peer=peer))

    def _admit(self, account: Account, peer: str) -> None:
        seconds = self._throttle.wait(peer, account.address, self._clock.monotonic())
        if seconds:
            raise Throttled(seconds)

    def _refuse(self, account: Account, peer: str) -> NoReturn:
        self._throttle.failed(peer, account.address, self._clock.monotonic())
        log.warning("code_refused", service="web", peer=peer, account=account.address)
        raise AuthenticationFailed
