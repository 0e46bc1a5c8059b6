"""The process that reads documents, as seen from the one that has them: started when first needed, ended when idle.

Invariants: a document costs at most `seconds` of waiting, whatever is in it; the process that was reading it is killed
then, and what it had read by then is kept. At most one process, and one document at a time.
"""

import hashlib
import os
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.document.frame import FINISHED, REQUEST, TEXT, Answers
from server.document.kind import Kind
from server.document.limits import APART
from server.log import get_logger

SECONDS = 40.0
START_SECONDS = 20.0
IDLE = 15.0
"""Seconds without a document after which the process is ended."""
DOCUMENTS = 500
"""Documents that one process reads before the next takes its place: what a library leaks is gone with it."""
REMEMBERED = 8
"""Documents whose text is kept while the process runs: what goes to a whole house is read once."""
ROOT = Path(__file__).resolve().parent.parent.parent
_CHUNK = 1 << 16
log = get_logger("document")


class Closed(Exception):
    """The house is closing: the document is no worse for it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a document, and whether the process came to its end alive."""

    text: str
    finished: bool


class DocumentProcess:
    """Reads documents for the threads of one process.

    Args:
        seconds: How long one document may take.
        module: What to run, for tests.
    """

    def __init__(self, *, seconds: float = SECONDS, module: str = "server.document.worker") -> None:
        self._seconds, self._module = seconds, module
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._used = 0.0
        self._read = 0
        self._closed = False
        self._known: OrderedDict[bytes, str] = OrderedDict()

    def read(self, kind: Kind, octets: bytes, characters: int) -> Reading:
        """Read a document, blocking the thread that calls.

        Args:
            kind: How to read it.
            octets: The document.
            characters: Text beyond so many is not waited for.

        Raises:
            Closed
        """
        if len(octets) > APART.octets:
            return Reading("", finished=True)
        with self._turn:
            if self._closed:
                raise Closed
            name = hashlib.sha256(bytes((kind,)) + octets).digest()
            known = self._known.get(name)
            if known is not None and len(known) <= characters:
                return Reading(known, finished=True)
            seconds = self._seconds
            process = self._process
            if process is None or process.poll() is not None or self._read >= DOCUMENTS:
                self._end()
                process, seconds = self._start(), seconds + START_SECONDS
            found: list[str] = []
            try:
                finished = self._exchange(process, kind, octets, characters, found, time.monotonic() + seconds)
            except (OSError, ValueError):
                finished = False
            self._used = time.monotonic()
            self._read += 1
            # Cut short because there is enough of it, it is still at it: nobody waits for the rest.
            enough = sum(map(len, found)) >= characters
            if not finished:
                self._end()
            if self._closed:
                raise Closed
            text = "\n".join(found)
            if finished:
                self._remember(name, text)
            return Reading(text[:characters], finished=finished or enough)

    def _remember(self, name: bytes, text: str) -> None:
        self._known[name] = text
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def rest(self) -> None:
        """End the process when nobody has needed it for a while. Never waits for a document."""
        if self._turn.acquire(blocking=False):
            try:
                if self._process is not None and time.monotonic() - self._used > IDLE:
                    self._end()
            finally:
                self._turn.release()

    def close(self) -> None:
        """Kill the process, whatever it is reading."""
        self._closed = True
        process = self._process
        if process is not None:
            with suppress(OSError):
                process.kill()
        with self._turn:
            self._end()

    @property
    def is_running(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    def _start(self) -> subprocess.Popen[bytes]:
        # Only what Python needs: no variable of ours reaches a process that reads hostile files.
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
        process = subprocess.Popen(  # noqa: S603  a module of ours, or of the tests
            [sys.executable, "-m", self._module],
            cwd=ROOT,
            env=environment | {"MALLOC_ARENA_MAX": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        self._process = process
        self._read = 0
        if self._closed:
            process.kill()
        return process

    def _end(self) -> None:
        process, self._process = self._process, None
        self._known.clear()
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _exchange(
        self,
        process: subprocess.Popen[bytes],
        kind: Kind,
        octets: bytes,
        characters: int,
        found: list[str],
        deadline: float,
    ) -> bool:
        """Send a document and gather its text in `found`; say whether the process has said that this is all."""
        if process.stdin is None or process.stdout is None:
            return False
        into, out = process.stdin.fileno(), process.stdout.fileno()
        view = memoryview(REQUEST.pack(kind, len(octets)) + octets)
        answers = Answers()
        while (left := deadline - time.monotonic()) > 0 and characters > 0:
            # Not `select.select`, which knows no descriptor beyond 1,023, and a busy house has more.
            poll = select.poll()
            poll.register(out, select.POLLIN)
            if view:
                poll.register(into, select.POLLOUT)
            ready = dict(poll.poll(left * 1000))
            if into in ready:
                view = view[os.write(into, view[:_CHUNK]) :]
            if out in ready:
                received = os.read(out, _CHUNK)
                if not received:
                    return False
                for what, piece in answers.feed(received):
                    if what != TEXT:
                        return what == FINISHED
                    text = piece.decode("utf-8", "replace")
                    characters -= len(text) + 1
                    found.append(text)
        return False
