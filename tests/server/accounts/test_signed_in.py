import time

import pytest

from server.accounts import account as accounts
from server.accounts import second_factor, signed_in
from server.accounts import token as tokens
from server.accounts.signed_in import Proof, ended
from server.seal import Keyring


def sign_in(directory, iris):
    """By the password, and by a token of an hour."""
    stored = directory.read_now(lambda r: accounts.stored_password(r, iris.address))[1]
    directory.write_now(lambda w: tokens.issue(w, iris.id, kind="session", label="x", peer="", lifetime=3600))
    newest = max(token.id for token in directory.read_now(lambda r: tokens.list_for(r, iris.id)))
    return signed_in.by_password(iris, stored).proof, Proof(iris.id, token=newest)


@pytest.fixture
def proofs(directory, iris):
    return sign_in(directory, iris)


def gone(directory, proofs, after=0.0):
    return directory.read_now(lambda r: ended(r, set(proofs), time.time() + after))


def test_what_is_good_stays(directory, proofs):
    assert gone(directory, proofs) == set()
    assert gone(directory, []) == set()


def test_tokens_end(directory, iris, proofs):
    password, token = proofs
    _, other = sign_in(directory, iris)
    directory.write_now(lambda w: tokens.revoke(w, iris.id, token.token))
    assert gone(directory, [*proofs, other]) == {token}
    assert gone(directory, [password, other], after=3601) == {other}
    directory.write_now(lambda w: tokens.revoke_all(w, iris.id))
    assert gone(directory, [password, token, other]) == {token, other}


def test_a_new_password_ends_the_old_one_even_if_it_is_the_same_word(directory, iris, proofs):
    password, _ = proofs
    directory.write_now(lambda w: accounts.set_password(w, iris.id, "correct horse"))
    assert gone(directory, proofs) == {password}


def test_an_account_that_is_off_has_nobody_signed_in(directory, iris, proofs):
    directory.write_now(lambda w: accounts.set_active(w, iris.id, active=False))
    assert gone(directory, proofs) == set(proofs)
    directory.write_now(lambda w: accounts.set_active(w, iris.id, active=True))
    assert gone(directory, proofs) == set()


def test_thousands_at_once(directory, iris, proofs):
    many = [Proof(iris.id, token=1_000_000 + n) for n in range(1_200)]
    assert gone(directory, [*proofs, *many]) == set(many)


def test_a_proof_tells_no_secret(directory, iris, proofs):
    stored = directory.read_now(lambda r: accounts.stored_password(r, iris.address))[1]
    assert stored not in repr(proofs[0])


def test_t079_a_second_factor_ends_what_the_password_alone_has_opened(directory, iris, proofs, tmp_path):
    password, _ = proofs
    ring = Keyring(tmp_path / "secret.key")
    directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"k" * 20, step=0, peer=""))
    assert gone(directory, proofs) == {password}
    directory.write_now(lambda w: second_factor.turn_off(w, iris.id))
    assert gone(directory, proofs) == set()
