import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from server.accounts import account as accounts
from server.accounts import one_time, second_factor, security_event
from server.accounts.security_event import Kind
from server.seal import Keyring, KeyWrong

KEY = b"12345678901234567890"
NOW = 1_800_000_000


@pytest.fixture
def ring(tmp_path):
    return Keyring(tmp_path / "secret.key")


@pytest.fixture
def codes(directory, iris, ring):
    return directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, KEY, step=0, peer="192.0.2.1"))


def test_on_and_off(directory, iris, ring, codes):
    assert directory.read_now(lambda r: second_factor.standing(r, iris.id)).codes_left == 10 == len(set(codes))
    assert directory.write_now(lambda w: second_factor.turn_on(w, ring, iris.id, b"x" * 20, step=0, peer="")) is None
    assert directory.write_now(lambda w: second_factor.turn_off(w, iris.id))
    assert not directory.write_now(lambda w: second_factor.turn_off(w, iris.id))
    assert directory.read_now(lambda r: second_factor.standing(r, iris.id)) is None
    assert not directory.read_now(lambda r: second_factor.has_recovery_code(r, iris.id, codes[0]))


def test_t138_of_many_at_once_one_is_accepted(directory, iris, ring, codes):
    code = one_time.totp(KEY, NOW)

    def take(_):
        return directory.write_now(lambda w: second_factor.take_code(w, ring, iris.id, code, NOW))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == 1


def test_t138_of_many_at_once_one_gets_the_recovery_code(directory, iris, codes):
    def take(_):
        return directory.write_now(lambda w: second_factor.take_recovery_code(w, iris.id, codes[0], peer=""))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(16))) == 1
    assert directory.read_now(lambda r: second_factor.standing(r, iris.id)).codes_left == 9


def test_nothing_of_it_is_on_the_disk_in_clear(directory, iris, codes, tmp_path):
    directory.database.close()
    disk = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.name.startswith("directory"))
    assert b"security_event" in disk
    for word in (KEY, one_time.spelled(KEY).replace(" ", "").encode(), *(c.encode() for c in codes)):
        assert word not in disk
    assert codes[0].replace("-", "").encode() not in disk


def test_t142_a_sealed_key_opens_in_its_own_row_alone(directory, iris, ring, codes):
    other = directory.write_now(lambda w: accounts.add_account(w, "mia@lin.example", "another password"))
    directory.write_now(lambda w: w.raw("UPDATE second_factor SET account_id = ?", (other.id,)) and None)
    with pytest.raises(KeyWrong):
        directory.write_now(lambda w: second_factor.take_code(w, ring, other.id, one_time.totp(KEY, NOW), NOW))


def test_what_happened_is_kept_and_bounded(directory, iris, ring, codes):
    for _ in range(security_event.KEPT + 20):
        directory.write_now(lambda w: security_event.record(w, iris.id, Kind.RECOVERY_CODES_NEW, "192.0.2.1"))
    found = directory.read_now(lambda r: security_event.recent(r, iris.id, count=1_000))
    assert len(found) == security_event.KEPT
    assert found[0].kind is Kind.RECOVERY_CODES_NEW
    assert abs(found[0].at - time.time()) < 3_600
