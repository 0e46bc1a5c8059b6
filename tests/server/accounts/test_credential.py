import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.accounts import account as accounts
from server.accounts import app_password, credential, password, second_factor
from server.accounts import token as tokens
from server.accounts.credential import Authenticator
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.signed_in import Proof, ended
from server.seal import Keyring
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


class TestSecondFactor:
    """security.md T079: mail programs are no way round it."""

    @pytest.fixture
    def guarded(self, directory, iris, tmp_path):
        ring = Keyring(tmp_path / "secret.key")
        directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"k" * 20, step=0, peer=""))
        return iris

    @pytest.mark.parametrize("service", ["imap", "pop3", "smtp"])
    async def test_the_main_password_opens_no_mail(self, authenticator, guarded, service):
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                await authenticator.password(guarded.address, "correct horse", service=service, peer="192.0.2.1")

    async def test_nor_is_it_told_from_a_wrong_one(self, authenticator, guarded):
        """Otherwise a password could be tried out where no code is asked for."""
        for _ in range(10):
            with pytest.raises(AuthenticationFailed):
                await authenticator.password(guarded.address, "correct horse", service="imap", peer="192.0.2.1")
        with pytest.raises(Throttled):
            await authenticator.password(guarded.address, "correct horse", service="imap", peer="192.0.2.1")

    async def test_nor_by_how_long_the_answer_takes(self, authenticator, guarded, monkeypatch):
        """A right one is not remembered where it opens nothing: each try costs a hash, as a wrong one does."""
        hashing = Hashing(monkeypatch)
        authenticator.password_now(guarded.address, "correct horse", service="web", peer="192.0.2.1")
        for _ in range(3):
            with pytest.raises(AuthenticationFailed):
                await authenticator.password(guarded.address, "correct horse", service="imap", peer="192.0.2.1")
        assert hashing.runs == 4

    async def test_nor_while_it_is_still_remembered(self, authenticator, directory, iris, tmp_path, monkeypatch):
        who = iris.address
        await authenticator.password(who, "correct horse", service="imap", peer="192.0.2.1")
        ring = Keyring(tmp_path / "secret.key")
        directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"k" * 20, step=0, peer=""))
        with pytest.raises(AuthenticationFailed):
            await authenticator.password(who, "correct horse", service="imap", peer="192.0.2.1")
        monkeypatch.setattr(credential, "QUEUE", 0)
        with pytest.raises(Throttled):
            await authenticator.password(who, "correct horse", service="imap", peer="192.0.2.2")

    def test_the_web_is_told_that_a_code_is_due(self, authenticator, guarded):
        found = authenticator.password_now(guarded.address, "correct horse", service="web", peer="192.0.2.1")
        assert found.code_due

    async def test_an_app_password_opens_mail_and_nothing_else(self, authenticator, directory, guarded):
        secret = directory.write_now(lambda w: app_password.make(w, guarded.id, "phone", peer=""))
        for service in ("imap", "pop3", "smtp"):
            typed = secret.upper().replace("-", " ") if service == "pop3" else secret
            found = await authenticator.password("Iris@LIN.example", typed, service=service, peer="192.0.2.1")
            assert found.account == guarded
            (listed,) = directory.read_now(lambda r: app_password.list_for(r, guarded.id))
            assert (listed.service, listed.peer) == (service, "192.0.2.1")
        with pytest.raises(AuthenticationFailed):
            authenticator.password_now(guarded.address, secret, service="web", peer="192.0.2.1")
        with pytest.raises(AuthenticationFailed):
            await authenticator.token(None, secret, service="imap", peer="192.0.2.1")
        with pytest.raises(AuthenticationFailed):
            await authenticator.password("mama@lin.example", secret, service="imap", peer="192.0.2.1")

    async def test_an_app_password_is_never_made_to_wait(self, authenticator, directory, guarded):
        secret = directory.write_now(lambda w: app_password.make(w, guarded.id, "phone", peer=""))
        for _ in range(12):
            with pytest.raises((AuthenticationFailed, Throttled)):
                await authenticator.password(guarded.address, "wrong", service="imap", peer="192.0.2.1")
        assert await authenticator.password(guarded.address, secret, service="imap", peer="192.0.2.1")

    async def test_an_ended_one_is_worth_nothing(self, authenticator, directory, guarded):
        secret = directory.write_now(lambda w: app_password.make(w, guarded.id, "phone", peer=""))
        found = await authenticator.password(guarded.address, secret, service="imap", peer="192.0.2.1")
        token = found.proof.token
        assert directory.write_now(lambda w: app_password.revoke(w, guarded.id, token, peer=""))
        assert directory.read_now(lambda r: ended(r, {found.proof}, 0.0)) == {found.proof}
        with pytest.raises(AuthenticationFailed):
            await authenticator.password(guarded.address, secret, service="imap", peer="192.0.2.1")

    async def test_a_main_password_of_the_form_of_an_app_password_still_works(self, authenticator, directory, iris):
        word = "k3v7-xq2m-9jwe-0000-1111"
        directory.write_now(lambda w: accounts.set_password(w, iris.id, word))
        assert await authenticator.password(iris.address, word, service="imap", peer="192.0.2.1")

    async def test_the_tokens_of_the_webmail_keep_working(self, authenticator, directory, guarded):
        secret = directory.write_now(
            lambda w: tokens.issue(w, guarded.id, kind="web", label="Firefox", peer="", lifetime=60)
        )
        assert await authenticator.token(guarded.address, secret, service="imap", peer="127.0.0.1")
        assert await authenticator.password(guarded.address, secret, service="smtp", peer="127.0.0.1")

    def test_an_account_that_is_off_has_no_app_passwords(self, authenticator, directory, guarded):
        secret = directory.write_now(lambda w: app_password.make(w, guarded.id, "phone", peer=""))
        directory.write_now(lambda w: accounts.set_active(w, guarded.id, active=False))
        with pytest.raises(AuthenticationFailed):
            authenticator.password_now(guarded.address, secret, service="imap", peer="192.0.2.1")
