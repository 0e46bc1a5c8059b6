import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.mailbox_name import Pattern, decode_utf7, encode_utf7

NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),  # RFC 3501 §5.1.3
        ("Entwürfe", b"Entw&APw-rfe"),
        ("A & B", b"A &- B"),
        ("收件箱", b"&ZTZO9nux-"),
        ("💩", b"&2D3cqQ-"),
        ("", b""),
    ],
)
def test_known_names(name, wire):
    assert encode_utf7(name) == wire
    assert decode_utf7(wire) == name


@given(NAMES)
def test_every_name_survives(name):
    wire = encode_utf7(name)
    assert wire.isascii()
    assert decode_utf7(wire) == name


@pytest.mark.parametrize(
    "wire",
    [
        b"&",
        b"&abc",
        b"&Jjo",
        b"&Jjo!",
        b"&U,BTFw-&ZeVnLIqe-",  # adjoining shifts
        b"&AGE-",  # a letter that needs no shift
        b"&2D0-",  # half a pair
        b"&AB=-",
        b"a\xff",
        b"&U,BTFw",
    ],
)
def test_one_name_has_one_spelling(wire):
    with pytest.raises(ProtocolError):
        decode_utf7(wire)


@given(st.binary(max_size=30))
def test_octets_are_decoded_or_refused(wire):
    try:
        name = decode_utf7(wire)
    except ProtocolError:
        return
    assert encode_utf7(name) == wire or wire.isascii()


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "a/b", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("%/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("a/*", "a/b/c", True),
        ("a*", "a", True),
        ("a*c", "a/b/c", True),
        ("a%c", "abc", True),
        ("a%c", "a/c", False),
        ("%*%", "x/y", True),
        ("", "", True),
        ("", "a", False),
        ("INBOX", "INBOX", True),
        ("a.c", "abc", False),
    ],
)
def test_wildcards(pattern, name, matches):
    assert Pattern(pattern).matches(name) is matches


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=10))
def test_the_matcher_agrees_with_a_regular_expression(pattern, name):
    regex = "".join(".*" if c == "*" else "[^/]*" if c == "%" else re.escape(c) for c in pattern)
    assert Pattern(pattern).matches(name) is bool(re.fullmatch(regex, name, re.DOTALL))


def test_no_pattern_is_slow():
    """security T125: 500 stars against names that almost match, a billion steps for a backtracking matcher."""
    pattern = Pattern("*a" * 500 + "b")
    assert not any(pattern.matches("a" * 900) for _ in range(20))
