"""Gunicorn's threaded worker, taught not to wait for slow visitors (security.md T102).

As it comes, a thread of gunicorn waits for the rest of a request whose first octet has arrived, and its one main loop waits for each
peer to close: eighty connections, or one every two seconds, silence it. Here the main loop gathers a request's head, and a small
body, without a thread; a thread gets it whole; closing lingers in the main loop too, beside everything else.

Invariants: a thread is given to whole heads only; no call of the main loop waits; heads that come too slowly, and the oldest when
there are too many, are dropped.
"""

import contextlib
import errno
import re
import time
from collections import deque
from functools import partial
from selectors import EVENT_READ
from socket import SHUT_WR, socket
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from server.config import Settings
from server.net.limits import ConnectionLimits
from webmail.forwarded import TrustedProxies
from webmail.paced import Crowd, PacedSocket

HEAD_SECONDS = 20.0
HEAD_LIMIT = 65_536
"""Octets of a request line and fields; browsers send a few thousand."""
HELD_BODY = 65_536
"""A body up to this size is waited for without a thread; sign-in and every other form of a stranger is smaller."""
WAITING = 1_500
"""Requests that are coming in at a time."""
CONNECTIONS = 2_000
LINGER_SECONDS = 2.0
LINGER_OCTETS = 65_536
READ = 16_384
_END = b"\r\n\r\n"
_EMPTY_LINES = b"\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Visitor(TConn):  # type: ignore[misc]  # gunicorn ships no types
    """One connection: what has come of its next request, and its place among all."""

    def __init__(self, worker: "Worker", sock: socket, address: Any, server: Any, peer: str) -> None:
        super().__init__(worker.cfg, PacedSocket.of(sock, peer, worker.crowd), address, server)
        self.worker, self.peer = worker, peer
        self.head = bytearray()
        self._wanted = 0
        """Length of head and held body, once the end of the head is there."""
        self._closed = False
        self.drained = 0

    def gather(self, more: bytes = b"") -> bool:
        """Take what has come; tell whether the request can be given to a thread."""
        if self.parser is not None:
            self.head += self.parser.unreader.take_buffered()
        self.head += more
        if not self._wanted:
            # RFC 9112 §2.2: empty lines before the request line mean nothing.
            del self.head[: len(self.head) - len(self.head.lstrip(_EMPTY_LINES))]
            end = self.head.find(_END)
            if end < 0:
                return False
            found = _LENGTH.search(self.head, 0, end + 2)
            length = int(found[1]) if found else 0
            self._wanted = end + len(_END) + (length if length <= HELD_BODY else 0)
        return len(self.head) >= self._wanted

    def begin(self) -> None:
        """In a thread: put the request where the parser reads."""
        self.sock.setblocking(True)
        self.init()
        self.parser.unreader.unread(bytes(self.head))
        self.head.clear()
        self._wanted = 0
        self.data_ready = True
        self.sock.begin()

    def close(self, graceful: bool = False) -> None:
        if self._closed:
            return
        self._closed = True
        self.worker.places.leave(self.peer)
        if graceful and self.worker.alive:
            self.worker.linger(self)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """See the module."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        settings: Settings = self.app.settings
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self.places = ConnectionLimits(CONNECTIONS, settings.limits.connections_per_address, CONNECTIONS)
        self.crowd = Crowd(max(2, settings.web_threads // 2), max(1, settings.web_threads // 8))
        self._lingering: deque[Visitor] = deque()

    # -- the main loop

    def accept(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in _NO_ROOM:
                # The listener stays readable meanwhile, so without a pause this would be a busy loop.
                self._drop_oldest(self.keepalived_conns or self.pending_conns)
                time.sleep(0.01)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EINTR):
                raise
            return
        peer = str(address[0]) if isinstance(address, tuple) else ""
        peer = "" if self._proxies.trusts(peer) else peer
        if not self.places.enter(peer):
            sock.close()
            return
        if len(self.pending_conns) >= WAITING:
            self._drop_oldest(self.pending_conns)
        if self.nr_conns >= CONNECTIONS - 1:
            self._drop_oldest(self.keepalived_conns or self.pending_conns)
        self.nr_conns += 1
        self._wait_for(Visitor(self, sock, address, listener.getsockname(), peer))

    def enqueue_req(self, conn: Visitor) -> None:
        """Give a request to a thread once it is whole."""
        if conn.gather():
            super().enqueue_req(conn)
        else:
            self._wait_for(conn)

    def _wait_for(self, conn: Visitor) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + HEAD_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self._more_of, conn))

    def _more_of(self, conn: Visitor, _sock: Any) -> None:
        try:
            more = conn.sock.arrived(READ)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        whole = conn.gather(more)
        if more and not whole and len(conn.head) <= HEAD_LIMIT + HELD_BODY:
            return
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)
        if whole:
            super().enqueue_req(conn)
        else:
            self._drop(conn)

    def _drop_oldest(self, among: "deque[Visitor]") -> None:
        if among:
            conn = among.popleft()
            with contextlib.suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)
            self._drop(conn)

    def _drop(self, conn: Visitor) -> None:
        self.nr_conns -= 1
        conn.close()

    def linger(self, conn: Visitor) -> None:
        """RFC 9112 §9.6: end our half, and let the peer end its own, so that it reads the answer to its end."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(SHUT_WR)
            conn.timeout = time.monotonic() + LINGER_SECONDS
            self.poller.register(conn.sock, EVENT_READ, partial(self._last_words, conn))
        except (OSError, ValueError):
            conn.sock.close()
            return
        self._lingering.append(conn)
        if len(self._lingering) > CONNECTIONS:
            self._end(self._lingering.popleft())

    def _last_words(self, conn: Visitor, _sock: Any) -> None:
        try:
            more = conn.sock.arrived(READ)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        conn.drained += len(more)
        if not more or conn.drained > LINGER_OCTETS:
            self._lingering.remove(conn)
            self._end(conn)

    def _end(self, conn: Visitor) -> None:
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        with contextlib.suppress(OSError):
            conn.sock.close()

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        while self._lingering and self._lingering[0].timeout <= now:
            self._end(self._lingering.popleft())

    # -- a thread

    def handle(self, conn: Visitor) -> Any:
        try:
            conn.begin()
            return super().handle(conn)
        except OSError:
            return False
        finally:
            conn.sock.end()

    def _keepalive_after(self, conn: Visitor, keepalive: Any) -> bool:
        """A connection whose last body was not read to its end is closed; gunicorn would wait for the rest of it."""
        reader = conn.parser.mesg.body.reader
        is_read = reader.length <= HELD_BODY if hasattr(reader, "length") else reader.parser is None
        return bool(keepalive) and is_read and bool(super()._keepalive_after(conn, keepalive))
