"""Reading a server's responses, written from the grammar of RFC 9051 §9 and apart from the server's own readers."""

import re
from collections.abc import Iterable

Value = bytes | list["Value"]

_LITERAL = re.compile(rb"~?\{(\d+)\}\r\n")
_CODE = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*(?:\]?[^\] ][^\]]*)?))?\]")


def values(text: bytes) -> list[Value]:
    """Words, quoted strings, literals and parenthesised lists; `BODY[HEADER.FIELDS (X)]<0>` is one word."""
    found, position = _read(text, 0)
    if position != len(text):
        raise ValueError(f"what follows {text[:position]!r} is no value")
    return found


def _read(text: bytes, at: int) -> tuple[list[Value], int]:
    found: list[Value] = []
    while at < len(text) and text[at : at + 1] != b")":
        mark = text[at : at + 1]
        if mark == b" ":
            at += 1
        elif mark == b"(":
            inner, at = _read(text, at + 1)
            if text[at : at + 1] != b")":
                raise ValueError("a list has no end")
            found.append(inner)
            at += 1
        elif mark == b'"':
            match = re.compile(rb'"((?:[^"\\]|\\.)*)"').match(text, at)
            if match is None:
                raise ValueError("a quoted string has no end")
            found.append(re.sub(rb"\\(.)", rb"\1", match[1]))
            at = match.end()
        elif literal := _LITERAL.match(text, at):
            at = literal.end() + int(literal[1])
            found.append(text[literal.end() : at])
        else:
            match = re.compile(rb"[^\s()\[\]]*(?:\[[^\]]*\][^\s()]*)?").match(text, at)
            if match is None or match.end() == at:
                raise ValueError(f"no value at {text[at : at + 20]!r}")
            found.append(match[0])
            at = match.end()
    return found, at


def fetch_items(text: bytes) -> dict[bytes, Value]:
    """`(UID 1 FLAGS (\\Seen))` by name."""
    (pairs,) = values(text)
    if not isinstance(pairs, list) or len(pairs) % 2:
        raise ValueError("FETCH data come in pairs")
    return {bytes(name).upper(): value for name, value in zip(pairs[::2], pairs[1::2], strict=True)}


def flag_set(value: Value) -> frozenset[str]:
    r"""Without \Recent, which is each session's own."""
    return frozenset(bytes(flag).decode() for flag in value) - {"\\Recent"}


def modseq(value: Value) -> int:
    return int(bytes(value[0]))


def numbers(text: bytes) -> list[int]:
    """A sequence-set of numbers alone, in its order."""
    found: list[int] = []
    for part in text.split(b","):
        low, _, high = part.partition(b":")
        first, last = int(low), int(high or low)
        found.extend(range(min(first, last), max(first, last) + 1))
    return found


def sequence(found: Iterable[int]) -> bytes:
    """The shortest sequence-set of some numbers."""
    runs: list[list[int]] = []
    for number in sorted(set(found)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs)


def code(status: bytes) -> tuple[bytes, bytes]:
    """The response code of `OK [NAME arguments] text`; empty where there is none."""
    match = _CODE.search(status.partition(b" ")[2][:4_000_000])
    if match is None or match.start():
        return b"", b""
    return match[1], match[2] or b""


def found_numbers(lines: Iterable[bytes]) -> tuple[list[int], dict[bytes, bytes]]:
    """What SEARCH, SORT or ESEARCH told: the numbers, and the other items of ESEARCH."""
    items: dict[bytes, bytes] = {}
    told: list[int] = []
    for line in lines:
        if match := re.fullmatch(rb"\* (?:SEARCH|SORT)((?: \d+)*)(?: \(MODSEQ (\d+)\))?", line):
            told = [int(word) for word in match[1].split()]
            if match[2]:
                items[b"MODSEQ"] = match[2]
        elif line.startswith(b"* ESEARCH"):
            words = re.sub(rb"^\* ESEARCH \(TAG \"[^\"]*\"\)(?: UID)?", b"", line).split()
            items |= dict(zip(words[::2], words[1::2], strict=True))
            told = numbers(items[b"ALL"]) if b"ALL" in items else []
    return told, items


def thread_numbers(lines: Iterable[bytes]) -> list[int]:
    return [int(n) for line in lines if line.startswith(b"* THREAD") for n in re.findall(rb"\d+", line)]
