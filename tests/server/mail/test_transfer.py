"""RFC 2045 §6: encodings read leniently."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.mail import transfer


@pytest.mark.parametrize(
    ("encoded", "octets"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVs*bG8=", b"hello"),  # RFC 2045 §6.8: other characters are ignored
        (b"aGVsbG8", b"hello"),
        (b"aGVsbA", b"hell"),
        (b"aGVsb", b"hel"),
        (b"", b""),
        (b"====", b""),
        (b"\xff\xfe", b""),
    ],
)
def test_base64(encoded, octets):
    assert transfer.decode(encoded, "base64") == octets


def test_quoted_printable():
    assert transfer.decode(b"Gr=C3=BC=\r\n=C3=9Fe=20\r\nx=", "quoted-printable") == "Grüße \r\nx".encode()
    assert transfer.decode(b"=ZZ=4", "quoted-printable") == b"=ZZ=4"  # damage is shown, not dropped


def test_uuencode():
    assert transfer.decode(b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", "x-uuencode") == b"hello"
    assert transfer.decode(b"begin 644 x\n\xff\xff\nend", "uuencode") == b""


@pytest.mark.parametrize("encoding", ["7bit", "8bit", "binary", "x-unknown", ""])
def test_everything_else_is_left_alone(encoding):
    assert transfer.decode(b"=41\x00\xff", encoding) == b"=41\x00\xff"


def test_white_space_at_the_end_of_a_line_came_on_the_way():
    """RFC 2045 §6.7, rules 3 and 5."""
    assert transfer.decode(b"a  \r\nb \t\nc=20 \r\nd= \t\r\ne \t", "quoted-printable") == b"a\r\nb\nc \r\nde"


@given(st.binary(max_size=200))
def test_encoded_text_comes_back_with_padding_put_on(octets):
    encoded = binascii.b2a_qp(octets, istext=False)
    assert transfer.decode(encoded.replace(b"\n", b" \t\n"), "quoted-printable") == octets
