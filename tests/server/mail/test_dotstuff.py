"""RFC 5321 §4.5.2, RFC 1939 §3."""

import pytest

from server.mail import dotstuff


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b"", b""),
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c\r\n"),
        (b"a.b\r\n", b"a.b\r\n"),
    ],
)
def test_both_ways(data, stuffed):
    assert dotstuff.stuff(data) == stuffed
    assert dotstuff.unstuff(stuffed) == data


def test_a_transmission_ends_with_a_line_of_one_dot():
    assert dotstuff.transmit(b"a\r\n") == b"a\r\n.\r\n"
    assert dotstuff.transmit(b"a") == b"a\r\n.\r\n"
    assert dotstuff.transmit(b"") == b".\r\n"
    assert dotstuff.transmit(b".\r\n") == b"..\r\n.\r\n"
