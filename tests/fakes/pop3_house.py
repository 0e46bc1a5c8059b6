"""A POP3 server on free ports with a real store, and a client that sees every octet; sign-ins are checked by a table."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from server.accounts.account import Account
from server.accounts.pop3_choice import DEFAULT, Choice
from server.config import Limits, Settings
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, listen
from server.net.tls import server_context
from server.notify.protocol import SilentBus
from server.pop3.listener import factory
from server.pop3.services import Services
from server.store import append, expunge, mailboxes, messages
from server.store.store import Store
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.clock import FakeClock

ADDRESS, PASSWORD, TOKEN = "anna@example.org", "geheim zwei", "pht_right"


def message(n: int, body: bytes = b"") -> bytes:
    return b"From: bob@remote.test\r\nSubject: message %d\r\nMessage-ID: <%d@remote.test>\r\n\r\n" % (n, n) + (
        body or b"line one of %d\r\n.line two\r\n..\r\n.\r\nlast\r\n" % n
    )


def account(number: int, address: str) -> Account:
    return Account(number, address, "", admin=False, active=True, quota=None)


ANNA, BERT = account(1, ADDRESS), account(2, "bert@example.org")


class FakeChoices:
    """What accounts chose, by their numbers."""

    def __init__(self) -> None:
        self.made: dict[int, Choice] = {}

    async def of(self, account_id: int) -> Choice:
        return self.made.get(account_id, DEFAULT)

    async def shortest(self) -> int | None:
        return min((one.days for one in self.made.values() if one.days), default=None)


class Client:
    """Speaks POP3 line by line and lets the test see every octet."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def line(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readline()

    async def say(self, line: str) -> str:
        self.writer.write(line.encode() + b"\r\n")
        return (await self.line()).decode().rstrip("\r\n")

    async def lines(self, line: str) -> list[str]:
        assert (await self.say(line)).startswith("+OK")
        return [found.decode().rstrip("\r\n") for found in await self.rest()]

    async def rest(self) -> list[bytes]:
        found = []
        while (line := await self.line()) != b".\r\n":
            assert line.endswith(b"\r\n")
            found.append(line)
        return found

    async def sign_in(self, password=PASSWORD, name=ADDRESS) -> str:
        await self.say(f"USER {name}")
        return await self.say(f"PASS {password}")

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read() == b""

    async def start_tls(self, context) -> None:
        await self.writer.start_tls(context, server_hostname="localhost")


@dataclass
class House:
    settings: Settings
    store: Store
    authenticator: FakeAuthenticator
    choices: FakeChoices
    clock: FakeClock
    listener: Listener
    secure: Listener
    clients: list[Client]

    async def connect(self, *, tls=None) -> Client:
        port = (self.secure if tls else self.listener).port
        client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=2**26))
        self.clients.append(client)
        assert (await client.line()).startswith(b"+OK")
        return client

    async def signed_in(self) -> Client:
        client = await self.connect()
        assert (await client.sign_in()).startswith("+OK")
        return client

    async def fill(self, *raws: bytes, account=1, mailbox="INBOX", flags=()) -> None:
        prepared = [append.prepare(raw) for raw in raws]

        def put(w):
            target = mailboxes.by_name(w, mailbox)
            for one in prepared:
                append.append(w, target.id, one, flags=flags)

        await self.store.write(account, put)

    async def uids(self, account=1, mailbox="INBOX") -> list[int]:
        return list(await self.store.read(account, lambda r: messages.uids(r, mailboxes.by_name(r, mailbox).id)))

    async def remove(self, *positions: int, account=1) -> None:
        """Another client removes messages of INBOX, counted from one."""
        uids = await self.uids(account)
        doomed = [uids[position - 1] for position in positions]
        await self.store.write(account, lambda w: expunge.remove(w, mailboxes.by_name(w, "INBOX").id, doomed))

    async def taken(self, account=1) -> dict[int, int]:
        """What was taken, and when."""
        return dict(await self.store.read(account, lambda r: r.raw("SELECT uid, at FROM popped").fetchall()))

    def now(self) -> int:
        return int(self.clock.now().timestamp())

    async def until_free(self) -> None:
        """Wait until every session has ended."""
        async with asyncio.timeout(10):
            while len(self.listener.sessions):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_house(folder: Path, limits: Limits | None = None) -> AsyncIterator[House]:
    limits = limits or Limits()
    settings = Settings(data=folder, limits=limits)
    clock, choices = FakeClock(), FakeChoices()
    store = Store(settings, SilentBus(), clock)
    tls = server_context(settings, "localhost")
    authenticator = FakeAuthenticator(
        {(ADDRESS, PASSWORD): ANNA, (ADDRESS, TOKEN): ANNA, (BERT.address, PASSWORD): BERT}, {TOKEN: ANNA}
    )
    services = Services(settings, store, authenticator, choices, clock, tls, ConnectionLimits.of(limits))
    listener = await listen("pop3", factory(services, tls=False), "127.0.0.1", 0)
    secure = await listen("pop3s", factory(services, tls=True), "127.0.0.1", 0, tls=tls)
    house = House(settings, store, authenticator, choices, clock, listener, secure, [])
    try:
        yield house
    finally:
        for client in house.clients:
            client.writer.close()
        await listener.close(2)
        await secure.close(2)
        store.close()
