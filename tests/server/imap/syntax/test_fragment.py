import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.fragment import (
    Coming,
    Dropped,
    Excess,
    Fragmenter,
    FragmentLimits,
    NeedContinuation,
    RawCommand,
)

LIMITS = FragmentLimits(
    line=100, literal=50, append_literal=200, command=150, append_command=500, literals=3, append_literals=5
)


def fragments(data, limits=LIMITS, pieces=None):
    fragmenter = Fragmenter(limits)
    found = []
    for piece in pieces or [data]:
        fragmenter.feed(piece)
        while (fragment := fragmenter.next()) is not None:
            found.append(fragment)
    return found


def one_by_one(data):
    return [data[i : i + 1] for i in range(len(data))]


def test_a_line_is_a_command():
    assert fragments(b"a NOOP\r\nb CHECK\r\n") == [RawCommand((b"a NOOP",)), RawCommand((b"b CHECK",))]


def test_a_synchronising_literal_asks_to_go_on():
    assert fragments(b"a LOGIN {3}\r\n") == [NeedContinuation(3)]
    assert fragments(b"a LOGIN {3}\r\nbob {2}\r\npw\r\n") == [
        NeedContinuation(3),
        NeedContinuation(2),
        RawCommand((b"a LOGIN ", b" ", b""), (b"bob", b"pw")),
    ]


def test_a_literal_that_does_not_wait():
    assert fragments(b"a LOGIN {3+}\r\nbob pw\r\n") == [RawCommand((b"a LOGIN ", b" pw"), (b"bob",))]


def test_an_empty_literal():
    assert fragments(b"a X {0}\r\n\r\n") == [NeedContinuation(0), RawCommand((b"a X ", b""), (b"",))]


def test_line_ends_inside_a_literal_belong_to_it():
    assert fragments(b"a X {6+}\r\na\r\nb\r\n\r\n") == [RawCommand((b"a X ", b""), (b"a\r\nb\r\n",))]


def test_a_long_line_is_dropped_and_the_next_command_is_whole():
    found = fragments(b"a " + b"x" * 200 + b"\r\nb NOOP\r\n")
    assert found == [Dropped(b"a", Excess.LINE), RawCommand((b"b NOOP",))]


def test_a_long_line_without_an_end_takes_no_room():
    fragmenter = Fragmenter(LIMITS)
    for _ in range(100):
        fragmenter.feed(b"(" * 1000)
        while fragmenter.next() is not None:
            pass
        assert fragmenter.buffered <= 2000


def test_a_dropped_line_takes_its_literal_with_it():
    found = fragments(b"a " + b"x" * 200 + b" {9+}\r\nb LOGOUT\n more\r\nc NOOP\r\n")
    assert found == [Dropped(b"a", Excess.LINE), RawCommand((b"c NOOP",))]


def test_a_literal_that_waits_is_refused_before_it_is_sent():
    assert fragments(b"a SEARCH {51}\r\nb NOOP\r\n") == [Dropped(b"a", Excess.LITERAL), RawCommand((b"b NOOP",))]


def test_a_literal_that_does_not_wait_is_swallowed():
    found = fragments(b"a SEARCH {51+}\r\n" + b"\r\nx NOOP\r\n".ljust(51) + b" ALL\r\nb NOOP\r\n")
    assert found == [Dropped(b"a", Excess.LITERAL, pending=51), RawCommand((b"b NOOP",))]


def test_append_has_its_own_limits():
    assert fragments(b"a append INBOX {200}\r\n") == [NeedContinuation(200)]
    assert fragments(b"a append INBOX {201}\r\n") == [Dropped(b"a", Excess.LITERAL, append=True)]
    assert fragments(b"a appendix INBOX {200}\r\n") == [Dropped(b"a", Excess.LITERAL)]


def test_many_literals_are_too_many():
    found = fragments(b"a X" + b" {1+}\r\nx" * 4 + b"\r\nb NOOP\r\n")
    assert found == [Dropped(b"a", Excess.COMMAND, pending=1), RawCommand((b"b NOOP",))]


def test_the_sum_of_literals_is_bounded():
    found = fragments(
        b"a APPEND m" + b" {200+}\r\n" + b"x" * 200 + b" {200+}\r\n" + b"x" * 200 + b" {200}\r\nb NOOP\r\n"
    )
    assert found == [Dropped(b"a", Excess.COMMAND, append=True), RawCommand((b"b NOOP",))]


def test_a_bare_line_feed_ends_the_line_and_nothing_in_it_is_done():
    assert fragments(b"a NOOP\nb NOOP\r\n") == [Dropped(b"a", Excess.BARE_LF), RawCommand((b"b NOOP",))]


def test_a_huge_number_is_no_overflow():
    assert fragments(b"a X {99999999999999999999}\r\nb NOOP\r\n") == [
        Dropped(b"a", Excess.LITERAL),
        RawCommand((b"b NOOP",)),
    ]


def test_reset_forgets_what_came_before():
    fragmenter = Fragmenter(LIMITS)
    fragmenter.feed(b"a NOOP\r\nb LOGIN {5+}\r\nbo")
    fragmenter.reset()
    fragmenter.feed(b"c NOOP\r\n")
    assert fragmenter.next() == RawCommand((b"c NOOP",))
    assert fragmenter.next() is None


@pytest.mark.parametrize("length", range(97, 106))
@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_the_line_limit_is_the_same_at_any_pace(length, end):
    data = b"a " + b"x" * (length - 2) + end + b"b NOOP\r\n"
    assert fragments(data) == fragments(data, pieces=one_by_one(data))
    assert isinstance(fragments(data)[0], RawCommand) is (length <= 100 and end == b"\r\n")


def test_a_line_without_an_end_is_dropped_as_soon_as_it_is_too_long():
    assert fragments(b"a " + b"x" * 101) == [Dropped(b"a", Excess.LINE)]


SOUP = st.lists(
    st.sampled_from(
        [
            b"a NOOP",
            b"b APPEND x ",
            b"\r\n",
            b"\n",
            b"\r",
            b"{3+}\r\n",
            b"~{2}\r\n",
            b"{60+}\r\n",
            b"{0}\r\n",
            b"abc",
            b'"',
            b"(",
            b"x" * 40,
            b"\0",
        ]
    ),
    max_size=30,
).map(b"".join)


@given(SOUP, st.randoms(use_true_random=False))
def test_the_pace_of_the_octets_makes_no_difference(data, rng):
    whole = fragments(data)
    assert fragments(data, pieces=one_by_one(data)) == whole
    assert fragments(data, pieces=cut(data, rng)) == whole


@given(st.binary(max_size=400))
def test_no_octets_raise(data):
    for fragment in fragments(data):
        if isinstance(fragment, RawCommand):
            assert len(fragment.lines) == len(fragment.literals) + 1
            assert sum(map(len, fragment.lines + fragment.literals)) <= LIMITS.append_command


def cut(data, rng: random.Random):
    pieces, start = [], 0
    while start < len(data):
        size = rng.randint(1, 20)
        pieces.append(data[start : start + size])
        start += size
    return pieces or [b""]


def test_t113_a_large_literal_is_told_before_any_of_it_is_taken():
    fragmenter = Fragmenter(FragmentLimits(append_literal=100, append_command=300, large=50))
    fragmenter.feed(b"a APPEND INBOX {49+}\r\n" + b"x" * 49 + b" {50+}\r\n" + b"y" * 50 + b" {60}\r\n")
    assert fragmenter.next() == Coming(50)
    assert fragmenter.buffered >= 50, "what has arrived of it waits"
    assert fragmenter.next() == NeedContinuation(60)
    fragmenter.feed(b"z" * 60 + b"\r\n")
    assert [len(literal) for literal in fragmenter.next().literals] == [49, 50, 60]


def test_a_replacement_carries_a_message_too():
    for words in (b"REPLACE 1", b"uid replace 1"):
        assert fragments(b"a " + words + b" x {200}\r\n") == [NeedContinuation(200)]
        assert fragments(b"a " + words + b" x {201}\r\n") == [Dropped(b"a", Excess.LITERAL, append=True)]
    for words in (b"REPLACED 1", b"UID APPEND", b"UID FETCH REPLACE"):
        assert fragments(b"a " + words + b" x {51}\r\n") == [Dropped(b"a", Excess.LITERAL)]
