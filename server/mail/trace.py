"""Trace fields (RFC 5321 §4.4): Received and Return-Path, written and counted.

Received = "from" SP helo ["(" info ")"] "by" host "with" protocol "id" id ["for" "<" path ">"] ";" date-time
"""

import re
from datetime import datetime
from typing import Final

from server.mail import date, header

_UNSAFE: Final = re.compile(r"[^\x21-\x27\x2a-\x3a\x3d\x3f-\x5b\x5d-\x7e]")  # no space, control, ( ) ; < > \ or 8-bit
_RETURN_PATH: Final = re.compile(
    rb"[Rr][Ee][Tt][Uu][Rr][Nn]-[Pp][Aa][Tt][Hh][ \t]*:(?:[^\n]*+\n[ \t])*+[^\n]*+(?:\n|\Z)"
)
_PATH_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f<>]")


def received(
    *,
    helo: str,
    peer: str,
    by: str,
    protocol: str,
    identifier: str,
    date: datetime,
    recipient: str | None = None,
    peer_name: str | None = None,
    tls: str | None = None,
) -> bytes:
    """One Received field. What the peer said about itself cannot leave its place: unsafe characters become "?"."""
    info = f"{_safe(peer_name)} [{_safe(peer)}]" if peer_name else f"[{_safe(peer)}]"
    lines = [
        f"Received: from {_safe(helo) or 'unknown'} ({info})",
        f"by {_safe(by)} with {_safe(protocol)}"
        + (f" (using {_safe(tls)})" if tls else "")
        + f" id {_safe(identifier)}",
    ]
    if recipient is not None and not _PATH_UNSAFE.search(recipient) and len(recipient) <= 900:
        lines.append(f"for <{recipient}>")
    return ("\r\n\t".join(lines) + f";\r\n\t{_format(date)}\r\n").encode("utf-8", "replace")


_format = date.format


def _safe(text: str | None) -> str:
    return _UNSAFE.sub("?", text or "")[:255]


def return_path(reverse_path: str) -> bytes:
    """RFC 5321 §4.4: the reverse path, added at final delivery; "" is the null path. Raises ValueError on a bad one."""
    if _PATH_UNSAFE.search(reverse_path) and not reverse_path.startswith('"'):
        raise ValueError("not a reverse path")
    if any(char in reverse_path for char in "\r\n\x00"):
        raise ValueError("not a reverse path")
    return f"Return-Path: <{reverse_path}>\r\n".encode("utf-8", "replace")


def strip_return_path(raw: bytes) -> bytes:
    """The message without the Return-Path fields at its top: only the final delivery may say one."""
    position = 0
    while True:
        match = _RETURN_PATH.match(raw, position)
        if match is None:
            return raw[position:] if position else raw
        position = match.end()


def hop_count(raw: bytes) -> int:
    """How many Received fields the header has (RFC 5321 §6.3 loop detection)."""
    block, _ = header.split(raw)
    return block.count("received")
