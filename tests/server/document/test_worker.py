"""The worker's own bounds, at the real process."""

import os
import struct
import subprocess
import sys
from pathlib import Path

from server.document.frame import ANSWER, FINISHED, REQUEST, TEXT
from server.document.kind import Kind
from tests.fakes.documents import pdf

ROOT = Path(__file__).parents[3]


def run(given: bytes) -> tuple[bytes, int]:
    done = subprocess.run(
        [sys.executable, "-m", "server.document.worker"], input=given, capture_output=True, cwd=ROOT, timeout=100
    )
    return done.stdout, done.returncode


def test_answers_until_nobody_asks():
    made = pdf("one", packed=False)
    out, code = run((REQUEST.pack(Kind.PDF, len(made)) + made) * 2)
    assert out == (ANSWER.pack(TEXT, 3) + b"one" + ANSWER.pack(FINISHED, 0)) * 2
    assert code == 0


def test_half_a_request_and_a_length_beyond_the_bound_end_it():
    assert run(b"\x07") == (b"", 0)
    assert run(struct.pack(">BI", Kind.PDF, 2**32 - 1) + b"x") == (b"", 0)


def test_processor_time_is_bounded():
    code = (
        "import server.document.worker as w\n"
        "w.pieces = lambda *_: (n for n in iter(int, 1) if n)\n"
        "w.PROCESSOR_SECONDS = 0\n"
        "w.confine()\n"
        "w.serve(0, 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=REQUEST.pack(Kind.PDF, 0), capture_output=True, cwd=ROOT, timeout=100
    )
    assert done.returncode < 0


def test_memory_is_bounded():
    code = (
        "import server.document.worker as w\n"
        "w.pieces = lambda *_: [(str(len(bytes(2 << 30))), True)]\n"
        "w.confine()\n"
        "w.serve(0, 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=REQUEST.pack(Kind.PDF, 0), capture_output=True, cwd=ROOT, timeout=100
    )
    assert done.stdout == b"!" + bytes(4)
    assert os.WIFEXITED(done.returncode)
