"""What an IMAP server answers, turned into nested lists: a tokeniser without recursion, bounded in depth.

imapclient's own reader walks byte by byte (14 ms for a list page) and recurses as deep as the server likes; this one is a
single regular expression per token and a stack. Lists become `list`, strings and atoms `bytes`, NIL becomes None.
RFC 9051 §4 (data formats), §7 (server responses).
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Item = bytes | None | list["Item"]
Record = bytes | tuple[bytes, bytes]

MAX_DEPTH = 100
_TOKEN = re.compile(
    rb"[ \r\n]*(?:"
    rb"([()])"  # 1 bracket
    rb'|"([^"\\]*(?:\\.[^"\\]*)*)"'  # 2 quoted string
    rb"|~?\{(\d{1,10})\+?\}\r\n"  # 3 literal
    rb"|((?:[^ ()\"\[\]{\r\n]++|\[[^\]\r\n]*+\]|[\[\]{])++)"  # 4 atom, with a section in brackets
    rb")",
    re.DOTALL,
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Unreadable(ValueError):
    """The server said something that is not IMAP."""


def joined(records: Iterable[Record | None]) -> bytes:
    """Put imaplib's records (a line, or a line that ends in a literal and that literal) back into one run of octets."""
    parts: list[bytes] = []
    for record in records:
        if isinstance(record, tuple):
            parts += (record[0], b"\r\n", record[1])
        elif record is not None:
            parts.append(record)
    return b"".join(parts)


def responses(records: Iterable[Record | None]) -> list[list[Item]]:
    """One parsed list per response: imaplib gives each as any number of (line, literal) and then a last line."""
    found: list[list[Item]] = []
    pending: list[Record | None] = []
    for record in records:
        pending.append(record)
        if not isinstance(record, tuple):
            found.append(parse(joined(pending)))
            pending = []
    return found


def parse(data: bytes, *, max_depth: int = MAX_DEPTH) -> list[Item]:
    """Read one or more values that follow each other."""
    top: list[Item] = []
    stack: list[list[Item]] = [top]
    current = top
    position = 0
    end = len(data.rstrip(b" \r\n"))
    match = _TOKEN.match
    while position < end:
        token = match(data, position)
        if token is None:
            raise Unreadable(f"at octet {position}")
        position = token.end()
        group = token.lastindex
        if group == 4:
            word = token[4]
            current.append(None if word in (b"NIL", b"nil") else word)
        elif group == 2:
            text = token[2]
            current.append(_ESCAPED.sub(rb"\1", text) if b"\\" in text else text)
        elif group == 1:
            if token[1] == b"(":
                if len(stack) > max_depth:
                    raise Unreadable("nested too deep")
                inner: list[Item] = []
                current.append(inner)
                stack.append(inner)
                current = inner
            else:
                stack.pop()
                if not stack:
                    raise Unreadable("a bracket too many")
                current = stack[-1]
        else:
            size = int(token[3])
            if position + size > len(data):
                raise Unreadable("a literal is cut")
            current.append(data[position : position + size])
            position += size
            end = max(end, position)
    if len(stack) != 1:
        raise Unreadable("a bracket is missing")
    return top


def text(item: Item) -> str:
    """A string of the protocol, as text; what is not UTF-8 is shown as replacement characters."""
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    return ""


def number(item: Item, default: int = 0) -> int:
    """A number, or the default for anything else."""
    return int(item) if isinstance(item, bytes) and item.isdigit() and len(item) < 20 else default


def pairs(item: Item) -> dict[str, Item]:
    """A list of names and values as a dictionary with upper-case names."""
    if not isinstance(item, list):
        return {}
    return {text(item[i]).upper(): item[i + 1] for i in range(0, len(item) - 1, 2)}


def fetch_rows(records: Sequence[Record | None]) -> list[tuple[int, dict[str, Item]]]:
    """FETCH responses as (sequence number, items by upper-case name)."""
    return [(number(values[0]), pairs(values[1])) for values in responses(records) if len(values) > 1]


@dataclass(frozen=True, slots=True)
class Copied:
    """COPYUID: what the copies are called in their new mailbox (RFC 9051 §7.1)."""

    uidvalidity: int
    source: tuple[int, ...]
    target: tuple[int, ...]


def numbers(uids: bytes, limit: int = 5_000_000) -> list[int]:
    """Expand `1:3,7` in the order given."""
    result: list[int] = []
    for part in uids.split(b","):
        first, _, last = part.strip().partition(b":")
        if not first.isdigit():
            continue
        start = int(first)
        stop = int(last) if last.isdigit() else start
        step = 1 if stop >= start else -1
        if len(result) + abs(stop - start) > limit:
            raise Unreadable("too many numbers")
        result.extend(range(start, stop + step, step))
    return result


def copied(data: bytes | None) -> Copied | None:
    """Read the data of a COPYUID response code."""
    words = (data or b"").split()
    if len(words) != 3 or not words[0].isdigit():
        return None
    source, target = numbers(words[1]), numbers(words[2])
    return Copied(int(words[0]), tuple(source), tuple(target)) if len(source) == len(target) else None


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a SEARCH or SORT: UIDs in the order of the answer, and how many there are in all, when said."""

    uids: list[int]
    count: int | None = None


def extended_search(records: Sequence[Record | None]) -> Found:
    """Read ESEARCH (RFC 9051 §7.3.4) with PARTIAL (RFC 5267 §4.4, RFC 9394 §3.1), ALL and COUNT."""
    uids: list[int] = []
    count: int | None = None
    for values in responses(records):
        words = [value for value in values if not isinstance(value, list)]
        partial = next((value for value in reversed(values) if isinstance(value, list) and len(value) == 2), None)
        for name, value in itertools.pairwise(words):
            if value and (name or b"").upper() == b"ALL":
                uids += numbers(value)
            if name is not None and name.upper() == b"COUNT":
                count = number(value)
        if b"PARTIAL" in {(word or b"").upper() for word in words} and partial and isinstance(partial[1], bytes):
            uids += numbers(partial[1])
    return Found(uids, count)


class Answer:
    """What one command brought: the untagged responses by type, and the response codes by name."""

    def __init__(self, untagged: Mapping[str, list[Any]]) -> None:
        self._untagged = untagged

    def records(self, kind: str) -> list[Record | None]:
        return self._untagged.get(kind, [])

    def code(self, name: str) -> bytes | None:
        found = self._untagged.get(name)
        return found[-1] if found and isinstance(found[-1], bytes) else None


def plain_numbers(records: Sequence[Record | None]) -> list[int]:
    """The numbers of SEARCH or SORT responses."""
    return [int(word) for record in records if isinstance(record, bytes) for word in record.split() if word.isdigit()]
