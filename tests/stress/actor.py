"""One client: signs in, opens mailboxes, sends what the generator draws, holds every response against its view."""

import asyncio
import random
from collections import deque
from contextlib import suppress

from tests.stress import answer
from tests.stress.command import Answer, Command
from tests.stress.connection import Connection, Gone
from tests.stress.dialogue import Dialogue, Violation
from tests.stress.generator import BOXES, Generator
from tests.stress.ledger import Ledger
from tests.stress.view import Remembered, View

NOTIFY = (
    b"NOTIFY SET (SELECTED-DELAYED (MessageNew (UID FLAGS) MessageExpunge FlagChange))"
    b" (MAILBOXES (Work Archive) (MessageNew MessageExpunge FlagChange))"
)
"""RFC 5465: what happens elsewhere comes as STATUS; for the mailbox that is open the rules stay as they are."""
BUGS = (b"SERVERBUG", b"UNAVAILABLE", b"CORRUPTION")


class Actor:
    """`name` and `password` sign in; `dice` decides everything."""

    def __init__(
        self, who: str, ports: list[int], user: tuple[str, str], dialogue: Dialogue, ledger: Ledger, dice: random.Random
    ) -> None:
        self.who, self.dialogue, self.ledger, self.dice = who, dialogue, ledger, dice
        self.view: View | None = None
        self.idling = False
        self._ports, self._user = ports, user
        self._generator = Generator(who, ledger, dice)
        self._connection: Connection | None = None
        self._tag = 0
        self._opening: View | None = None
        self._memories: dict[str, Remembered] = {}

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("not connected")
        return self._connection

    # -- connecting

    async def connect(self) -> None:
        self._connection = await Connection.open(self.who, self.dialogue, self.dice.choice(self._ports))
        if not (await self.connection.response()).startswith(b"* OK"):
            raise Violation(f"{self.who}: no greeting")
        await self.run([Command(b'LOGIN %b "%b"' % tuple(word.encode() for word in self._user))])
        enabled = self.dice.choice((b"", b"", b"CONDSTORE", b"QRESYNC", b"QRESYNC"))
        rev2 = self.dice.random() < 0.3
        words = enabled + b" IMAP4rev2" * rev2
        if words:
            await self.run([Command(b"ENABLE " + words.strip())])
        if self.dice.random() < 0.2:
            await self.run([Command(NOTIFY)])
        self._generator.qresync = enabled == b"QRESYNC"
        self._generator.condstore = bool(enabled)

    async def open(self, box: str | None = None) -> None:
        """SELECT or EXAMINE, from where it was left where it can be."""
        name = box or self.dice.choice(("INBOX", "INBOX", *BOXES))
        self._remember()
        examine = box is None and self.dice.random() < 0.1
        generator = self._generator
        view = View(self.who, name, self.ledger, generator.qresync, read_only=examine)
        memory = self._memories.get(name) if generator.qresync else None
        parameter = b""
        if memory is not None and self.dice.random() < 0.8:
            parameter = b" (QRESYNC (%d %d))" % (memory.uidvalidity, memory.modseq)
            view.recall(memory)
        elif generator.condstore:
            parameter = b" (CONDSTORE)"
        text = b"%b %b%b" % (b"EXAMINE" if examine else b"SELECT", name.encode(), parameter)
        await self.run([Command(text)], opening=view)
        view.opened()
        await self.learn()

    async def create(self, box: bytes) -> None:
        await self.run([Command(b"CREATE " + box, may_fail=True)])

    async def learn(self) -> None:
        """Ask for everything that is not known of the messages that are."""
        view = self._open_view
        if view.uids and not set(view.uids) <= view.flags.keys():
            items = b"UID FLAGS BODY.PEEK[HEADER.FIELDS (X-TOKEN)]" + b" MODSEQ" * self._generator.condstore
            await self.run([Command(b"FETCH 1:* (%b)" % items, by_number=True)])

    @property
    def _open_view(self) -> View:
        if self.view is None:
            raise RuntimeError("no mailbox is open")
        return self.view

    def _leave(self) -> None:
        self._remember()
        self.view = None

    def _remember(self) -> None:
        view = self.view
        # A view that never learnt all flags would not know at its return which uids it had; and without QRESYNC the server
        # need not say from where to resynchronise (RFC 7162 §1).
        if (
            view is not None
            and view.qresync
            and view.modseq
            and not view.opening
            and set(view.uids) == view.flags.keys()
        ):
            self._memories[view.box] = view.remember()
        elif view is not None:
            self._memories.pop(view.box, None)

    # -- one step

    async def step(self) -> None:
        kind = self.dice.random()
        try:
            if self.view is None or kind < 0.05:
                await self.open()
            elif kind < 0.07:
                await self._close()
            elif kind < 0.10:
                await self._break()
            elif kind < 0.17:
                await self._idle()
            elif kind < 0.25:
                await self.learn()
            else:
                await self.run(self._batch())
        except Gone:
            raise Violation(f"{self.who}: the server hung up") from None

    def _batch(self) -> list[Command]:
        """Commands that may be sent at once: after one that may expunge, no numbers are certain (RFC 9051 §5.5)."""
        view = self._open_view
        batch = [self._generator.draw(view)]
        while len(batch) < 4 and not batch[-1].alone and self.dice.random() < 0.3:
            more = self._generator.draw(view)
            if (more.by_number or more.numbered) and not all(one.by_number for one in batch):
                break
            batch.append(more)
        return batch

    async def _close(self) -> None:
        how = self.dice.choice((b"CLOSE", b"UNSELECT"))
        box = self._open_view.box
        await self.run([Command(how)])
        self._leave()
        if how == b"CLOSE":
            # What it expunged is not told (RFC 7162 §3.2.8), so there is nothing to resynchronise from.
            self._memories.pop(box, None)

    async def _break(self) -> None:
        """Leave in the middle: whatever was sent may have been done or not."""
        for command in self._batch() if self.dice.random() < 0.7 else []:
            command.finish(Answer(self._send(command)))
        await self._flush()
        self.connection.abort()
        self._leave()
        await self.connect()
        await self.open()

    async def _flush(self) -> None:
        for _ in range(self.dice.randint(0, 20)):
            await asyncio.sleep(0)

    # -- IDLE

    async def _idle(self) -> None:
        await self.begin_idle()
        seconds = self.dice.choice((0.0, 0.02, 0.2))
        while line := await self.heard(seconds):
            self._hear(line)
        await self.end_idle()

    async def begin_idle(self) -> None:
        self._tag += 1
        self.connection.send(b"%b%d IDLE\r\n" % (self.who.encode(), self._tag))
        while not (line := await self.connection.response()).startswith(b"+"):
            self._hear(line)
        self.idling = True

    async def heard(self, seconds: float) -> bytes:
        """What comes by itself within some time; empty if nothing does. Only lines without literals come so."""
        with suppress(Violation):
            return await self.connection.response(max(seconds, 0.001))
        return b""

    async def listen(self, seconds: float) -> None:
        """In IDLE: take one response if one comes."""
        if line := await self.heard(seconds):
            self._hear(line)

    async def end_idle(self) -> None:
        self.idling = False
        self.connection.send(b"DONE\r\n")
        await self._until_tagged(b"%b%d" % (self.who.encode(), self._tag), Command(b"IDLE"), Answer(0))

    def _hear(self, line: bytes) -> None:
        self._open_view.take(line, by_number=False, busy=True)

    # -- sending and reading

    def _send(self, command: Command) -> int:
        self._tag += 1
        return self.connection.send(b"%b%d %b\r\n" % (self.who.encode(), self._tag, command.text))

    async def run(self, batch: list[Command], *, opening: View | None = None) -> Answer:
        """Send all at once, then read to the last tagged response."""
        waiting = deque()
        for command in batch:
            start = self._send(command)
            waiting.append((b"%b%d" % (self.who.encode(), self._tag), command, Answer(start)))
        if opening is not None and self.view is None:
            self.view = opening
        elif opening is not None:
            self._opening = opening  # until CLOSED is told, data belong to the mailbox before (RFC 9051 §7.1)
        got = Answer(0)
        while waiting:
            tag, command, got = waiting.popleft()
            command.begin()
            await self._until_tagged(tag, command, got)
        return got

    async def _until_tagged(self, tag: bytes, command: Command, got: Answer) -> None:
        while not (line := await self.connection.response()).startswith(tag + b" "):
            if not line.startswith(b"* "):
                raise Violation(f"{self.who}: unexpected {line!r}")
            if line.startswith(b"* BYE"):
                raise Violation(f"{self.who}: {line!r}")
            got.lines.append(line)
            if self._opening is not None and line.startswith(b"* OK [CLOSED]"):
                self._leave()
                self.view, self._opening = self._opening, None
                continue
            if self.view is not None:
                self.view.take(line, by_number=command.by_number, busy=True)
        got.status, got.end = line.removeprefix(tag + b" "), self.dialogue.now
        code, argument = answer.code(got.status)
        if code in BUGS or not (got.ok or (command.may_fail and got.status.startswith(b"NO"))):
            raise Violation(f"{self.who}: {command.text[:80]!r} got {got.status!r}")
        if self.view is not None:
            self.view.tagged(code, argument)
        command.finish(got)

    async def leave(self) -> None:
        if self._connection is not None:
            await self._connection.close()
