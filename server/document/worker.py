"""The process that reads documents (`python -m server.document.worker`): frames in by stdin, frames out by stdout.

It reads what strangers send, so it takes from itself what reading does not need: memory beyond a bound, processor time
beyond a bound for each document, files to write, and cores. It ends when nobody asks for a while, or who asked is gone.
"""

import gc
import logging
import os
import resource
import select
import struct
import sys
from contextlib import suppress

from server.document.frame import FAILED, FINISHED, REQUEST, TEXT, answer
from server.document.kind import Kind
from server.document.limits import APART
from server.document.reader import pieces

IDLE = 20.0
MEMORY = 512 << 20
"""Octets of address space: 60 MB is the program itself, the rest for the document."""
PROCESSOR_SECONDS = 20
NICE = 10
_CHUNK = 1 << 16


def confine() -> None:
    """Give up what reading does not need."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        _, hard = resource.getrlimit(what)
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most if hard < 0 else min(most, hard), hard))
    os.nice(NICE)
    logging.disable(logging.CRITICAL)


def _allow(seconds: int) -> None:
    """So much processor time more; beyond it the kernel ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + seconds + 1, hard))


def serve(into: int, out: int) -> None:
    """Answer requests until there are none."""
    while (request := _request(into)) is not None:
        kind, octets = request
        _allow(PROCESSOR_SECONDS)
        try:
            for text, _ in pieces(kind, octets, APART):
                if text:
                    _write(out, answer(TEXT, text[: APART.characters].encode("utf-8", "replace")))
            _write(out, answer(FINISHED))
        except (MemoryError, RecursionError):
            del octets, request
            _write(out, answer(FAILED))
            return
        del octets, request
        gc.collect()


def _request(into: int) -> tuple[Kind, bytes] | None:
    poll = select.poll()
    poll.register(into, select.POLLIN)
    if not poll.poll(IDLE * 1000):
        return None
    head = _read(into, REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    kind, length = REQUEST.unpack(head)
    octets = _read(into, min(length, APART.octets))
    return (Kind(kind), octets) if len(octets) == length else None


def _read(into: int, length: int) -> bytes:
    found = bytearray()
    while len(found) < length and (chunk := os.read(into, min(_CHUNK, length - len(found)))):
        found += chunk
    return bytes(found)


def _write(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


if __name__ == "__main__":
    confine()
    with suppress(BrokenPipeError, struct.error):
        serve(sys.stdin.fileno(), sys.stdout.fileno())
