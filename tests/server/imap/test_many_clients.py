"""Several clients at one mailbox, each doing what it likes, each keeping books by what it is told (in the manner of imaptest)."""

import asyncio
import random
import re

import pytest

from tests.fakes.imap_house import message

CLIENTS, COMMANDS = 4, 60
FETCHED = re.compile(rb"\* (\d+) FETCH \((?:UID (\d+))?.*")
COUNTED = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE)")


class Bookkeeper:
    def __init__(self, client, seed):
        self._client, self._random = client, random.Random(seed)
        self.uids = []

    async def open(self):
        self._take(await self._client.ok("SELECT INBOX"))
        await self.sync()

    async def sync(self):
        self._take(await self._client.ok("FETCH 1:* (UID)") if self.uids else [])

    def _take(self, lines, *, by_number=False):
        for line in lines:
            if match := COUNTED.fullmatch(line):
                number = int(match[1])
                if match[2] == b"EXPUNGE":
                    assert not by_number, "EXPUNGE while numbers are in use"
                    del self.uids[number - 1]
                else:
                    assert number >= len(self.uids)
                    self.uids += [None] * (number - len(self.uids))
            elif match := FETCHED.fullmatch(line):
                number, uid = int(match[1]), match[2] and int(match[2])
                assert self.uids[number - 1] in {None, uid} or uid is None
                self.uids[number - 1] = uid or self.uids[number - 1]

    async def step(self):
        pick = self._random.choice(
            ["append", "flag", "delete", "expunge", "fetch", "noop", "move", "search", "refetch"]
        )
        await getattr(self, pick)()

    def _number(self):
        return self._random.randint(1, len(self.uids)) if self.uids else None

    async def _ask(self, command, *, by_number=False):
        lines, _ = await self._client.ask(command)
        self._take(lines, by_number=by_number)
        return lines

    async def append(self):
        raw = message(f"Letter {self._random.random()}")
        await self._ask(b"APPEND INBOX {%d+}\r\n%b" % (len(raw), raw))

    async def flag(self):
        if number := self._number():
            await self._ask(f"STORE {number} {self._random.choice('+-')}FLAGS (\\Flagged)", by_number=True)

    async def delete(self):
        if number := self._number():
            await self._ask(f"STORE {number} +FLAGS.SILENT (\\Deleted)", by_number=True)

    async def expunge(self):
        await self._ask("EXPUNGE")

    async def fetch(self):
        if number := self._number():
            await self._ask(f"FETCH {number}:* (UID FLAGS)", by_number=True)

    async def noop(self):
        await self._ask("NOOP")

    async def move(self):
        if number := self._number():
            await self._ask(f"MOVE {number} Archive")

    async def search(self):
        lines = await self._ask("SEARCH ALL", by_number=True)
        found = next(line for line in lines if line.startswith(b"* SEARCH")).split()[2:]
        assert len(found) <= len(self.uids)

    async def refetch(self):
        await self._ask("UID FETCH 1:* (FLAGS)")


@pytest.mark.parametrize("notify", [None, "NOTIFY SET (selected-delayed (MessageNew (UID) MessageExpunge FlagChange))"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_everybody_ends_with_the_same_mailbox(house, seed, notify):
    for number in range(10):
        house.append(message(f"Letter {number}"))
    clients = [await house.signed_in() for _ in range(CLIENTS)]
    if notify is not None:
        for client in clients:
            await client.ok(notify)
    keepers = [Bookkeeper(client, f"{seed}.{n}") for n, client in enumerate(clients)]
    await asyncio.gather(*(keeper.open() for keeper in keepers))

    async def work(keeper):
        for _ in range(COMMANDS):
            await keeper.step()

    await asyncio.gather(*(work(keeper) for keeper in keepers))
    for keeper in keepers:
        await keeper.noop()
        await keeper.sync()
    assert len({tuple(keeper.uids) for keeper in keepers}) == 1
    assert None not in keepers[0].uids
