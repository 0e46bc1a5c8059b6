import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.fragment import Fragmenter, FragmentLimits, NeedContinuation, RawCommand
from server.imap.syntax.response import astring, continuation, flags, nstring, status, string, text, untagged
from server.imap.syntax.token import Reader

LIMITS = FragmentLimits(line=10_000, literal=10_000, command=30_000)


def reader(data):
    """A reader over what a client would send if it wrote `data` as an argument."""
    fragmenter = Fragmenter(LIMITS)
    fragmenter.feed(data + b"\r\n")
    while isinstance(fragment := fragmenter.next(), NeedContinuation):
        pass
    assert isinstance(fragment, RawCommand)
    return Reader(fragment)


OCTETS = st.binary(max_size=1200).filter(lambda b: b"\0" not in b)


@given(OCTETS)
def test_a_string_is_read_as_it_was_written(value):
    assert reader(string(value)).string() == value


@given(st.text(max_size=200).filter(lambda t: "\0" not in t))
def test_a_string_of_utf8_too(value):
    assert reader(string(value.encode(), utf8=True)).string() == value.encode()


@given(OCTETS)
def test_an_astring_is_read_as_it_was_written(value):
    assert reader(astring(value)).astring() == value


def test_forms():
    assert string(b"plain") == b'"plain"'
    assert string(b'a "b" \\') == b'"a \\"b\\" \\\\"'
    assert string("é".encode()) == b"{2}\r\n\xc3\xa9"
    assert string("é".encode(), utf8=True) == b'"\xc3\xa9"'
    assert string(b"two\r\nlines") == b"{10}\r\ntwo\r\nlines"
    assert nstring(None) == b"NIL"
    assert nstring(b"NIL") == b'"NIL"'
    assert astring(b"nil") == b'"nil"'
    assert astring(b"a]b") == b"a]b"
    assert astring(b"") == b'""'
    assert flags({"\\Seen", "$Junk"}) == b"($Junk \\Seen)"
    assert untagged(b"1", b"EXISTS") == b"* 1 EXISTS\r\n"
    assert continuation(b"go") == b"+ go\r\n"


@pytest.mark.parametrize(
    ("tag", "code", "line"), [(b"a", None, b"a OK Done\r\n"), (b"*", b"ALERT", b"* OK [ALERT] Done\r\n")]
)
def test_a_status_line(tag, code, line):
    assert status(tag, b"OK", "Done", code) == line


@given(st.text())
def test_human_text_stays_one_line_of_ascii(words):
    assert not set(text(words)) & (set(range(0x20)) | set(range(0x7F, 0x100)))
