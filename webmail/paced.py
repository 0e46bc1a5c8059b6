"""A socket on which a thread waits for a visitor, but not for ever and not with all the others (security.md T102, section 5 row 15).

Invariants: only waiting counts, so a stream that is silent for an hour because we have nothing to say is never cut; whoever makes us
wait longer than `QUICK` in one request is slow from then on; slow ones are so many at most, together and from one address, so they
cost only each other; whoever stays below `RATE` after `GRACE` is cut.
"""

import errno
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from server.net.limits import ConnectionLimits

T = TypeVar("T")
QUICK = 1.0
"""Seconds of waiting in one request that nobody is called slow for."""
GRACE = 20.0
RATE = 4_096
"""Octets that excuse a further second of waiting."""
SLICE = 65_536


class TooSlow(OSError):
    """The visitor has had the time there is. As a broken pipe, which gunicorn takes calmly."""

    def __init__(self) -> None:
        super().__init__(errno.EPIPE, "too slow")


class Crowd:
    """The slow visitors of one process, counted from any thread. A peer '' stands for a proxy of ours: it speaks for many."""

    def __init__(self, total: int, each: int) -> None:
        self._limits = ConnectionLimits(total, each, total)
        self._lock = threading.Lock()

    def enter(self, peer: str) -> bool:
        with self._lock:
            return self._limits.enter(peer)

    def leave(self, peer: str) -> None:
        with self._lock:
            self._limits.leave(peer)


class PacedSocket(socket.socket):
    """Takes the place of an accepted socket. `begin` and `end` are called around each request, by its thread."""

    peer = ""
    crowd: Crowd

    @classmethod
    def of(cls, accepted: socket.socket, peer: str, crowd: Crowd) -> "PacedSocket":
        paced = cls(fileno=accepted.detach())
        paced.peer, paced.crowd = peer, crowd
        paced.begin()
        return paced

    def begin(self) -> None:
        """A request starts: nothing has been waited for yet."""
        self._waited, self._moved, self._slow = 0.0, 0, False

    def end(self) -> None:
        """The request is over."""
        if self._slow:
            self._slow = False
            self.crowd.leave(self.peer)

    def arrived(self, size: int) -> bytes:
        """What is there, without waiting; BlockingIOError when there is nothing, b'' at the end."""
        self.setblocking(False)
        return super().recv(size)

    # -- what gunicorn reads and writes with

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        data = self._patiently(lambda: socket.socket.recv(self, bufsize, flags))
        self._moved += len(data)
        return data

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        view = memoryview(data)
        while view:
            piece = view[:SLICE]
            sent = self._patiently(lambda piece=piece: socket.socket.send(self, piece, flags))  # type: ignore[misc]  # bound now
            self._moved += sent
            view = view[sent:]

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Through `sendall`: the kernel's own way knows no pace."""
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            block = file.read(SLICE if count is None else min(SLICE, count - sent))
            if not block:
                break
            self.sendall(block)
            sent += len(block)
        return sent

    def _patiently(self, act: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            if not self._slow:
                if self._waited < QUICK:
                    self.settimeout(QUICK - self._waited)
                    try:
                        return act()
                    except TimeoutError:
                        pass
                if not self.crowd.enter(self.peer):
                    raise TooSlow
                self._slow = True
            left = GRACE + self._moved / RATE - self._waited - (time.monotonic() - began)
            if left <= 0:
                raise TooSlow
            self.settimeout(left)
            try:
                return act()
            except TimeoutError as error:
                raise TooSlow from error
        finally:
            self._waited += time.monotonic() - began
