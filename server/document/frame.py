"""What goes over the pipes between a process that has documents and the one that reads them. Pure."""

import struct
from collections.abc import Iterator
from typing import Final

REQUEST: Final = struct.Struct(">BI")
"""How to read, and how many octets of the document follow."""
ANSWER: Final = struct.Struct(">cI")
"""What it is, and how many octets of it follow."""
TEXT: Final = b"t"
FINISHED: Final = b"."
FAILED: Final = b"!"
LONGEST: Final = 8 << 20
"""Octets of one answer."""


def answer(what: bytes, octets: bytes = b"") -> bytes:
    return ANSWER.pack(what, len(octets)) + octets


class Answers:
    """Takes octets as they come, gives back whole answers."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, octets: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the answers that are whole now, each with its kind. Raises ValueError for one that no honest reader sends."""
        received = self._received
        received += octets
        while len(received) >= ANSWER.size:
            what, length = ANSWER.unpack_from(received)
            if length > LONGEST:
                raise ValueError("too long an answer")
            end = ANSWER.size + length
            if len(received) < end:
                return
            whole = bytes(received[ANSWER.size : end])
            del received[:end]
            yield what, whole
