"""Search text and preview."""

import pytest

from server.mail import mime, searchable
from server.mail.limits import DEFAULT, Limits


def read(raw, limits=DEFAULT):
    if isinstance(raw, str):
        raw = raw.encode()
    return searchable.read(raw, mime.parse(raw), limits)


def both(plain, html):
    return (
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n"
        f"{plain}\r\n--b\r\nContent-Type: text/html\r\n\r\n{html}\r\n--b--\r\n"
    )


def test_white_space_is_squeezed_so_that_phrases_match_across_lines():
    assert read("\r\nthe quick\r\nbrown   fox\t\x00!\r\n") == ("the quick brown fox !", "the quick brown fox !")


def test_html_adds_only_what_the_text_lacks():
    text, preview = read(both("Hello dear reader", "<p>Hello dear</p><p>reader</p><p>only here</p>"))
    assert text == "Hello dear reader\nonly here"
    assert preview == "Hello dear reader"


def test_html_alone():
    assert read("Content-Type: text/html\r\n\r\n<style>x</style><p>Hi <b>there</b></p>") == ("Hi there", "Hi there")


def test_attachments_of_text_are_searched_but_not_previewed():
    raw = (
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\nfrom a file\r\n"
        "--b\r\n\r\nthe letter\r\n--b\r\nContent-Type: image/png\r\n\r\nnever\r\n--b--\r\n"
    )
    assert read(raw) == ("the letter\nfrom a file", "the letter")


def test_a_message_inside_is_searched_with_its_header():
    raw = "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\nFrom: a@b\r\n\r\ninside"
    assert read(raw)[0] == "été a@b\ninside"


@pytest.mark.parametrize(
    ("body", "preview"),
    [
        ("> quoted\r\nmine\r\n", "mine"),
        ("-----\r\nmine\r\n=====\r\n", "mine"),
        ("> only\r\n> quoted\r\n", "> only > quoted"),
        ("", ""),
        ("x" * 500, "x" * 200),
        ("a\x1b[31mb\u2028c", "a [31mb c"),
    ],
)
def test_preview(body, preview):
    assert read("\r\n" + body)[1] == preview


def test_limits():
    text, preview = read("\r\n" + "word " * 1_000, Limits(text=100, preview=10))
    assert len(text) == 100
    assert preview == "word word"
