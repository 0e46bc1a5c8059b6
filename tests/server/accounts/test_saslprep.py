"""RFC 4013, of passwords."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts.saslprep import prepared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # RFC 4013 §3.
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        # §2.1: spaces of other scripts, and what is mapped to nothing.
        ("correct\u3000horse\u00a0battery", "correct horse battery"),
        # U+200B is in both tables; it counts as a space, as libidn has it.
        ("zero\u200bwidth\ufeff\u2060", "zero width"),
        # §2.2: NFKC.
        ("\uff50\uff41\uff53\uff53", "pass"),
        ("u\u0308ber", "\u00fcber"),
        # Right to left is fine by itself.
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        # Younger than Unicode 3.2.
        ("\U0001f40e battery", "\U0001f40e battery"),
        ("", ""),
    ],
)
def test_examples(text, expected):
    assert prepared(text) == expected


@pytest.mark.parametrize(
    "text", ["\x07", "a\x7f", "\u0627\u0031", "a\u05d0", "\ue000x", "\ufff9", "\u00ad", "tag\U000e0041"]
)
def test_what_the_profile_forbids_stays_as_it_came(text):
    assert prepared(text) == text


@given(st.text(max_size=40))
def test_nothing_is_refused_and_twice_is_once(text):
    once = prepared(text)
    assert prepared(once) == once


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_ascii_is_itself(text):
    assert prepared(text) == text
