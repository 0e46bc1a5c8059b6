"""Reading messages out of files that somebody else made."""

import os

import pytest

from server.admin import importing

LETTER = b"Subject: %s\n\ntext\n"


@pytest.fixture
def maildir(tmp_path):
    folder = tmp_path / "Maildir"
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "cur" / "1.a:2,FS").write_bytes(LETTER % b"one")
    (folder / "new" / "2.b").write_bytes(LETTER % b"two")
    return folder


def subjects(found):
    return [one.raw.split(b"\r\n", 1)[0] for one in found]


def test_a_maildir(maildir):
    one, two = importing.read(maildir)
    assert subjects([one, two]) == [b"Subject: one", b"Subject: two"]
    assert set(one.flags) == {"\\Flagged", "\\Seen"}
    assert two.flags == ()
    assert one.arrived.timestamp() == pytest.approx((maildir / "cur" / "1.a:2,FS").stat().st_mtime)


def test_links_in_a_maildir_are_not_followed(maildir, tmp_path):
    """Its owner could have the administrator bring other people's mail, or our own keys, into theirs."""
    (tmp_path / "secret").write_bytes(b"not yours")
    (maildir / "new" / "3.link").symlink_to(tmp_path / "secret")
    os.mkfifo(maildir / "new" / "4.pipe")
    (maildir / "new" / "5.folder").mkdir()
    assert subjects(importing.read(maildir)) == [b"Subject: one", b"Subject: two"]


def test_a_linked_folder_of_a_maildir_is_not_followed(maildir, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "9").write_bytes(b"not yours")
    for path in (maildir / "new").iterdir():
        path.unlink()
    (maildir / "new").rmdir()
    (maildir / "new").symlink_to(tmp_path / "other")
    with pytest.raises(OSError):
        list(importing.read(maildir))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_an_mbox(tmp_path, ending):
    lines = [
        b"From a Mon",
        b"Subject: 1",
        b"",
        b"x",
        b">From here",
        b"From not a separator",
        b"",
        b"From b",
        b"Subject: 2",
        b"",
    ]
    path = tmp_path / "box"
    path.write_bytes(ending.join(lines) + ending)
    one, two = importing.read(path)
    assert one.raw == b"Subject: 1\r\n\r\nx\r\nFrom here\r\nFrom not a separator\r\n"
    assert two.raw == b"Subject: 2\r\n"
    assert [one, two] == list(importing.from_octets(path.read_bytes()))


@pytest.mark.parametrize("content", [b"", b"Subject: x\n\ny\n"])
def test_one_message(tmp_path, content):
    path = tmp_path / "one.eml"
    path.write_bytes(content)
    (only,) = importing.read(path)
    assert only.raw == content.replace(b"\n", b"\r\n")


def test_an_mbox_of_many_messages_is_read_in_one_pass(tmp_path):
    """Each separator used to copy all that stood before it: the square of the length."""
    path = tmp_path / "box"
    path.write_bytes((b"From a\n" + LETTER % b"x" + b"\n") * 100_000)
    assert sum(1 for _ in importing.read(path)) == 100_000
