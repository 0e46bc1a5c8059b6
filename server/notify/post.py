"""Datagrams between the processes of one installation: a socket for each process in DATA/run/bus.

A datagram is lines of `a ACCOUNT MODSEQ` or `t TOPIC`. Sending never blocks: a full queue of a receiver is reported, so
that the sender may try again; the socket of a dead process is removed by whoever finds it dead.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATH_LIMIT = 100
"""sockaddr_un holds 108 octets on Linux, 104 elsewhere."""
FRESH = 50_000_000
"""Nanoseconds in which two changes of a folder may carry the same time stamp."""
LONGEST = 16_384

GONE = (errno.ECONNREFUSED, errno.ENOENT, errno.ENOTSOCK)
FULL = (errno.EAGAIN, errno.ENOBUFS)


@dataclass(frozen=True, slots=True)
class AccountChanged:
    account: int
    modseq: int

    def encode(self) -> bytes:
        return b"a %d %d" % (self.account, self.modseq)


@dataclass(frozen=True, slots=True)
class TopicPoked:
    name: str

    def encode(self) -> bytes:
        return b"t " + self.name.encode("ascii")


Word = AccountChanged | TopicPoked


def decode(datagram: bytes) -> Word | None:
    """Read one line; None for what is none (the folder is ours, but a stray datagram must not stop the loop)."""
    kind, _, rest = datagram.partition(b" ")
    if kind == b"t" and rest.isalpha() and rest.isascii():
        return TopicPoked(rest.decode("ascii"))
    numbers = rest.split(b" ")
    if kind == b"a" and len(numbers) == 2 and all(n.isdigit() and len(n) < 20 for n in numbers):
        return AccountChanged(int(numbers[0]), int(numbers[1]))
    return None


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name for a socket that is short enough, however deep the data folder lies."""
    if len(os.fsencode(path)) < PATH_LIMIT or not sys.platform.startswith("linux"):
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Neighbours:
    """The sockets of the other processes. The folder is listed again only when it has changed."""

    def __init__(self, folder: Path, *, but: str = "") -> None:
        self._folder, self._but = folder, but
        self._names: tuple[str, ...] = ()
        self._stamp = -1

    def names(self) -> tuple[str, ...]:
        try:
            stamp = self._folder.stat().st_mtime_ns
            if stamp != self._stamp:
                names = os.listdir(self._folder)  # noqa: PTH208 - names are wanted, on a hot path
                self._names = tuple(n for n in names if n.endswith(".sock") and n != self._but)
                # A folder that changed just now may change again within the same tick of its clock.
                self._stamp = stamp if time.time_ns() - stamp > FRESH else -1
        except FileNotFoundError:
            return ()
        return self._names

    def forget_dead(self, name: str) -> None:
        """Remove the socket of a process that is gone."""
        self._stamp = -1
        (self._folder / name).unlink(missing_ok=True)


def send(sender: socket.socket, folder: Path, name: str, datagram: bytes) -> int:
    """Send without waiting; return 0 or the errno that says why not."""
    try:
        with reachable(folder / name) as address:
            sender.sendto(datagram, address)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def publish_once(run_dir: Path, account: int, modseq: int) -> None:
    """Tell every running process of a change (for commands, which have no loop)."""
    _send_to_all(run_dir / "bus", AccountChanged(account, modseq).encode())


def poke_once(run_dir: Path, topic: str) -> None:
    """Poke every running process that there is work of that name (for commands and web workers)."""
    _send_to_all(run_dir / "bus", TopicPoked(topic).encode())


def _send_to_all(folder: Path, datagram: bytes) -> None:
    neighbours = Neighbours(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1.0)
        for name in neighbours.names():
            if send(sender, folder, name, datagram) in GONE:
                neighbours.forget_dead(name)
