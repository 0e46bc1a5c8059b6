"""Signing in by SCRAM: whose secrets open what, and that nobody learns who is there."""

import asyncio
import base64

import pytest
from sqlalchemy import select, update

from server.accounts import account as accounts
from server.accounts import app_password, scram, scram_check, scram_keys, second_factor
from server.accounts.credential import Authenticator
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.accounts.schema import account as account_table
from server.accounts.schema import token as token_table
from server.accounts.signed_in import ended
from server.db.errors import DatabaseFull
from server.seal import Keyring
from tests.fakes.clock import FakeClock
from tests.fakes.scram_client import ScramClient

PEER = "192.0.2.1"
IRIS, PASSWORD = "iris@lin.example", "correct horse"


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def authenticator(directory, clock):
    made = Authenticator(directory, clock)
    yield made
    made.close()


@pytest.fixture
def ring(directory):
    return scram_keys.ring_of(directory.database.path.parent)


async def asked(authenticator, name, password=PASSWORD):
    """The server's first message, and what the client makes of it."""
    client = ScramClient(name, password)
    exchange = await authenticator.exchange("SCRAM-SHA-256")
    first = exchange.start(b64(client.first()))
    return client, exchange, first.data


async def prove(authenticator, name, password=PASSWORD, *, service="imap", peer=PEER):
    client, exchange, first = await asked(authenticator, name, password)
    who = await authenticator.claim(exchange.answer(b64(client.final(first))), service=service, peer=peer)
    client.check(exchange.success(who.signature).data)
    return who


async def salt(authenticator, name):
    client, _, first = await asked(authenticator, name)
    client.final(first)
    return client.salt, client.iterations


def b64(data):
    return base64.b64encode(data)


def kept(directory, account_id):
    return directory.read_now(lambda r: accounts.scram_of(r, account_id))


def forget_keys(directory):
    """As an account of an earlier version."""
    directory.write_now(lambda w: w.execute(update(account_table).values(scram=None)))
    directory.write_now(lambda w: w.execute(update(token_table).values(scram=None)))


def new_app(directory, account):
    return directory.write_now(lambda w: app_password.make(w, account.id, "phone", peer=""))


@pytest.fixture
def guarded(directory, iris, ring):
    directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"k" * 20, step=0, peer=""))
    return iris


async def test_right_and_wrong(authenticator, iris):
    assert (await prove(authenticator, "Iris@LIN.example")).account == iris
    for name, word in ((IRIS, "wrong"), ("nobody@lin.example", PASSWORD), ("x", PASSWORD)):
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, name, word)


async def test_what_a_sign_in_rests_on_is_what_a_plain_one_rests_on(authenticator, directory, iris):
    by_proof = await prove(authenticator, IRIS)
    by_password = await authenticator.password(IRIS, PASSWORD, service="imap", peer=PEER)
    assert by_proof.proof == by_password.proof
    assert directory.read_now(lambda r: ended(r, {by_proof.proof}, 0.0)) == set()
    directory.write_now(lambda w: accounts.set_password(w, iris.id, "another password"))
    assert directory.read_now(lambda r: ended(r, {by_proof.proof}, 0.0)) == {by_proof.proof}
    with pytest.raises(AuthenticationFailed):
        await prove(authenticator, IRIS)
    assert await prove(authenticator, IRIS, "another password")


async def test_a_password_of_other_scripts_is_prepared(authenticator, directory, iris):
    directory.write_now(lambda w: accounts.set_password(w, iris.id, "\uff50\uff41\uff53\uff53\u3000密码本"))
    assert await prove(authenticator, IRIS, "pass 密码本")
    assert await authenticator.password(IRIS, "\uff50\uff41\uff53\uff53\u3000密码本", service="imap", peer=PEER)


class TestNobodyLearnsWhoIsThere:
    async def test_the_salt_is_the_same_before_during_and_after(self, authenticator, directory, iris):
        before = await salt(authenticator, "mia@lin.example")
        mia = directory.write_now(lambda w: accounts.add_account(w, "mia@lin.example", PASSWORD))
        during = await salt(authenticator, "Mia@LIN.example")
        directory.write_now(lambda w: accounts.set_password(w, mia.id, "another password"))
        directory.write_now(lambda w: accounts.set_active(w, mia.id, active=False))
        assert before == during == await salt(authenticator, "mia@lin.example")

    async def test_names_differ_and_the_house_matters(self, authenticator, directory, iris, tmp_path):
        assert await salt(authenticator, IRIS) != await salt(authenticator, "mia@lin.example")
        other = Keyring(tmp_path / "another.key")
        other.seal(b"", purpose="")
        assert scram_keys.salts(other)(IRIS) != (await salt(authenticator, IRIS))[0]

    async def test_nonces_do_not_repeat(self, authenticator, iris):
        said = {(await asked(authenticator, IRIS))[2] for _ in range(5)}
        assert len(said) == 5

    @pytest.mark.parametrize("how", ["no keys", "off", "second factor", "nobody"])
    async def test_one_refusal_for_all(self, authenticator, directory, iris, ring, how):
        name = IRIS
        if how == "no keys":
            forget_keys(directory)
        elif how == "off":
            directory.write_now(lambda w: accounts.set_active(w, iris.id, active=False))
        elif how == "second factor":
            directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"k" * 20, step=0, peer=""))
        else:
            name = "nobody@lin.example"
        for _ in range(10):
            with pytest.raises(AuthenticationFailed):
                await prove(authenticator, name)
        with pytest.raises(Throttled):
            await prove(authenticator, name)

    def test_as_many_keys_are_tried_for_a_name_that_nobody_has(self, directory, iris, ring, monkeypatch):
        tried = []
        real = scram.signature
        monkeypatch.setattr(scram, "signature", lambda answer, keys: tried.append(1) or real(answer, keys))
        answer = scram.Answer(IRIS, b"s" * 16, b"", b"p" * 32)
        new_app(directory, iris)
        for name in (IRIS, "nobody@lin.example"):
            tried.clear()
            assert (
                scram_check.proven(ring, directory.read_now(lambda r, n=name: scram_check.held(r, n)), answer) is None
            )
            assert len(tried) == scram_check.TRIED


class TestThrottle:
    async def test_ten_failures_close_an_address_for_proofs_and_passwords_alike(self, authenticator, clock, iris):
        for _ in range(5):
            with pytest.raises(AuthenticationFailed):
                await prove(authenticator, IRIS, "wrong")
            with pytest.raises(AuthenticationFailed):
                await authenticator.password(IRIS, "wrong", service="imap", peer=PEER)
        with pytest.raises(Throttled):
            await prove(authenticator, IRIS)
        assert await prove(authenticator, IRIS, peer="192.0.2.2")
        clock.advance(60)
        assert await prove(authenticator, IRIS)

    async def test_many_at_once_are_no_more_than_many_in_a_row(self, authenticator, iris):
        found = await asyncio.gather(*(prove(authenticator, IRIS, "wrong") for _ in range(30)), return_exceptions=True)
        assert [type(one) for one in found].count(AuthenticationFailed) == 10
        assert [type(one) for one in found].count(Throttled) == 20

    async def test_an_owner_is_known_by_a_proof(self, authenticator, iris):
        await prove(authenticator, IRIS, peer="198.51.100.7")
        for last in range(30):
            with pytest.raises(AuthenticationFailed):
                await prove(authenticator, IRIS, "wrong", peer=f"192.0.2.{last}")
        with pytest.raises(Throttled):
            await prove(authenticator, IRIS, peer="192.0.2.200")
        assert await prove(authenticator, IRIS, peer="198.51.100.7")


class TestAppPasswords:
    async def test_as_shown_and_without_hyphens(self, authenticator, directory, guarded):
        secret = new_app(directory, guarded)
        for service, typed in (("imap", secret), ("pop3", secret.replace("-", ""))):
            assert (await prove(authenticator, IRIS, typed, service=service)).account == guarded
            (listed,) = directory.read_now(lambda r: app_password.list_for(r, guarded.id))
            assert (listed.service, listed.peer) == (service, PEER)

    async def test_each_of_several_opens_and_says_which(self, authenticator, directory, guarded):
        for secret in [new_app(directory, guarded) for _ in range(12)]:
            who = await prove(authenticator, IRIS, secret)
            assert who.proof == (await authenticator.password(IRIS, secret, service="imap", peer=PEER)).proof

    async def test_it_is_never_made_to_wait(self, authenticator, directory, guarded):
        secret = new_app(directory, guarded)
        for _ in range(12):
            with pytest.raises((AuthenticationFailed, Throttled)):
                await prove(authenticator, IRIS, "wrong")
        assert await prove(authenticator, IRIS, secret)

    async def test_an_ended_one_is_worth_nothing(self, authenticator, directory, guarded):
        secret = new_app(directory, guarded)
        who = await prove(authenticator, IRIS, secret)
        assert directory.write_now(lambda w: app_password.revoke(w, guarded.id, who.proof.token, peer=""))
        assert directory.read_now(lambda r: ended(r, {who.proof}, 0.0)) == {who.proof}
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS, secret)

    async def test_of_another_account(self, authenticator, directory, guarded):
        directory.write_now(lambda w: accounts.add_account(w, "mia@lin.example", "another password"))
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, "mia@lin.example", new_app(directory, guarded))

    async def test_the_main_password_opens_again_when_the_second_factor_is_off(self, authenticator, directory, guarded):
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS)
        directory.write_now(lambda w: second_factor.turn_off(w, guarded.id))
        assert await prove(authenticator, IRIS)


class TestAccountsOfEarlier:
    async def test_a_right_password_makes_the_keys(self, authenticator, directory, iris):
        forget_keys(directory)
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS)
        with pytest.raises(AuthenticationFailed):
            await authenticator.password(IRIS, "wrong", service="imap", peer=PEER)
        assert kept(directory, iris.id) is None
        await authenticator.password(IRIS, PASSWORD, service="web", peer=PEER)
        assert await prove(authenticator, IRIS)

    async def test_so_does_a_right_app_password(self, authenticator, directory, guarded):
        secret = new_app(directory, guarded)
        forget_keys(directory)
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS, secret)
        await authenticator.password(IRIS, secret.upper(), service="imap", peer=PEER)
        assert await prove(authenticator, IRIS, secret)

    async def test_keys_that_are_there_are_left_alone(self, authenticator, directory, iris):
        before = kept(directory, iris.id)
        await authenticator.password(IRIS, PASSWORD, service="imap", peer=PEER)
        assert before is not None and kept(directory, iris.id) == before

    def test_a_password_changed_meanwhile_keeps_its_own_keys(self, directory, iris):
        before = kept(directory, iris.id)
        directory.write_now(lambda w: accounts.set_scram(w, iris.id, "$argon2id$of a former one", b"keys"))
        assert kept(directory, iris.id) == before

    async def test_a_disk_that_is_full_keeps_nobody_out(self, authenticator, directory, iris, monkeypatch):
        secret = new_app(directory, iris)
        forget_keys(directory)

        def full(fn):
            raise DatabaseFull("full")

        monkeypatch.setattr(directory, "write_now", full)
        assert await authenticator.password(IRIS, PASSWORD, service="imap", peer=PEER)
        assert await authenticator.password(IRIS, secret, service="imap", peer=PEER)


class TestKeyFile:
    async def test_lost_and_put_back(self, authenticator, directory, iris, tmp_path):
        """security.md T143: what opens the sealed is not made anew by those who come."""
        path = tmp_path / "secret.key"
        path.rename(tmp_path / "away")
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS)
        await authenticator.password(IRIS, PASSWORD, service="imap", peer=PEER)
        assert not path.exists()
        assert await salt(authenticator, IRIS) == await salt(authenticator, IRIS)
        (tmp_path / "away").rename(path)
        assert await prove(authenticator, IRIS)

    async def test_another_one_has_keys_made_anew(self, authenticator, directory, iris, tmp_path):
        path = tmp_path / "secret.key"
        path.unlink()
        Keyring(path).seal(b"", purpose="")
        with pytest.raises(AuthenticationFailed):
            await prove(authenticator, IRIS)
        await authenticator.password(IRIS, PASSWORD, service="imap", peer=PEER)
        assert await prove(authenticator, IRIS)

    async def test_a_newer_key_on_top_changes_nothing(self, authenticator, iris, tmp_path):
        before = await salt(authenticator, IRIS)
        old, other = (tmp_path / "secret.key"), Keyring(tmp_path / "other.key")
        other.seal(b"", purpose="")
        old.write_bytes((tmp_path / "other.key").read_bytes() + old.read_bytes())
        assert await salt(authenticator, IRIS) == before
        assert await prove(authenticator, IRIS)

    async def test_one_that_cannot_be_read_makes_it_unavailable(self, authenticator, directory, iris, tmp_path):
        (tmp_path / "secret.key").write_bytes(b"damaged")
        with pytest.raises(SaslRefused) as caught:
            await authenticator.exchange("SCRAM-SHA-256")
        assert caught.value.fault is Fault.UNAVAILABLE
        directory.write_now(lambda w: accounts.set_password(w, iris.id, "another password"))
        assert await authenticator.password(IRIS, "another password", service="imap", peer=PEER)


def test_the_database_alone_holds_no_keys(directory, iris, ring):
    """A copy of it is no place to guess at keys that are weaker than Argon2id."""
    sealed = kept(directory, iris.id)
    keys = scram.keys(PASSWORD, scram_keys.salts(ring)(IRIS))
    assert keys.stored not in sealed and keys.server not in sealed
    stored = directory.read_now(lambda r: r.execute(select(account_table.c.password)).scalar())
    plain = ring.open(sealed, purpose=scram_keys.of_password(IRIS, stored))
    assert keys.stored in plain and keys.server in plain
