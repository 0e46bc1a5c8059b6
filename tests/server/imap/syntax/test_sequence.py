from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.sequence import SequenceSet, compress, contains, format_numbers, members, merge

NUMBERS = st.integers(0, 2**32 - 1)
SETS = st.lists(st.one_of(NUMBERS.map(lambda n: (n, n)), st.tuples(NUMBERS, NUMBERS)), min_size=1, max_size=20).map(
    lambda pairs: SequenceSet(tuple(pairs))
)


@given(SETS)
def test_what_is_written_is_read(sequence):
    assert SequenceSet.parse(bytes(sequence)) == sequence


@pytest.mark.parametrize(
    "text", [b"", b"0", b"1,", b",1", b"1:", b":1", b"01", b"1:2:3", b"-1", b"4294967296", b"1 2", b"**", b"a"]
)
def test_what_is_no_set_is_refused(text):
    with pytest.raises(ProtocolError):
        SequenceSet.parse(text)


@pytest.mark.parametrize(
    ("text", "largest", "ranges"),
    [
        (b"*", 9, ((9, 9),)),
        (b"5:*", 9, ((5, 9),)),
        (b"12:*", 9, ((9, 12),)),  # RFC 9051 §9: * stands for the largest, so the last message is always in n:*
        (b"*:2", 9, ((2, 9),)),
        (b"7,1:3,2:5", 9, ((1, 5), (7, 7))),
        (b"3,2,1", 9, ((1, 3),)),
    ],
)
def test_a_star_and_the_order(text, largest, ranges):
    assert SequenceSet.parse(text).resolve(largest) == ranges


def test_four_thousand_million_numbers_are_one_range():
    """security T118."""
    sequence = SequenceSet.parse(b"1:4294967295")
    assert sequence.resolve(10) == ((1, 4294967295),)
    assert members(sequence.resolve(10), array("I", [3, 70_000, 4_000_000_000])) == [3, 70_000, 4_000_000_000]


@given(st.sets(st.integers(1, 300)))
def test_numbers_and_back(numbers):
    ordered = sorted(numbers)
    ranges = compress(ordered)
    assert members(ranges, ordered) == ordered
    assert all(contains(ranges, n) is (n in numbers) for n in range(1, 301))
    if ordered:
        assert SequenceSet.parse(format_numbers(ordered)).resolve(300) == ranges


def test_the_order_of_a_sort_is_kept():
    assert format_numbers([9, 5, 6, 7, 1, 3, 2]) == b"9,5:7,1,3,2"


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 10)).map(lambda p: (p[0], p[0] + p[1])), max_size=15))
def test_merging_keeps_the_members(pairs):
    merged = merge(pairs)
    assert {n for low, high in merged for n in range(low, high + 1)} == {
        n for low, high in pairs for n in range(low, high + 1)
    }
    assert all(first[1] + 1 < second[0] for first, second in pairwise(merged))
