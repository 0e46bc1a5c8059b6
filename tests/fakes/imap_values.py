"""A strict reader of IMAP values for tests: lists, NIL, numbers, quoted strings and literals (RFC 9051 §4).

It takes nothing that the grammar does not: an error here is a wire form that a client could misread.
"""

import re

NUMBER = re.compile(rb"\d+")
LITERAL = re.compile(rb"\{(\d+)\}\r\n")


class WireError(Exception):
    pass


def read(data: bytes):
    """The one value that `data` holds: None, int, bytes or list."""
    value, position = _value(data, 0)
    if position != len(data):
        raise WireError(f"left over: {data[position : position + 40]!r}")
    return value


def _value(data, position):
    """Iterative, so that depth is bounded by the writer alone."""
    stack = []
    while True:
        char = data[position : position + 1]
        if char == b"(":
            stack.append([])
            position += 1
            if data[position : position + 1] == b")":
                raise WireError("empty list")
            continue
        if data.startswith(b"NIL", position):
            value, position = None, position + 3
        elif char == b'"':
            value, position = _quoted(data, position + 1)
        elif char == b"{":
            value, position = _literal(data, position)
        elif char.isdigit():
            match = NUMBER.match(data, position)
            value, position = int(match[0]), match.end()
        else:
            raise WireError(f"unexpected {data[position : position + 40]!r}")
        while True:
            if not stack:
                return value, position
            stack[-1].append(value)
            after = data[position : position + 1]
            if after == b")":
                value, position = stack.pop(), position + 1
                continue
            if after == b" ":
                position += 1
            elif after != b"(" or not isinstance(value, list):  # only lists may stand side by side
                raise WireError(f"no separator at {data[position : position + 40]!r}")
            break


def _quoted(data, position):
    out = bytearray()
    while True:
        char = data[position : position + 1]
        if char == b'"':
            return bytes(out), position + 1
        if char == b"\\":
            position += 1
            char = data[position : position + 1]
            if char not in (b'"', b"\\"):
                raise WireError("bad escape")
        if char in (b"", b"\r", b"\n", b"\0") or char >= b"\x80":
            raise WireError(f"{char!r} in a quoted string")
        out += char
        position += 1


def _literal(data, position):
    match = LITERAL.match(data, position)
    if match is None:
        raise WireError("bad literal")
    end = match.end() + int(match[1])
    octets = data[match.end() : end]
    if len(octets) != int(match[1]) or b"\0" in octets:
        raise WireError("bad literal octets")
    return octets, end


def check_envelope(value):
    """RFC 9051 §9 `envelope`."""
    assert isinstance(value, list) and len(value) == 10
    for number in (0, 1, 8, 9):
        assert value[number] is None or isinstance(value[number], bytes)
    for number in range(2, 8):
        depth = 0
        for address in value[number] or []:
            assert isinstance(address, list) and len(address) == 4
            assert all(item is None or isinstance(item, bytes) for item in address)
            if address[3] is None:
                depth += 1 if address[2] is not None else -1
            else:
                assert address[2] is not None
            assert depth in (0, 1)
        assert depth == 0


def check_body(value, *, extended):
    """RFC 9051 §9 `body`, walked without recursion."""
    stack = [value]
    while stack:
        body = stack.pop()
        assert isinstance(body, list)
        if isinstance(body[0], list):
            children = 0
            while children < len(body) and isinstance(body[children], list):
                stack.append(body[children])
                children += 1
            rest = body[children:]
            assert isinstance(rest[0], bytes)
            assert len(rest) == (5 if extended else 1)
            if extended:
                _check_params(rest[1])
                _check_tail(rest[2:])
            continue
        kind, sub = body[0].lower(), body[1].lower()
        _check_params(body[2])
        assert all(item is None or isinstance(item, bytes) for item in body[3:5])
        assert isinstance(body[5], bytes) and isinstance(body[6], int)
        rest = body[7:]
        if kind == b"text":
            assert isinstance(rest.pop(0), int)
        elif kind == b"message" and sub in (b"rfc822", b"global"):
            check_envelope(rest.pop(0))
            stack.append(rest.pop(0))
            assert isinstance(rest.pop(0), int)
        if extended:
            assert len(rest) == 4
            assert rest[0] is None or isinstance(rest[0], bytes)
            _check_tail(rest[1:])
        else:
            assert rest == []


def _check_params(params):
    assert params is None or (isinstance(params, list) and len(params) % 2 == 0 and params)
    assert all(isinstance(item, bytes) for item in params or [])


def _check_tail(tail):
    dsp, lang, loc = tail
    if dsp is not None:
        assert len(dsp) == 2 and isinstance(dsp[0], bytes)
        _check_params(dsp[1])
    assert lang is None or (isinstance(lang, list) and lang and all(isinstance(item, bytes) for item in lang))
    assert loc is None or isinstance(loc, bytes)
