import pytest

from server.imap import recent
from server.imap.recent import Decoded, RecentMessages
from server.mail import mime
from tests.fakes.imap_house import message

PARTS = message(content_type="multipart/mixed; boundary=x", body="--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n")


@pytest.mark.parametrize("kind", ["HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"])
@pytest.mark.parametrize("raw", [PARTS, message(), b"", b"no header", b"A: b\r\n\r\n", b"A: b\n\nc"])
def test_the_outline_serves_as_well_as_the_whole(raw, kind):
    decoded = Decoded(raw)
    names = ("Subject", "A") if "." in kind else ()
    assert mime.section(raw, decoded.outline, "", kind, names) == mime.section(raw, decoded.root, "", kind, names)


def test_a_structure_is_read_once(monkeypatch):
    calls = []
    monkeypatch.setattr(recent, "parse", lambda *args: calls.append(args) or mime.parse(*args))
    decoded = Decoded(PARTS)
    assert decoded.root is decoded.root
    assert decoded.outline is decoded.root
    assert len(calls) == 1


def test_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(recent, "MAX_OCTETS", 100)
    kept = RecentMessages()
    for number in range(3):
        kept.put(number, b"x" * 40)
    assert kept.get(0) is None
    assert kept.get(1).raw == b"x" * 40
    kept.put(3, b"y" * 40)
    assert kept.get(2) is None
    assert kept.get(1) is not None


def test_the_newest_stays_whatever_its_size(monkeypatch):
    monkeypatch.setattr(recent, "MAX_OCTETS", 100)
    kept = RecentMessages()
    kept.put(1, b"x")
    kept.put(2, b"x" * 1000)
    assert kept.get(1) is None
    assert kept.get(2) is not None


def test_a_large_one_is_let_go_when_no_piece_is_expected(monkeypatch):
    monkeypatch.setattr(recent, "MAX_OCTETS", 100)
    kept = RecentMessages()
    kept.put(1, b"x")
    kept.let_go_of_large()
    assert kept.get(1) is not None
    kept.put(2, b"x" * 1000)
    kept.let_go_of_large()
    assert kept.get(2) is None


def test_few_are_kept():
    kept = RecentMessages()
    for number in range(10):
        kept.put(number, b"x")
    assert [number for number in range(10) if kept.get(number)] == [6, 7, 8, 9]
    kept.clear()
    assert kept.get(9) is None
