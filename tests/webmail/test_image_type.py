import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webmail.mail_rooms import PNG
from webmail.image_type import Picture, sniff

GIF = b"GIF89a\x02\x00\x03\x00\x80"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"\x00" * 9 + b"\xff\xc0\x00\x11\x08\x00\x20\x00\x30\x03"
VP8 = b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 10 + b"\x05\x00\x07\x00"
VP8X = b"RIFF\x00\x00\x00\x00WEBPVP8X" + b"\x00" * 8 + b"\x09\x00\x00\x03\x00\x00"
VP8L = (
    b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f"
    + ((3 - 1) | ((4 - 1) << 14)).to_bytes(4, "little")
    + b"\x00" * 8
)


@pytest.mark.parametrize(
    ("data", "picture"),
    [
        (PNG, Picture("image/png", 1, 1)),
        (GIF, Picture("image/gif", 2, 3)),
        (JPEG, Picture("image/jpeg", 48, 32)),
        (VP8, Picture("image/webp", 5, 7)),
        (VP8X, Picture("image/webp", 10, 4)),
        (VP8L, Picture("image/webp", 3, 4)),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"\x89PNG\r\n", None),
        (b"", None),
        (b"\xff\xd8\xff" + b"\xff" * 50, Picture("image/jpeg", 0, 0)),
    ],
)
def test_first_octets_decide(data, picture):
    assert sniff(data) == picture


def test_a_picture_that_would_fill_the_memory_is_not_shown():
    bomb = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]
    assert not sniff(bomb).showable
    assert sniff(PNG).showable
    assert not Picture("image/jpeg", 0, 0).showable


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x00\x00\x00\x00WEBP", b"\x89PNG\r\n\x1a\n"]),
    st.binary(max_size=100),
)
def test_no_octets_raise(start, rest):
    sniff(start + rest)
