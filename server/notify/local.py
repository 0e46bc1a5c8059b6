"""The bus of one machine: direct calls within the process, datagrams to the other processes.

Invariant: within a process no wake is lost. Between processes a wake is lost only when the receiver is gone or its
queue stays full through every retry; subscribers survive that by looking on their own.
"""

import asyncio
import itertools
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from server.log import get_logger
from server.notify import post
from server.notify.protocol import Subscription, Wake

log = get_logger("notify")

RETRIES = 20
RETRY_SECONDS = 0.05
READ_AT_ONCE = 200
WORDS_AT_ONCE = 200

_serial = itertools.count()
K = TypeVar("K")


class LocalBus:
    """Binds DATA/run/bus/<pid>-<n>.sock at once; `close` removes it."""

    def __init__(self, run_dir: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._folder = run_dir / "bus"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._name = f"{os.getpid()}-{next(_serial)}.sock"
        self._neighbours = post.Neighbours(self._folder, but=self._name)
        self._accounts: dict[int, dict[object, Wake]] = {}
        self._topics: dict[str, dict[object, Wake]] = {}
        self._lock = threading.Lock()
        self._pending: set[post.Word] = set()
        self._unsent: dict[str, dict[bytes, int]] = {}
        self._retry_planned = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        path = self._folder / self._name
        path.unlink(missing_ok=True)
        with post.reachable(path) as address:
            self._socket.bind(address)
        self._loop.add_reader(self._socket, self._receive)

    # -- publishing, from any thread

    def publish(self, account: int, modseq: int) -> None:
        self._publish(post.AccountChanged(account, modseq), post.AccountChanged(account, 0))

    def publish_topic(self, name: str) -> None:
        word = post.TopicPoked(name)
        self._publish(word, word)

    def _publish(self, word: post.Word, local: post.Word) -> None:
        with self._lock:
            first = not self._pending
            self._pending.add(local)
        if first and not self._on_loop(self._wake_pending):
            return
        datagram = word.encode()
        for name in self._neighbours.names():
            self._send(name, datagram)

    def _send(self, name: str, datagram: bytes) -> None:
        trouble = post.send(self._socket, self._folder, name, datagram)
        if trouble in post.GONE:
            self._neighbours.forget_dead(name)
        elif trouble in post.FULL:
            with self._lock:
                self._unsent.setdefault(name, {}).setdefault(datagram, RETRIES)
                plan, self._retry_planned = not self._retry_planned, True
            if plan:
                self._on_loop(self._plan_retry)
        elif trouble:
            log.warning("bus_send_failed", errno=trouble)

    def _on_loop(self, call: Callable[[], None]) -> bool:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            return False  # the loop is closed: nobody is left to be woken
        return True

    # -- on the loop

    def _plan_retry(self) -> None:
        self._loop.call_later(RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        """Send what did not fit, many words in one datagram: a receiver's queue counts datagrams."""
        with self._lock:
            unsent, self._unsent = self._unsent, {}
        for name, words in unsent.items():
            waiting = list(words.items())
            for start in range(0, len(waiting), WORDS_AT_ONCE):
                batch = waiting[start : start + WORDS_AT_ONCE]
                trouble = post.send(self._socket, self._folder, name, b"\n".join(word for word, _ in batch))
                if trouble in post.FULL:
                    self._keep(name, batch)
        with self._lock:
            again = self._retry_planned = bool(self._unsent)
        if again:
            self._plan_retry()

    def _keep(self, name: str, batch: list[tuple[bytes, int]]) -> None:
        with self._lock:
            kept = self._unsent.setdefault(name, {})
            for word, left in batch:
                if left > 1:
                    kept.setdefault(word, left - 1)
            if not kept:
                del self._unsent[name]

    def _receive(self) -> None:
        words: set[post.Word] = set()
        for _ in range(READ_AT_ONCE):
            try:
                datagram = self._socket.recv(post.LONGEST)
            except (BlockingIOError, InterruptedError):
                break
            for line in datagram.split(b"\n"):
                word = post.decode(line)
                if isinstance(word, post.AccountChanged):
                    words.add(post.AccountChanged(word.account, 0))
                elif word is not None:
                    words.add(word)
        self._wake(words)

    def _wake_pending(self) -> None:
        with self._lock:
            words, self._pending = self._pending, set()
        self._wake(words)

    def _wake(self, words: set[post.Word]) -> None:
        for word in words:
            if isinstance(word, post.AccountChanged):
                wakes = self._accounts.get(word.account, {})
            else:
                wakes = self._topics.get(word.name, {})
            for wake in list(wakes.values()):
                try:
                    wake()
                except Exception:
                    log.exception("wake_failed")

    # -- subscribing, on the loop

    def subscribe(self, account: int, wake: Wake) -> Subscription:
        return _subscribe(self._accounts, account, wake)

    def subscribe_topic(self, name: str, wake: Wake) -> Subscription:
        return _subscribe(self._topics, name, wake)

    def close(self) -> None:
        """Leave the bus."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._socket.close()
        (self._folder / self._name).unlink(missing_ok=True)


def _subscribe(table: dict[K, dict[object, Wake]], key: K, wake: Wake) -> Subscription:
    ticket = object()
    table.setdefault(key, {})[ticket] = wake

    def leave() -> None:
        wakes = table.get(key)
        if wakes is not None:
            wakes.pop(ticket, None)
            if not wakes:
                del table[key]

    return Subscription(leave)
