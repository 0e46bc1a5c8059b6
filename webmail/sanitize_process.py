"""Worker processes that sanitise HTML, with a watchdog, and a cache of what they made.

Invariants: a body that takes longer than `seconds` costs that and no more: its worker is killed, the caller gets None and shows
the text. A result is found again only under the hash of everything that went into it, policy version included (DESIGN.md D10).
"""

import hashlib
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from server.log import get_logger
from webmail import sanitize_policy
from webmail.sanitize import Reading, Sanitised

SECONDS = 2.0
START_SECONDS = 15.0
WORKERS = 2
CACHE_ENTRIES = 256
CACHE_OCTETS = 48 * 2**20
MAX_ANSWER = 48 * 2**20
ROOT = Path(__file__).resolve().parent.parent
log = get_logger("webmail.sanitize")


class _Overdue(Exception):
    """The worker did not answer in time, or died."""


class _Worker:
    """One process and its two pipes."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes, seconds: float) -> bytes:
        process = self._process
        if process is None or process.poll() is not None:
            process = self._start()
            seconds = max(seconds, START_SECONDS) if seconds == SECONDS else seconds + START_SECONDS
        deadline = time.monotonic() + seconds
        try:
            return self._exchange(process, struct.pack(">I", len(request)) + request, deadline)
        except (_Overdue, OSError):
            self.stop()
            raise _Overdue from None

    def _start(self) -> subprocess.Popen[bytes]:
        # Only what Python needs: no variable of ours reaches a process that reads hostile input.
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
        process = subprocess.Popen(
            [sys.executable, "-m", "webmail.sanitize_worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
        self._process = process
        return process

    def _exchange(self, process: subprocess.Popen[bytes], frame: bytes, deadline: float) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise _Overdue
        into, out = process.stdin.fileno(), process.stdout.fileno()
        view = memoryview(frame)
        received = bytearray()
        wanted = 4
        while len(received) < wanted:
            left = deadline - time.monotonic()
            if left <= 0:
                raise _Overdue
            # Not `select.select`, which knows no descriptor beyond 1,023, and a busy house has more.
            poll = select.poll()
            poll.register(out, select.POLLIN)
            if view:
                poll.register(into, select.POLLOUT)
            ready = dict(poll.poll(left * 1000))
            if into in ready:
                view = view[os.write(into, view[:65_536]) :]
            if out in ready:
                chunk = os.read(out, 262_144)
                if not chunk:
                    raise _Overdue
                received += chunk
                if wanted == 4 and len(received) >= 4:
                    wanted = 4 + int(struct.unpack(">I", received[:4])[0])
                    if wanted > MAX_ANSWER:
                        raise _Overdue
        return bytes(received[4:])

    def stop(self) -> None:
        """Kill the process; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(OSError):
                process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


class Sanitiser:
    """The processes of one web worker, made when first needed; used by its threads."""

    def __init__(self, *, workers: int = WORKERS, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._free = [_Worker() for _ in range(workers)]
        self._is_closed = False
        self._condition = threading.Condition()
        self._cache: OrderedDict[str, Sanitised] = OrderedDict()
        self._cached_octets = 0

    def sanitise(self, html: str, reading: Reading) -> Sanitised | None:
        """The safe form of a body, or None when it cannot be made in time."""
        key = cache_key(html, reading)
        with self._condition:
            found = self._cache.get(key)
            if found is not None:
                self._cache.move_to_end(key)
                return found
        request = {"html": html, "images": dict(reading.images), "inline": dict(reading.inline)}
        reply = self._ask(request)
        if reply is None or "error" in reply:
            return None
        made = Sanitised(
            html=str(reply["html"]),
            remote=tuple(str(url) for url in _list(reply["remote"])),
            trackers=int(str(reply["trackers"])),
            shown_inline=tuple(str(name) for name in _list(reply["inline"])),
            coloured=bool(reply["coloured"]),
            height=int(str(reply["height"])),
            cut=bool(reply["cut"]),
        )
        self._remember(key, made)
        return made

    def reduce(self, html: str, *, seconds: float = 0) -> str | None:
        """Mail HTML fit for an editor (T034), or None. `seconds` for who would rather wait than lose the form of it."""
        reply = self._ask({"html": html, "mode": "reduce"}, seconds)
        return None if reply is None or "error" in reply else str(reply["html"])

    def close(self) -> None:
        """End the processes."""
        with self._condition:
            workers, self._free, self._is_closed = self._free, [], True
        for worker in workers:
            worker.stop()

    def _ask(self, request: Mapping[str, object], seconds: float = 0) -> dict[str, object] | None:
        with self._condition:
            if not self._condition.wait_for(lambda: bool(self._free), self._seconds * 4):
                return None
            worker = self._free.pop()
        try:
            reply = json.loads(worker.ask(json.dumps(request).encode(), seconds or self._seconds))
            return reply if isinstance(reply, dict) else None
        except (_Overdue, ValueError):
            log.warning("sanitiser_overdue", octets=len(str(request["html"])))
            return None
        finally:
            with self._condition:
                is_closed = self._is_closed
                if not is_closed:
                    self._free.append(worker)
                    self._condition.notify()
            if is_closed:
                worker.stop()

    def _remember(self, key: str, made: Sanitised) -> None:
        with self._condition:
            if key not in self._cache:
                self._cache[key] = made
                self._cached_octets += len(made.html)
            while self._cache and (len(self._cache) > CACHE_ENTRIES or self._cached_octets > CACHE_OCTETS):
                _, old = self._cache.popitem(last=False)
                self._cached_octets -= len(old.html)


def cache_key(html: str, reading: Reading) -> str:
    """A name for one body read in one way."""
    digest = hashlib.sha256(f"{sanitize_policy.VERSION}\0{len(html)}\0".encode())
    digest.update(html.encode("utf-8", "replace"))
    for mapping in (reading.images, reading.inline):
        digest.update(json.dumps(sorted(mapping.items())).encode())
    return digest.hexdigest()


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
