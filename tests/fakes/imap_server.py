"""An IMAP server that can be made to misbehave, for the collector's tests; its mail is the `Maildrop` of the POP3 one.

`ImapManners` says how it behaves. A message's UID is given when it is first seen, and anew when `uidvalidity` changes.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.fakes.pop3_server import Maildrop, Message

CAPABILITIES = ("IMAP4rev1", "AUTH=PLAIN", "SASL-IR", "UIDPLUS", "ID")


@dataclass
class ImapManners:
    """The defaults are those of a good server."""

    greeting: str = "* OK ready"
    capabilities: tuple[str, ...] = CAPABILITIES
    user: str = "someone"
    password: str = "right horse"
    refuse_sign_in: str | None = None
    wants_id: bool = False
    uidvalidity: int = 7
    uidnext: bool = True
    sticky: bool = True
    backwards: bool = False
    declared_size: Callable[[int], int] | None = None
    literal_size: Callable[[int], int] | None = None
    chatter: bool = False
    quoted: bool = False
    drop_after_lines: int | None = None
    drop_before_expunge: bool = False
    hang_at: str | None = None
    chunk: int | None = None
    chunk_pause: float = 0.0
    endless: bool = False
    bare_lf: bool = False
    missing: set[int] = field(default_factory=set)
    starttls: ssl.SSLContext | None = None
    offers_starttls: bool = True
    inject_after_starttls: bytes = b""
    implicit: ssl.SSLContext | None = None
    answer: dict[str, str] = field(default_factory=dict)


class _Dropped(Exception):
    pass


class ImapServer:
    """Listens; `commands` counts what clients said, `opened` how they opened the INBOX."""

    def __init__(self, drop: Maildrop, manners: ImapManners | None = None) -> None:
        self.drop, self.manners = drop, manners or ImapManners()
        self.commands: Counter[str] = Counter()
        self.log: list[str] = []
        self.in_clear: list[str] = []
        self.flags: dict[int, set[str]] = {}
        self.uids: dict[tuple[int, int], int] = {}
        self.known: list[Message] = []
        self.next_uid = 11
        self.sessions = self.open = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task] = set()
        self.port = 0

    def uid(self, message: Message) -> int:
        key = (self.manners.uidvalidity, id(message))
        if key not in self.uids:
            self.known.append(message)  # kept alive, since its id is the key
            self.uids[key] = self.next_uid
            self.next_uid += 3
        return self.uids[key]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.manners.implicit)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        self.open += 1
        session = _Session(self, reader, writer)
        try:
            try:
                await session.run()
            except _Dropped:
                await session.flush()
                writer.close()
                await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            with contextlib.suppress(Exception):
                writer.transport.abort()


class _Session:
    def __init__(self, server: ImapServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.manners, self.drop = server.manners, server.drop
        self.lines = 0
        self.tls = self.manners.implicit is not None
        self.said_who = self.writable = False
        self.out = bytearray()

    async def run(self) -> None:
        self.line(self.manners.greeting)
        while True:
            await self.flush()
            raw = await self.reader.readline()
            if not raw:
                return
            line = raw.decode("utf-8", "replace").rstrip("\r\n")
            tag, _, rest = line.partition(" ")
            words = rest.split(" ")
            verb = " ".join(words[:2]).upper() if words[0].upper() == "UID" else words[0].upper()
            self.server.commands[verb] += 1
            self.server.log.append(rest)
            if not self.tls:
                self.server.in_clear.append(rest)
            if self.manners.hang_at == verb:
                await asyncio.sleep(3600)
            if verb in self.manners.answer:
                self.line(self.manners.answer[verb].replace("TAG", tag))
                continue
            if await getattr(self, "do_" + verb.lower().replace(" ", "_"))(tag, rest[len(verb) + 1 :]):
                await self.flush()
                return

    # -- writing

    def line(self, text: str | bytes) -> None:
        limit = self.manners.drop_after_lines
        if limit is not None and self.lines >= limit:
            raise _Dropped
        self.lines += 1
        self.out += (text.encode() if isinstance(text, str) else text) + b"\r\n"

    async def flush(self) -> None:
        data, self.out = bytes(self.out), bytearray()
        for start in range(0, len(data), self.manners.chunk or len(data) or 1):
            self.writer.write(data[start : start + (self.manners.chunk or len(data))])
            await self.writer.drain()
            if self.manners.chunk:
                await asyncio.sleep(self.manners.chunk_pause)

    # -- commands

    async def do_capability(self, tag: str, _: str) -> None:
        tls = self.manners.starttls and self.manners.offers_starttls and not self.tls
        self.line(" ".join(["* CAPABILITY", *self.manners.capabilities, *(["STARTTLS"] if tls else [])]))
        self.line(f"{tag} OK done")

    async def do_starttls(self, tag: str, _: str) -> None:
        if self.manners.starttls is None:
            self.line(f"{tag} BAD not here")
            return
        self.line(f"{tag} OK begin")
        self.out += self.manners.inject_after_starttls
        await self.flush()
        await self.writer.start_tls(self.manners.starttls)
        self.tls = True

    async def do_login(self, tag: str, rest: str) -> None:
        name, secret = (re.sub(r"\\(.)", r"\1", w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', rest))
        self.sign_in(tag, name, secret)

    async def do_authenticate(self, tag: str, rest: str) -> None:
        response = rest.partition(" ")[2]
        if not response:
            self.line("+ ")
            await self.flush()
            response = (await self.reader.readline()).decode().strip()
        _, name, secret = base64.b64decode(response).decode().split("\0")
        self.sign_in(tag, name, secret)

    def sign_in(self, tag: str, name: str, secret: str) -> None:
        if self.manners.refuse_sign_in is not None:
            self.line(f"{tag} {self.manners.refuse_sign_in}")
        elif (name, secret) != (self.manners.user, self.manners.password):
            self.line(f"{tag} NO [AUTHENTICATIONFAILED] no")
        else:
            self.line(f"{tag} OK [CAPABILITY IMAP4rev1] welcome")

    async def do_id(self, tag: str, rest: str) -> None:
        self.said_who = '"name"' in rest
        self.line("* ID NIL")
        self.line(f"{tag} OK done")

    async def do_examine(self, tag: str, _: str) -> None:
        self.select(tag, "READ-ONLY")

    async def do_select(self, tag: str, _: str) -> None:
        self.writable = True
        self.select(tag, "READ-WRITE")

    def select(self, tag: str, mode: str) -> None:
        if self.manners.wants_id and not self.said_who:
            self.line(f"{tag} NO EXAMINE Unsafe Login. Please contact kefu@188.com for help")
            return
        for message in self.drop.messages:
            self.server.uid(message)
        self.line(f"* {len(self.drop.messages)} EXISTS")
        self.line("* 0 RECENT")
        self.line("* FLAGS (\\Seen \\Deleted)")
        if self.manners.sticky:
            self.line(f"* OK [UIDVALIDITY {self.manners.uidvalidity}] valid")
        else:
            self.line("* OK [UIDNOTSTICKY] they do not last")
        if self.manners.uidnext:
            self.line(f"* OK [UIDNEXT {self.server.next_uid}] next {{999}}")
        self.line(f"{tag} OK [{mode}] done")

    def chosen(self, text: str) -> list[tuple[int, Message]]:
        known = {self.server.uid(m): m for m in self.drop.messages}
        if text == "1:*":
            return list(known.items())
        if text == "*":
            return list(known.items())[-1:]
        wanted: set[int] = set()
        for part in text.split(","):
            first, _, last = part.partition(":")
            wanted |= set(range(int(first), int(last or first) + 1))
        return [(u, m) for u, m in known.items() if u in wanted]

    async def do_uid_fetch(self, tag: str, rest: str) -> None:
        which, _, items = rest.partition(" ")
        chosen = self.chosen(which)
        for uid, message in reversed(chosen) if self.manners.backwards else chosen:
            if self.manners.chatter:
                self.line('* 1 FETCH (FLAGS (\\Seen "odd" $Label) UID 999999 MODSEQ (12))')
                self.line("* OK still here {12}")
            if "RFC822.SIZE" in items:
                real = len(message.raw)
                size = self.manners.declared_size(real) if self.manners.declared_size else real
                flags = "FLAGS (\\Seen) " if self.manners.chatter else ""
                self.line(f"* 1 FETCH ({flags}UID {uid} RFC822.SIZE {size})")
            elif uid not in self.manners.missing:
                await self.body(uid, message.raw, "HEADER" if "HEADER" in items else "")
        self.line(f"{tag} OK done")

    async def body(self, uid: int, raw: bytes, section: str) -> None:
        if section:
            raw = raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if self.manners.bare_lf:
            raw = raw.replace(b"\r\n", b"\n")
        size = self.manners.literal_size(len(raw)) if self.manners.literal_size and not section else len(raw)
        end = b")"
        if self.manners.chatter:
            end = b' FLAGS (\\Seen) X-NOTE "a \\"b\\" {5}")'
        self.line(b"* 1 FETCH (UID %d BODY[%s] {%d}" % (uid, section.encode(), size))
        if self.manners.endless:
            while True:
                await self.flush()
                self.writer.write(b"x" * 65536)
                await self.writer.drain()
        half = self.manners.drop_after_lines is not None and self.lines >= self.manners.drop_after_lines
        self.out += raw[: len(raw) // 2] if half else raw
        if half:
            raise _Dropped
        self.line(end)

    async def do_uid_store(self, tag: str, rest: str) -> None:
        if not self.writable:
            self.line(f"{tag} NO read-only")
            return
        for uid, _ in self.chosen(rest.partition(" ")[0]):
            self.server.flags.setdefault(uid, set()).add("\\Deleted")
        self.line(f"{tag} OK done")

    async def do_uid_expunge(self, tag: str, rest: str) -> None:
        if self.manners.drop_before_expunge:
            raise _Dropped
        gone = [(u, m) for u, m in self.chosen(rest) if "\\Deleted" in self.server.flags.get(u, ())]
        self.drop.remove([m for _, m in gone])
        for _ in gone:
            self.line("* 1 EXPUNGE")
        self.line(f"{tag} OK done")

    async def do_logout(self, tag: str, _: str) -> bool:
        self.line("* BYE see you")
        self.line(f"{tag} OK done")
        return True
