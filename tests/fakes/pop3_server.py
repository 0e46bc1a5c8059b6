"""A POP3 server that can be made to misbehave, for the collector's tests.

`Maildrop` is what the provider has and remembers over sessions; it notes every deletion that a QUIT made final. `Manners`
says how the server behaves. Everything runs on the test's event loop; `start` binds port 0 of loopback.
"""

import asyncio
import base64
import contextlib
import hashlib
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Message:
    raw: bytes
    uidl: str


@dataclass
class Maildrop:
    """Messages in order; `deleted` are the UIDLs that were removed by a QUIT."""

    messages: list[Message] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    deleted_raw: list[bytes] = field(default_factory=list)
    locked: bool = False
    popped: set[str] = field(default_factory=set)
    before_delete: Callable[[Message], None] | None = None

    def add(self, raw: bytes, uidl: str | None = None) -> None:
        self.messages.append(Message(raw, uidl or hashlib.sha256(raw).hexdigest()[:20]))

    def remove(self, gone: list[Message]) -> None:
        for message in gone:
            if self.before_delete is not None:
                self.before_delete(message)
        keep = {id(m) for m in gone}
        self.messages = [m for m in self.messages if id(m) not in keep]
        self.deleted += [m.uidl for m in gone]
        self.deleted_raw += [m.raw for m in gone]


@dataclass
class Manners:
    """How the server behaves; the defaults are those of a good one."""

    greeting: str = "+OK ready"
    capa: tuple[str, ...] | None = ("TOP", "UIDL", "PIPELINING", "USER", "RESP-CODES", "AUTH-RESP-CODE", "SASL PLAIN")
    user: str = "someone"
    password: str = "right horse"
    refuse_sign_in: str | None = None
    in_use: str | None = None
    uidl: bool = True
    top: bool = True
    quit_fails: bool = False
    declared_size: Callable[[int], int] | None = None
    drop_after_lines: int | None = None
    drop_in_message: int | None = None
    chunk: int | None = None
    chunk_pause: float = 0.0
    bare_lf: bool = False
    endless_line: bool = False
    endless_message: bool = False
    retr_error: dict[int, str] = field(default_factory=dict)
    hang_at: str | None = None
    stls: ssl.SSLContext | None = None
    offers_stls: bool = True
    inject_after_stls: bytes = b""
    implicit: ssl.SSLContext | None = None
    answer: dict[str, str] = field(default_factory=dict)
    offer: int | None = None


class _Dropped(Exception):
    pass


class Pop3Server:
    """Listens; `commands` counts what clients said, `sessions` how many came, `open` how many are there."""

    def __init__(self, drop: Maildrop, manners: Manners | None = None) -> None:
        self.drop, self.manners = drop, manners or Manners()
        self.commands: Counter[str] = Counter()
        self.log: list[str] = []
        self.sessions = self.open = self.most_open = 0
        self.in_clear: list[str] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()
        self.port = 0

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.manners.implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        session = _Session(self, reader, writer)
        try:
            try:
                await session.run()
            except _DropNow:
                await session.flush()
                writer.close()
                await writer.wait_closed()
        except (_Dropped, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            session.unlock()
            with contextlib.suppress(Exception):
                writer.transport.abort()


class _Session:
    def __init__(self, server: Pop3Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.manners, self.drop = server.manners, server.drop
        self.eol = b"\n" if self.manners.bare_lf else b"\r\n"
        self.lines = 0
        self.name = ""
        self.signed_in = self.holds_lock = False
        self.tls = self.manners.implicit is not None
        self.snapshot: list[Message] = []
        self.marked: list[int] = []
        self.retrieved: set[str] = set()
        self.out = bytearray()

    async def run(self) -> None:
        self.line(self.manners.greeting)
        while True:
            await self.flush()
            raw = await self.reader.readline()
            if not raw:
                return
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            self.server.commands[verb] += 1
            self.server.log.append(line)
            if not self.tls:
                self.server.in_clear.append(line)
            if self.manners.hang_at == verb:
                await self.flush()
                await asyncio.sleep(3600)
            if verb in self.manners.answer:
                self.line(self.manners.answer[verb])
                continue
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler is None:
                self.line("-ERR unknown command")
                continue
            if await handler(rest):
                await self.flush()
                return

    # -- writing

    def line(self, text: str | bytes) -> None:
        limit = self.manners.drop_after_lines
        if limit is not None and self.lines >= limit:
            raise _DropNow
        self.lines += 1
        self.out += (text.encode() if isinstance(text, str) else text) + self.eol

    async def flush(self) -> None:
        data, self.out = bytes(self.out), bytearray()
        if self.manners.chunk is None:
            if data:
                self.writer.write(data)
                await self.writer.drain()
            return
        for start in range(0, len(data), self.manners.chunk):
            self.writer.write(data[start : start + self.manners.chunk])
            await self.writer.drain()
            await asyncio.sleep(self.manners.chunk_pause)

    async def cut(self) -> None:
        await self.flush()
        self.writer.close()
        raise _Dropped

    def multi(self, lines: list[bytes]) -> None:
        for one in lines:
            self.line(b"." + one if one.startswith(b".") else one)
        self.line(".")

    # -- commands

    async def do_capa(self, _: str) -> None:
        if self.manners.capa is None:
            self.line("-ERR what?")
            return
        self.line("+OK")
        stls = ["STLS"] if self.manners.stls and self.manners.offers_stls and not self.tls else []
        self.multi([c.encode() for c in (*self.manners.capa, *stls)])

    async def do_stls(self, _: str) -> None:
        if self.manners.stls is None or self.tls:
            self.line("-ERR not here")
            return
        self.line("+OK begin")
        self.out += self.manners.inject_after_stls
        await self.flush()
        await self.writer.start_tls(self.manners.stls)
        self.tls = True

    async def do_user(self, rest: str) -> None:
        self.name = rest
        self.line("+OK")

    async def do_pass(self, rest: str) -> None:
        self.sign_in(self.name, rest)

    async def do_apop(self, rest: str) -> None:
        name, _, digest = rest.rpartition(" ")
        stamp = self.manners.greeting[self.manners.greeting.index("<") :]
        right = hashlib.md5((stamp + self.manners.password).encode()).hexdigest()
        self.sign_in(name, self.manners.password if digest == right else "")

    async def do_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() != "PLAIN":
            self.line("-ERR unknown mechanism")
            return
        if not initial:
            self.line("+ ")
            await self.flush()
            initial = (await self.reader.readline()).decode().strip()
        _, name, secret = base64.b64decode(initial).decode().split("\0")
        self.sign_in(name, secret)

    def sign_in(self, name: str, secret: str) -> None:
        if self.manners.in_use is not None:
            self.line(self.manners.in_use)
        elif self.manners.refuse_sign_in is not None:
            self.line(self.manners.refuse_sign_in)
        elif (name, secret) != (self.manners.user, self.manners.password):
            self.line("-ERR [AUTH] no")
        elif self.drop.locked:
            self.line("-ERR [IN-USE] locked")
        else:
            self.signed_in = self.holds_lock = self.drop.locked = True
            self.snapshot = list(self.drop.messages)
            if self.manners.offer is not None:
                # As one big provider does: only what no clean session has collected yet, and not all of it.
                unpopped = [m for m in self.snapshot if m.uidl not in self.drop.popped]
                self.snapshot = unpopped[: self.manners.offer]
            self.line("+OK welcome")

    def unlock(self) -> None:
        if self.holds_lock:
            self.holds_lock = self.drop.locked = False

    def size(self, number: int) -> int:
        real = len(self.snapshot[number - 1].raw)
        return self.manners.declared_size(real) if self.manners.declared_size else real

    def there(self, text: str) -> int | None:
        number = int(text.split(maxsplit=1)[0])
        return number if 0 < number <= len(self.snapshot) and number not in self.marked else None

    async def do_stat(self, _: str) -> None:
        self.line(f"+OK {len(self.snapshot)} {sum(len(m.raw) for m in self.snapshot)}")

    async def do_list(self, rest: str) -> None:
        if rest:
            self.line(f"+OK {rest} {self.size(int(rest))}")
            return
        self.line("+OK")
        self.multi([b"%d %d" % (n, self.size(n)) for n in range(1, len(self.snapshot) + 1) if n not in self.marked])

    async def do_uidl(self, _: str) -> None:
        if not self.manners.uidl:
            self.line("-ERR no such thing")
            return
        self.line("+OK")
        self.multi([b"%d %s" % (n, m.uidl.encode()) for n, m in enumerate(self.snapshot, 1) if n not in self.marked])

    async def do_top(self, rest: str) -> None:
        if not self.manners.top:
            self.line("-ERR no such thing")
            return
        await self.message(rest, header_only=True)

    async def do_retr(self, rest: str) -> None:
        number = int(rest.split(maxsplit=1)[0])
        if number in self.manners.retr_error:
            self.line(self.manners.retr_error[number])
            return
        await self.message(rest, header_only=False)

    async def message(self, rest: str, *, header_only: bool) -> None:
        number = self.there(rest)
        if number is None:
            self.line("-ERR no such message")
            return
        raw = self.snapshot[number - 1].raw
        if not header_only:
            self.retrieved.add(self.snapshot[number - 1].uidl)
        if header_only:
            raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
        self.line("+OK follows")
        if self.manners.endless_line or self.manners.endless_message:
            await self.endless()
        lines = raw.split(b"\r\n")
        if lines and lines[-1] == b"":
            lines.pop()
        if self.manners.drop_in_message == number and not header_only:
            for one in lines[: len(lines) // 2]:
                self.line(one)
            await self.cut()
        self.multi(lines)

    async def endless(self) -> None:
        piece = b"x" * 65536 if self.manners.endless_line else b"more and more\r\n" * 4096
        await self.flush()
        while True:
            self.writer.write(piece)
            await self.writer.drain()

    async def do_dele(self, rest: str) -> None:
        number = self.there(rest)
        if number is None:
            self.line("-ERR no such message")
            return
        self.marked.append(number)
        self.line("+OK")

    async def do_noop(self, _: str) -> None:
        self.line("+OK")

    async def do_quit(self, _: str) -> bool:
        if self.manners.quit_fails:
            self.line("-ERR [SYS/TEMP] some deleted messages not removed")
            return True
        self.line("+OK bye")  # may drop before anything is deleted
        if self.signed_in:
            self.drop.popped |= self.retrieved
            self.drop.remove([self.snapshot[n - 1] for n in self.marked])
        return True


class _DropNow(_Dropped):
    """The connection ends before this line; what was written before it goes out."""


def letters(count: int, *, size: int = 400, start: int = 0) -> list[bytes]:
    """Make distinct messages."""
    return [
        (
            f"Received: from a by b; Mon, 2 Mar 2026 10:{n // 60 % 60:02d}:{n % 60:02d} +0000\r\n"
            f"Message-ID: <{n}@example.org>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\n"
            f"From: Ann <ann@example.org>\r\nTo: someone@example.net\r\nSubject: Number {n}\r\n\r\n"
        ).encode()
        + b"A line of this letter, and a dot:\r\n.\r\n" * max(1, size // 38)
        for n in range(start, start + count)
    ]
