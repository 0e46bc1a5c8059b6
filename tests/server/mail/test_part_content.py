"""Octets and text of parts."""

import pytest

from server.mail import mime


def text(raw):
    return mime.text(raw, mime.parse(raw))


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        (b"Content-Type: text/plain; charset=gbk\r\n", "你好".encode("gbk"), "你好"),
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n", b"5Lya6K6u", "会议"),
        (b"Content-Type: text/plain; charset=latin1\r\nContent-Transfer-Encoding: quoted-printable\r\n", b"=E9", "é"),
        (b"", "é".encode(), "é"),
        (b"Content-Type: text/plain; charset=unicode_escape\r\n", b"\\u003c", "\\u003c"),
        (b"Content-Type: text/html\r\n", b'<meta charset="gbk">' + "你好".encode("gbk"), '<meta charset="gbk">你好'),
        (
            b"Content-Type: text/html; charset=utf-8\r\n",
            b'<meta charset="gbk">' + "你好".encode(),
            '<meta charset="gbk">你好',
        ),
    ],
)
def test_charsets(head, body, expected):
    assert text(head + b"\r\n" + body) == expected


def test_the_meta_that_is_asked_may_be_the_old_form():
    html = b'<META http-equiv="Content-Type" content="text/html; charset=big5">' + "會議".encode("big5")
    assert text(b"Content-Type: text/html; charset=x-none\r\n\r\n" + html).endswith("會議")


def test_flowed_text_is_joined():
    """RFC 3676 §4."""
    body = b"one \r\ntwo\r\n> quoted \r\n> more\r\n>> deep\r\n From me\r\n-- \r\nsig \r\n"
    assert text(b"Content-Type: text/plain; format=flowed\r\n\r\n" + body) == (
        "one two\n> quoted more\n>> deep\nFrom me\n-- \nsig "
    )
    chinese = "你 \r\n好\r\n".encode()
    assert text(b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + chinese) == "你好\n"


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"8bit"])
def test_a_limit_gives_at_least_the_beginning(encoding):
    import base64

    body = base64.encodebytes(b"x" * 100_000) if encoding == b"base64" else b"x" * 100_000
    raw = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    part = mime.parse(raw)
    assert mime.decoded(raw, part).startswith(b"x" * 100_000)
    cut = mime.decoded(raw, part, limit=1_000)
    assert 1_000 <= len(cut) < 10_000
