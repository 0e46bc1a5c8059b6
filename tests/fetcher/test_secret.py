import stat
import threading

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


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"not base64!\n", b"YWJj\n", b"\xff\xfe\n"])
def test_a_damaged_file_is_never_overwritten(path, text):
    path.write_bytes(text)
    assert refused(lambda: Keyring(path).seal("x", account_id=1, source_id=1)) == "secret-key-unusable"
    assert path.read_bytes() == text


def test_a_file_that_others_could_read_is_closed_to_them(path):
    ring = Keyring(path)
    sealed = ring.seal("x", account_id=1, source_id=1)
    path.chmod(0o644)
    assert ring.open(sealed, account_id=1, source_id=1) == "x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_in_its_place_is_said(path):
    path.mkdir()
    assert refused(lambda: Keyring(path).seal("x", account_id=1, source_id=1)) == "secret-key-unusable"


def test_a_key_that_another_process_made_just_now_is_taken(path, monkeypatch):
    other = Keyring(path).seal("x", account_id=1, source_id=1)
    made = path.read_bytes()
    ring, read = Keyring(path), Keyring._read
    first = iter([True])

    def not_yet(self):
        if next(first, False):
            raise FileNotFoundError
        return read(self)

    monkeypatch.setattr(Keyring, "_read", not_yet)
    ring.seal("y", account_id=1, source_id=2)
    assert path.read_bytes() == made
    assert ring.open(other, account_id=1, source_id=1) == "x"


def test_several_at_once_make_one_key(path):
    sealed = {}
    gate = threading.Barrier(8)

    def work(n):
        gate.wait()
        sealed[n] = Keyring(path).seal(str(n), account_id=1, source_id=n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Keyring(path).open(sealed[n], account_id=1, source_id=n) for n in range(8)] == [str(n) for n in range(8)]
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]
