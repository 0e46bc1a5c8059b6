"""IMAP sections: the numbering example of RFC 9051 §6.4.5.1, part by part."""

import pytest

from server.mail import mime

ALTERNATIVE = "Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n\r\n4.2.2.1\r\n--alt\r\nContent-Type: text/richtext\r\n\r\n4.2.2.2\r\n--alt--"
INNER_4_2 = f"Subject: four two\r\nContent-Type: multipart/mixed; boundary=m42\r\n\r\n--m42\r\n\r\n4.2.1\r\n--m42\r\n{ALTERNATIVE}\r\n--m42--"
INNER_3 = "Subject: three\r\nTo: a@b\r\nContent-Type: multipart/mixed; boundary=m3\r\n\r\n--m3\r\n\r\n3.1\r\n--m3\r\nContent-Type: application/octet-stream\r\n\r\n3.2\r\n--m3--"
FOUR = f"Content-Type: multipart/mixed; boundary=m4\r\n\r\n--m4\r\nContent-Type: image/gif\r\n\r\n4.1\r\n--m4\r\nContent-Type: message/rfc822\r\n\r\n{INNER_4_2}\r\n--m4--"
RAW = (
    "Subject: all\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    "--m\r\nContent-Type: text/plain\r\nX-One: 1\r\n\r\n1\r\n"
    "--m\r\nContent-Type: application/octet-stream\r\n\r\n2\r\n"
    f"--m\r\nContent-Type: message/rfc822\r\n\r\n{INNER_3}\r\n"
    f"--m\r\n{FOUR}\r\n--m--\r\n"
).encode()
ROOT = mime.parse(RAW)


def section(path, kind="", *names):
    found = mime.section(RAW, ROOT, path, kind, names)
    return None if found is None else found.decode()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("1", "text/plain"),
        ("2", "application/octet-stream"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
        ("3.2", "application/octet-stream"),
        ("4", "multipart/mixed"),
        ("4.1", "image/gif"),
        ("4.2", "message/rfc822"),
        ("4.2.1", "text/plain"),
        ("4.2.2", "multipart/alternative"),
        ("4.2.2.1", "text/plain"),
        ("4.2.2.2", "text/richtext"),
    ],
)
def test_every_number_of_the_example(path, kind):
    part = mime.part_at(ROOT, path)
    assert part.content_type == kind
    assert part.path == path
    if not part.children and part.embedded is None:
        assert section(path) == path


@pytest.mark.parametrize(
    "path", ["0", "5", "1.1", "2.1", "3.3", "3.1.1", "4.2.2.3", "a", "1.", ".1", "01", "-1", "1" * 30, "١"]
)
def test_numbers_that_are_not_there(path):
    assert mime.part_at(ROOT, path) is None
    assert mime.section(RAW, ROOT, path, "", ()) is None
    assert mime.section(RAW, ROOT, path, "MIME", ()) is None


def test_the_whole_and_its_halves():
    assert section("") == RAW.decode()
    assert section("", "HEADER") + section("", "TEXT") == RAW.decode()
    assert section("", "HEADER").endswith("\r\n\r\n")
    assert section("", "MIME") is None


def test_messages_inside():
    assert section("3") == INNER_3
    assert section("3", "HEADER") + section("3", "TEXT") == INNER_3
    assert section("3", "HEADER").startswith("Subject: three\r\n")
    assert section("4.2", "HEADER").startswith("Subject: four two\r\n")
    assert section("3", "MIME") == "Content-Type: message/rfc822\r\n\r\n"
    assert section("4.1", "MIME") == "Content-Type: image/gif\r\n\r\n"


@pytest.mark.parametrize("kind", ["HEADER", "TEXT", "HEADER.FIELDS", "HEADER.FIELDS.NOT"])
def test_only_messages_have_headers_and_texts(kind):
    assert section("1", kind, "subject") is None
    assert section("4", kind, "subject") is None


def test_chosen_fields():
    assert section("", "HEADER.FIELDS", "SUBJECT", "x-none") == "Subject: all\r\n\r\n"
    assert section("3", "HEADER.FIELDS", "to", "subject") == "Subject: three\r\nTo: a@b\r\n\r\n"
    assert section("3", "HEADER.FIELDS.NOT", "content-type") == "Subject: three\r\nTo: a@b\r\n\r\n"
    assert section("", "HEADER.FIELDS", "none") == "\r\n"


def test_a_message_of_one_part():
    raw = b"Subject: x\r\n\r\nbody"
    root = mime.parse(raw)
    assert mime.section(raw, root, "1") == b"body"
    assert mime.section(raw, root, "1", "MIME") == b"Subject: x\r\n\r\n"
    assert mime.section(raw, root, "1", "TEXT") is None
    assert mime.section(raw, root, "2") is None
    assert mime.section(raw, root, "1.1") is None


def test_a_message_that_is_a_message():
    raw = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nbody"
    root = mime.parse(raw)
    assert mime.section(raw, root, "1") == b"Subject: in\r\n\r\nbody"
    assert mime.section(raw, root, "1", "HEADER") == b"Subject: in\r\n\r\n"
    assert mime.section(raw, root, "1.1") == b"body"


def test_a_field_without_line_end_gets_one():
    raw = b"Subject: x"
    assert mime.section(raw, mime.parse(raw), "", "HEADER.FIELDS", ("subject",)) == b"Subject: x\r\n\r\n"
