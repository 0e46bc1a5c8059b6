import stat

import pytest

from fetcher.errors import FetchError
from fetcher.secret import Keyring


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secret.key"


def refused(act):
    with pytest.raises(FetchError) as caught:
        act()
    return caught.value.code


def test_what_was_sealed_opens_again(path):
    ring = Keyring(path)
    sealed = ring.seal("pâss 密码", account_id=1, source_id=2)
    assert ring.open(sealed, account_id=1, source_id=2) == "pâss 密码"
    assert b"ss" not in sealed and sealed != ring.seal("pâss 密码", account_id=1, source_id=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(("account", "source"), [(1, 3), (2, 2), (12, 2)])
def test_a_sealed_value_opens_only_in_its_own_row(path, account, source):
    ring = Keyring(path)
    sealed = ring.seal("x", account_id=1, source_id=2)
    assert refused(lambda: ring.open(sealed, account_id=account, source_id=source)) == "secret-key-wrong"


def test_every_changed_octet_is_noticed(path):
    ring = Keyring(path)
    sealed = ring.seal("password", account_id=1, source_id=2)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert refused(lambda c=bytes(changed): ring.open(c, account_id=1, source_id=2)) == "secret-key-wrong"
    assert refused(lambda: ring.open(b"", account_id=1, source_id=2)) == "secret-key-wrong"


def test_a_missing_key_is_said_and_opening_makes_none(path):
    sealed = Keyring(path).seal("x", account_id=1, source_id=1)
    path.unlink()
    assert refused(lambda: Keyring(path).open(sealed, account_id=1, source_id=1)) == "secret-key-missing"
    assert not path.exists()
    assert Keyring(path).current_id() is None


def test_another_key_is_said_and_nothing_is_overwritten(path):
    sealed = Keyring(path).seal("x", account_id=1, source_id=1)
    old = path.read_bytes()
    path.unlink()
    again = Keyring(path).seal("y", account_id=1, source_id=1)
    new = path.read_bytes()
    assert refused(lambda: Keyring(path).open(sealed, account_id=1, source_id=1)) == "secret-key-wrong"
    assert path.read_bytes() == new
    # The old key may stand below the new one: both open then.
    path.write_bytes(new + old)
    assert Keyring(path).open(sealed, account_id=1, source_id=1) == "x"
    assert Keyring(path).open(again, account_id=1, source_id=1) == "y"


@pytest.mark.parametrize("text", [b"", b"not base64!\n"])
def test_a_damaged_key_is_said(path, text):
    path.write_bytes(text)
    assert refused(lambda: Keyring(path).seal("x", account_id=1, source_id=1)) == "secret-key-unusable"
