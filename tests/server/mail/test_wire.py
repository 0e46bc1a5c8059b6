"""RFC 9051 §4.3 strings."""

import pytest

from server.mail import wire
from tests.fakes import imap_values


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'a "b" \\c', b'"a \\"b\\" \\\\c"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\nb", b"{3}\r\na\nb"),
        ("é".encode(), b"{2}\r\n\xc3\xa9"),
        (b"a\x00b", b"{2}\r\nab"),
        (b"x" * 1000, b'"' + b"x" * 1000 + b'"'),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_string(value, written):
    assert wire.string(value) == written
    assert imap_values.read(written) == value.replace(b"\x00", b"")


def test_nil_and_the_empty_string_differ():
    assert wire.nstring(None) == b"NIL"
    assert wire.nstring(b"") == b'""'
    assert wire.text(None) == b"NIL"
    assert wire.text("é") == b"{2}\r\n\xc3\xa9"
