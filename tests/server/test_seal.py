"""The key file: made once and whole, never overwritten, read by its owner alone (security.md T142, T143)."""

import os
import stat
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.seal import KeyMissing, Keyring, KeyUnusable, KeyWrong, SealError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secret.key"


def test_what_was_sealed_opens_again_for_its_purpose_alone(path):
    ring = Keyring(path)
    sealed = ring.seal(b"the key of a second factor", purpose="second factor:7")
    assert ring.open(sealed, purpose="second factor:7") == b"the key of a second factor"
    assert b"second factor" not in sealed
    for other in ("second factor:8", "source:7:1", ""):
        with pytest.raises(KeyWrong):
            ring.open(sealed, purpose=other)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_key_is_said_and_opening_makes_none(path):
    sealed = Keyring(path).seal(b"x", purpose="a")
    path.unlink()
    with pytest.raises(KeyMissing):
        Keyring(path).open(sealed, purpose="a")
    assert not path.exists()
    assert Keyring(path).current_id() is None
    assert not Keyring(path).opens(sealed)


@given(octets=st.binary(max_size=200))
def test_any_octets_are_refused(octets, tmp_path_factory):
    ring = Keyring(tmp_path_factory.getbasetemp() / "any.key")
    ring.seal(b"x", purpose="a")
    with pytest.raises(SealError):
        ring.open(octets, purpose="a")


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"not base64!\n", b"YWJj\n", b"\xff\xfe\n"])
def test_a_damaged_file_is_never_overwritten(path, text):
    path.write_bytes(text)
    with pytest.raises(KeyUnusable):
        Keyring(path).seal(b"x", purpose="a")
    assert path.read_bytes() == text


def test_a_file_that_others_could_read_is_closed_to_them(path):
    ring = Keyring(path)
    sealed = ring.seal(b"x", purpose="a")
    path.chmod(0o644)
    assert ring.open(sealed, purpose="a") == b"x"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_in_its_place_is_said(path):
    path.mkdir()
    with pytest.raises(KeyUnusable):
        Keyring(path).seal(b"x", purpose="a")


def test_a_key_that_another_process_made_just_now_is_taken(path, monkeypatch):
    other = Keyring(path).seal(b"x", purpose="a")
    made = path.read_bytes()
    ring, read = Keyring(path), Keyring._read
    first = iter([True])

    def not_yet(self):
        if next(first, False):
            raise FileNotFoundError
        return read(self)

    monkeypatch.setattr(Keyring, "_read", not_yet)
    ring.seal(b"y", purpose="b")
    assert path.read_bytes() == made
    assert ring.open(other, purpose="a") == b"x"


def test_several_at_once_make_one_key(path):
    sealed = {}
    gate = threading.Barrier(8)

    def work(n):
        gate.wait()
        sealed[n] = Keyring(path).seal(b"%d" % n, purpose=f"{n}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [Keyring(path).open(sealed[n], purpose=f"{n}") for n in range(8)] == [b"%d" % n for n in range(8)]
    assert [p.name for p in path.parent.iterdir()] == ["secret.key"]


def test_a_key_made_by_root_is_its_owners(tmp_path, monkeypatch):
    """The service runs as somebody else than the administrator who adds an account."""
    given = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda descriptor, *owner: given.append(owner))
    Keyring(tmp_path / "secret.key").seal(b"x", purpose="a")
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)]


def test_what_is_derived_is_of_the_oldest_key(tmp_path):
    ring = Keyring(tmp_path / "secret.key")
    with pytest.raises(KeyMissing):
        ring.derived("salt")
    ring.seal(b"x", purpose="a")
    first = ring.derived("salt")
    assert first == ring.derived("salt") != ring.derived("pepper") and len(first) == 32
    other = Keyring(tmp_path / "other.key")
    other.seal(b"x", purpose="a")
    old = (tmp_path / "secret.key").read_bytes()
    (tmp_path / "secret.key").write_bytes((tmp_path / "other.key").read_bytes() + old)
    assert ring.derived("salt") == first != other.derived("salt")


def test_several_are_opened_at_once(tmp_path):
    ring = Keyring(tmp_path / "secret.key")
    assert ring.open_each([(b"x" * 60, "a")]) == [None]
    good = ring.seal(b"good", purpose="a")
    assert ring.open_each([(good, "a"), (good, "b"), (b"", "a"), (good[:-1], "a")]) == [b"good", None, None, None]
    (tmp_path / "secret.key").write_bytes(b"damaged")
    assert ring.open_each([(good, "a")]) == [None]
