import contextlib
import io
import json
import os
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.config import Settings
from webmail import uploads
from webmail.uploads import UploadRefused, Uploads

# As browsers send them, and as nobody should: what is kept is data, and never where it says (T042).
NAMES = {
    "plan.pdf": "plan.pdf",
    "Größe 计划.pdf": "Größe 计划.pdf",
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\system.ini": "system.ini",
    "/etc/passwd": "passwd",
    "C:\\fake path\\a b.txt": "a b.txt",
    "a\r\nContent-Type: text/html": "html",
    "a\r\nBcc: eve@evil.test": "aBcc: eve@evil.test",
    "a\x00.exe": "a.exe",
    "invoice\u202efdp.exe": "invoicefdp.exe",
    "a\u2028b\x85c": "abc",
    "": "file",
    ".": "file",
    "..": "file",
    "  ": "file",
    "a/": "file",
    'quo"te;.txt': 'quo"te;.txt',
    "x" * 400: "x" * 255,
}


class Endless:
    """A stream that never stops; counts what was taken from it."""

    taken = 0

    def read(self, size):
        self.taken += size
        return b"x" * size


class Broken:
    def read(self, size):
        raise OSError("the browser hung up")


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path, message_size_limit=200_000)


@pytest.fixture
def shelf(settings):
    return Uploads(settings, 7)


def put(shelf, content=b"octets", name="a.txt", kind="text/plain"):
    return shelf.put(name, kind, io.BytesIO(content))


def left(settings):
    return [path for path in (settings.data / "uploads").rglob("*") if path.is_file()]


def test_octets_come_back_as_they_went(shelf):
    data = bytes(range(256)) * 300
    kept = put(shelf, data, "Größe 计划.bin", "application/x-thing; charset=x")
    assert (kept.name, kept.kind, kept.size) == ("Größe 计划.bin", "application/x-thing", len(data))
    assert shelf.get(kept.id) == kept
    assert shelf.octets(kept) == data


@pytest.mark.parametrize(("given_name", "kept_name"), NAMES.items(), ids=map(ascii, NAMES))
def test_a_name_is_never_a_place(settings, shelf, given_name, kept_name):
    kept = put(shelf, name=given_name)
    assert kept.name == kept_name
    assert {path.parent for path in left(settings)} == {settings.data / "uploads" / "7"}
    assert {path.name for path in left(settings)} == {kept.id, f"{kept.id}.json"}


@given(st.text(max_size=300))
def test_any_name_is_one_line_without_folders(name):
    kept = uploads.clean_name(name)
    assert 0 < len(kept) <= uploads.NAME_LIMIT
    assert kept.isprintable()
    assert "/" not in kept
    assert "\\" not in kept


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("image/png", "image/png"),
        ("TEXT/Plain; charset=utf-8", "text/plain"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/", "application/octet-stream"),
        ("multipart/mixed", "application/octet-stream"),
        ("message/rfc822", "application/octet-stream"),
        ("text/html\r\nBcc: x", "application/octet-stream"),
        ("te xt/plain", "application/octet-stream"),
        ("text/plain/x", "application/octet-stream"),
    ],
)
def test_a_claimed_type_is_a_type_or_nothing(claimed, kept):
    assert uploads.clean_kind(claimed) == kept


def test_somebody_elses_file_is_not_there(settings, shelf):
    kept = put(shelf)
    other = Uploads(settings, 8)
    assert other.get(kept.id) is None
    other.drop(kept.id)
    assert shelf.octets(kept) == b"octets"


@pytest.mark.parametrize(
    "identifier",
    ["", "../7", "x" * 32 + "/", "..", "a" * 31, "a" * 33, "../../../etc/passwd".ljust(32, "x"), "ä" * 32, "\x00" * 32],
)
def test_no_id_leads_out_of_the_folder(shelf, identifier):  # fmt: skip
    put(shelf)
    assert shelf.get(identifier) is None
    shelf.drop(identifier)


def test_files_are_their_owners_alone(settings, shelf):
    put(shelf)
    assert all(path.stat().st_mode & 0o077 == 0 for path in left(settings))
    assert (settings.data / "uploads" / "7").stat().st_mode & 0o077 == 0


def test_too_much_is_refused_before_it_is_taken(settings, shelf):
    """T046: the limit is met while reading; nothing of it stays."""
    stream = Endless()
    with pytest.raises(UploadRefused) as refused:
        shelf.put("big.iso", "", stream)
    assert refused.value.reason == "large"
    assert stream.taken <= shelf.limit + 2 * uploads.CHUNK
    assert left(settings) == []


def test_what_broke_off_leaves_nothing(settings, shelf):
    with pytest.raises(OSError, match="hung up"):
        shelf.put("half.bin", "", Broken())
    assert left(settings) == []


def test_the_largest_file_still_fits_the_largest_letter(settings, shelf):
    from datetime import UTC, datetime

    from server.mail.build import Attachment
    from webmail.draft import Draft, Stamp, letter

    kept = put(shelf, os.urandom(shelf.limit), "x" * 100, "application/x-thing")
    stamp = Stamp(datetime.now(UTC), "a@b.test", "Anna", [Attachment(kept.name, kept.kind, shelf.octets(kept))])
    raw = letter(Draft("a@b.test", to=("c@d.test",), body="<div>some words</div>" * 20), stamp, lambda html: html).raw
    assert len(raw) <= settings.message_size_limit
    with pytest.raises(UploadRefused):
        put(shelf, b"x" * (shelf.limit + 1))


def test_an_account_holds_so_much_and_no_more(settings):
    shelf = Uploads(settings, 7)
    for _ in range(uploads.OCTETS_FACTOR):
        put(shelf, b"x" * shelf.limit)
    with pytest.raises(UploadRefused):
        put(shelf)
    put(Uploads(settings, 8))


def test_so_many_files_and_no_more(shelf, monkeypatch):
    monkeypatch.setattr(uploads, "FILES", 3)
    ids = [put(shelf).id for _ in range(3)]
    with pytest.raises(UploadRefused) as refused:
        put(shelf)
    assert refused.value.reason == "many"
    shelf.drop(ids[0])
    put(shelf)


def test_what_nobody_sent_is_gone_after_a_day(settings, shelf):
    kept = put(shelf)
    old = time.time() - uploads.LIFETIME - 10
    for path in left(settings):
        os.utime(path, (old, old))
    fresh = put(Uploads(settings, 8))
    assert shelf.get(kept.id) is None
    assert {path.stem for path in left(settings)} == {fresh.id}


def test_dropped_files_are_gone(settings, shelf):
    kept = put(shelf)
    shelf.drop(kept.id)
    shelf.drop(kept.id)
    assert shelf.get(kept.id) is None
    assert left(settings) == []


def test_a_damaged_card_is_no_file(settings, shelf):
    kept = put(shelf)
    card = settings.data / "uploads" / "7" / f"{kept.id}.json"
    card.write_text(json.dumps({"id": kept.id}))
    assert shelf.get(kept.id) is None
    card.write_text("{")
    assert shelf.get(kept.id) is None


def test_small_installations_have_a_limit_too(settings):
    assert Uploads(replace(settings, message_size_limit=64 * 1024), 7).limit > 0


def test_t046_files_that_come_at_the_same_time_count_together(settings, monkeypatch):
    """Each began when nothing was there yet; together they are not more than one after the other."""
    monkeypatch.setattr(uploads, "CHUNK", 1_000)
    monkeypatch.setattr(uploads, "LOOK_OCTETS", 10_000)
    shelf = Uploads(settings, 7)
    bound = shelf.limit * uploads.OCTETS_FACTOR

    class Nested:
        """In the middle of a file, the next one begins."""

        def __init__(self, depth):
            self.depth, self.left = depth, shelf.limit

        def read(self, size):
            if self.left == shelf.limit and self.depth:
                self.left -= size
                with contextlib.suppress(UploadRefused):
                    shelf.put("next", "", Nested(self.depth - 1))
                return b"x" * size
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    with contextlib.suppress(UploadRefused):
        shelf.put("first", "", Nested(12))
    held = sum(path.stat().st_size for path in (settings.data / "uploads" / "7").iterdir())
    assert shelf.limit < held <= bound + 12 * 10_000
    with pytest.raises(UploadRefused):
        shelf.put("one more", "", io.BytesIO(bytes(shelf.limit)))
