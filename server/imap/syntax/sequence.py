"""Sets of message numbers, kept as ranges however large they are.

    sequence-set = (seq-number / seq-range) ["," sequence-set]
    seq-range    = seq-number ":" seq-number
    seq-number   = nz-number / "*"

RFC 9051 §9; `$` stands for the saved search result (RFC 5182). A set of four thousand million numbers costs what one range costs.
"""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from server.imap.syntax.error import ProtocolError

STAR = 0
_MAX = 2**32 - 1
_RANGE = re.compile(rb"(\*|[1-9][0-9]{0,9})(?::(\*|[1-9][0-9]{0,9}))?\Z")

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Ranges as written, `STAR` for `*`. Use `resolve` before comparing numbers."""

    ranges: Ranges
    saved: bool = False

    SAVED: ClassVar["SequenceSet"]

    @classmethod
    def parse(cls, text: bytes) -> "SequenceSet":
        """Read a sequence-set; raises ProtocolError."""
        ranges = []
        for item in text.split(b","):
            match = _RANGE.match(item)
            if match is None:
                raise ProtocolError("The sequence set is malformed")
            low = _number(match[1])
            ranges.append((low, low if match[2] is None else _number(match[2])))
        return cls(tuple(ranges))

    def resolve(self, largest: int) -> Ranges:
        """Ascending ranges that do not touch, with `*` taken as `largest` (RFC 9051 §9: order within a range is free)."""
        pairs = []
        for first, last in self.ranges:
            low, high = first or largest, last or largest
            pairs.append((low, high) if low <= high else (high, low))
        return merge(pairs)

    def __bytes__(self) -> bytes:
        if self.saved:
            return b"$"
        return b",".join(_text(low) if low == high else _text(low) + b":" + _text(high) for low, high in self.ranges)


SequenceSet.SAVED = SequenceSet((), saved=True)


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    value = int(text)
    if value > _MAX:
        raise ProtocolError("A message number is too large")
    return value


def _text(number: int) -> bytes:
    return b"%d" % number if number else b"*"


def merge(pairs: Iterable[tuple[int, int]]) -> Ranges:
    """Sort ranges and join those that overlap or touch."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def compress(numbers: Iterable[int]) -> Ranges:
    """Numbers as ranges, in the order given: a run that rises by one becomes one range."""
    ranges: list[tuple[int, int]] = []
    start = previous = -1
    for number in numbers:
        if number == previous + 1 and previous > 0:
            previous = number
            continue
        if previous > 0:
            ranges.append((start, previous))
        start = previous = number
    if previous > 0:
        ranges.append((start, previous))
    return tuple(ranges)


def format_ranges(ranges: Iterable[tuple[int, int]]) -> bytes:
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges)


def format_numbers(numbers: Iterable[int]) -> bytes:
    """Numbers as a sequence-set in the order given; only rising runs become ranges, so the order keeps its meaning."""
    return format_ranges(compress(numbers))


def members(ranges: Iterable[tuple[int, int]], ascending: "Sequence[int] | array[int]") -> list[int]:
    """Those of `ascending` that lie in `ranges`: costs the size of the answer, not of the ranges."""
    found: list[int] = []
    for low, high in ranges:
        start = bisect_left(ascending, low)
        stop = bisect_right(ascending, high, start)
        found.extend(ascending[start:stop])
    return found


def contains(ranges: Ranges, number: int) -> bool:
    """Whether `number` lies in ascending `ranges`."""
    index = bisect_right(ranges, (number, _MAX + 1)) - 1
    return index >= 0 and ranges[index][0] <= number <= ranges[index][1]
