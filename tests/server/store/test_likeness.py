import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.fold import fold
from server.store.likeness import VARIANTS, Likeness, bare, distance, slips, spellings, words_of


@pytest.mark.parametrize(
    ("a", "b", "apart"),
    [
        ("helo", "hello", 1),
        ("helo", "help", 1),
        ("helo", "hole", 2),
        ("recieve", "receive", 1),
        ("", "ab", 2),
        ("same", "same", 0),
        ("abcdef", "xyzxyz", 3),
    ],
)
def test_slips_between_words(a, b, apart):
    assert min(distance(a, b, 2), 3) == apart


LETTERS = st.text("abc", max_size=7)


@given(LETTERS, LETTERS)
def test_distance_is_the_same_both_ways_and_nought_for_the_same(a, b):
    assert min(distance(a, b, 2), 3) == min(distance(b, a, 2), 3)
    assert (distance(a, b, 2) == 0) == (a == b)


@given(st.text("abcde", min_size=4, max_size=7), st.integers(0, 6), st.sampled_from("xyz"))
def test_one_slip_is_forgiven(word, at, other):
    at %= len(word)
    for slip in (word[:at] + other + word[at:], word[:at] + word[at + 1 :], word[:at] + other + word[at + 1 :]):
        assert distance(word, slip, 1) <= 1
        assert Likeness(word).is_in(f"before {slip} after")


@given(st.text(max_size=30), st.text(max_size=60))
def test_nothing_raises(word, text):
    Likeness(fold(word)).is_in(fold(text))


@pytest.mark.parametrize(
    ("word", "expected"), [("abc", 0), ("helo", 1), ("invoices", 2), ("会议记录", 0), ("20241", 0), ("a@b.example", 0)]
)
def test_short_words_numbers_and_chinese_stand_as_written(word, expected):
    assert slips(word) == expected


def test_accents_aside():
    assert bare("zürich déjà") == "zurich deja"
    assert Likeness("zurich").is_in("aus zürich")
    assert Likeness("déjà").is_in("deja vu")
    assert not Likeness("会議").is_in("会议")


def test_spellings_of_a_piece():
    assert {"dej", "déj", "děj"} <= set(spellings("dej"))
    assert spellings("xqw") == ["xqw"]
    assert "éàu" in spellings("eau")
    assert len(spellings("aea")) <= VARIANTS


def test_words_of_a_term():
    assert words_of("b a  b 会议") == ["b", "a", "会议"]
    assert words_of("  ") == []
