import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.accounts import credential, password
from server.accounts import token as tokens
from server.accounts.credential import Authenticator
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.signed_in import Proof, ended
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def authenticator(directory, clock):
    made = Authenticator(directory, clock)
    yield made
    made.close()


async def test_right_and_wrong(authenticator, iris):
    assert (
        await authenticator.password("Iris@lin.example", "correct horse", service="imap", peer="192.0.2.1")
    ).account == iris
    for name, word in (
        ("iris@lin.example", "wrong"),
        ("nobody@lin.example", "correct horse"),
        ("", ""),
        ("iris@lin.example", "x" * 100_000),
    ):
        with pytest.raises(AuthenticationFailed):
            await authenticator.password(name, word, service="imap", peer="192.0.2.1")


async def test_ten_failures_close_an_address_for_the_rest_of_a_minute(authenticator, clock, iris):
    for _ in range(10):
        with pytest.raises(AuthenticationFailed):
            await authenticator.password("nobody@lin.example", "wrong", service="imap", peer="192.0.2.1")
    with pytest.raises(Throttled) as caught:
        await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="192.0.2.1")
    assert 0 < caught.value.seconds <= 60
    assert await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="192.0.2.2")
    clock.advance(60)
    assert await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="192.0.2.1")


async def test_a_spray_on_one_account_does_not_lock_its_owner_out(authenticator, iris):
    await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="198.51.100.7")
    for last in range(30):
        with pytest.raises(AuthenticationFailed):
            await authenticator.password("iris@lin.example", "wrong", service="imap", peer=f"192.0.2.{last}")
    with pytest.raises(Throttled):
        await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="203.0.113.9")
    assert await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="198.51.100.7")


async def test_a_token_opens_its_own_account_until_it_is_ended(authenticator, directory, iris):
    secret = directory.write_now(
        lambda w: tokens.issue(w, iris.id, kind="session", label="Firefox", peer="192.0.2.1", lifetime=60)
    )
    assert (await authenticator.token(None, secret, service="imap", peer="192.0.2.1")).account == iris
    assert (await authenticator.password("iris@lin.example", secret, service="smtp", peer="192.0.2.1")).account == iris
    with pytest.raises(AuthenticationFailed):
        await authenticator.password("mama@lin.example", secret, service="smtp", peer="192.0.2.1")
    (listed,) = directory.read_now(lambda r: tokens.list_for(r, iris.id))
    directory.write_now(lambda w: tokens.revoke(w, iris.id + 1, listed.id))
    assert (await authenticator.token(None, secret, service="imap", peer="192.0.2.1")).account == iris
    directory.write_now(lambda w: tokens.revoke(w, iris.id, listed.id))
    with pytest.raises(AuthenticationFailed):
        await authenticator.token(None, secret, service="imap", peer="192.0.2.1")


async def test_a_sign_in_says_what_it_rests_on(authenticator, directory, iris):
    secret = directory.write_now(
        lambda w: tokens.issue(w, iris.id, kind="session", label="Firefox", peer="192.0.2.1", lifetime=60)
    )
    (listed,) = directory.read_now(lambda r: tokens.list_for(r, iris.id))
    by_token = await authenticator.password("iris@lin.example", secret, service="imap", peer="192.0.2.1")
    assert by_token.proof == Proof(iris.id, token=listed.id)
    by_password = await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="192.0.2.1")
    assert by_password.proof.token is None
    assert directory.read_now(lambda r: ended(r, {by_token.proof, by_password.proof}, 0.0)) == set()


async def test_a_closed_one_checks_nothing(authenticator, iris):
    authenticator.close()
    with pytest.raises(RuntimeError):
        await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="192.0.2.1")
    authenticator.close()


def test_tokens_expire_and_are_kept_as_digests_only(directory, iris, tmp_path):
    secret = directory.write_now(lambda w: tokens.issue(w, iris.id, kind="session", label="x", peer="", lifetime=-1))
    assert directory.read_now(lambda r: tokens.find(r, secret)) is None
    directory.database.close()
    assert secret.removeprefix("pht_").encode() not in b"".join(p.read_bytes() for p in tmp_path.iterdir())


class Hashing:
    """Stands for Argon2: slow, and counts how many run at once."""

    def __init__(self, monkeypatch):
        self.now = self.most = self.runs = 0
        self._lock = threading.Lock()
        self._real = password.matches
        monkeypatch.setattr(password, "matches", self.matches)

    def matches(self, stored, given):
        with self._lock:
            self.now += 1
            self.runs += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        try:
            return self._real(stored, given)
        finally:
            with self._lock:
                self.now -= 1


def test_t077_threads_hash_two_at_a_time_and_guess_ten_times(authenticator, iris, monkeypatch):
    """The web role asks from its threads: sixty-four at once would take more than a gigabyte."""
    hashing = Hashing(monkeypatch)

    def guess(number):
        try:
            authenticator.password_now("iris@lin.example", f"wrong {number}", service="web", peer="192.0.2.1")
        except (AuthenticationFailed, Throttled) as error:
            return type(error)

    with ThreadPoolExecutor(40) as threads:
        outcomes = list(threads.map(guess, range(100)))
    assert set(outcomes) == {AuthenticationFailed, Throttled}
    assert hashing.most <= credential.WORKERS
    assert hashing.runs <= 10 + credential.WORKERS, "a hundred at once are no more guesses than a hundred in a row"


async def test_t077_the_queue_has_an_end(authenticator, iris, monkeypatch):
    hashing = Hashing(monkeypatch)
    assert await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="198.51.100.7")
    tries = [
        authenticator.password("iris@lin.example", f"wrong {n}", service="imap", peer=f"192.0.2.{n}")
        for n in range(credential.QUEUE + 20)
    ]
    known = authenticator.password("iris@lin.example", "correct horse", service="imap", peer="198.51.100.7")
    *outcomes, found = await asyncio.gather(*tries, known, return_exceptions=True)
    assert found.account == iris, "whoever signed in a moment ago does not wait behind those who guess"
    assert sum(isinstance(one, Throttled) for one in outcomes) >= 20
    assert hashing.most <= credential.WORKERS


async def test_t136_a_guesser_is_known_by_its_network(authenticator, iris):
    """One customer has 2**64 addresses."""
    for last in range(10):
        with pytest.raises(AuthenticationFailed):
            await authenticator.password(f"nobody{last}@lin.example", "x", service="imap", peer=f"2001:db8:1:2::{last}")
    with pytest.raises(Throttled):
        await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="2001:db8:1:2:ffff::1")
    assert await authenticator.password("iris@lin.example", "correct horse", service="imap", peer="2001:db8:1:3::1")


async def test_t136_guesses_from_this_machine_do_not_end_the_webmails_sessions(authenticator, directory, iris):
    """All of the webmail comes from one address; a token cannot be guessed, so it need not wait."""
    secret = directory.write_now(
        lambda w: tokens.issue(w, iris.id, kind="web", label="Firefox", peer="192.0.2.1", lifetime=60)
    )
    for last in range(12):
        with pytest.raises((AuthenticationFailed, Throttled)):
            await authenticator.password(f"nobody{last}@lin.example", "wrong", service="imap", peer="127.0.0.1")
    assert (await authenticator.password(iris.address, secret, service="imap", peer="127.0.0.1")).account == iris
    with pytest.raises(Throttled):
        await authenticator.token(None, "pht_" + "x" * 43, service="imap", peer="127.0.0.1")
