import base64

from hypothesis import given
from hypothesis import strategies as st

from server.mail import mime
from server.mail.binary import without_nul

LEAF = (
    b"From: ann@example.org\r\nMime-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\nSubject: parcel\r\n\r\n"
)


def parts(raw):
    return [mime.decoded(raw, part) for part in mime.parse(raw).walk() if not part.children and part.embedded is None]


@given(st.binary(max_size=400).map(lambda octets: b"\0" + octets))
def test_a_binary_leaf_is_kept_as_base64_and_comes_back(octets):
    kept = without_nul(LEAF + octets)
    assert b"\0" not in kept
    assert parts(kept) == [octets]
    assert kept.lower().count(b"content-transfer-encoding") == 1
    assert b"Subject: parcel\r\n" in kept


def test_only_the_part_that_needs_it():
    raw = (
        b"Mime-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain words\r\n--b\r\n"
        b"Content-Type: image/x-none\r\nContent-Transfer-Encoding:\r\n binary\r\n\r\n\0\1\2\r\n\r\n--b\r\n"
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Transfer-Encoding: 8bit\r\n\r\na\0b\r\n--b--\r\n"
    )
    kept = without_nul(raw)
    assert b"\0" not in kept
    assert parts(kept) == parts(raw)
    assert b"\r\n\r\nplain words\r\n--b\r\n" in kept
    assert base64.b64encode(b"a\0b") in kept


@given(st.binary(max_size=300))
def test_nothing_else_is_touched(octets):
    clean = octets.replace(b"\0", b"")
    assert without_nul(clean) is clean
    without_nul(LEAF.replace(b"binary", b"base64") + octets)  # a NUL in what claims to be base64 stays; nothing raises
