"""The three ways into one house by a mail program, with real accounts behind them, and a client that signs in by any mechanism."""

import asyncio
import base64
import re
from contextlib import asynccontextmanager

from server.accounts import account as accounts
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory, open_database
from server.accounts.pop3_choice import Choices
from server.clock import SystemClock
from server.config import Limits, Settings
from server.imap.handler import Services as ImapServices
from server.imap.listener import Connections
from server.net.limits import ConnectionLimits
from server.net.listener import close_all, listen
from server.notify.bus import LocalBus
from server.pop3.connection import Services as Pop3Services
from server.pop3.listener import factory as pop3
from server.smtp.protocol import factory as smtp
from server.smtp.service import Service
from server.smtp.submission import Submission
from server.store.store import Store
from tests.fakes.directory import FakeDirectory
from tests.fakes.pipeline import FakePipeline
from tests.fakes.queue import FakeQueue

ANN, PASSWORD = "ann@example.org", "correct horse battery"
NAMES = ("imap", "pop3", "submission")

# What stands before a challenge; RFC 4959, RFC 5034, RFC 4954.
CHALLENGE = re.compile(rb"(?:\+ |334 )(.*)\r\n")
# How each says that the sign-in was right; that it was not; that it is to be tried later.
RIGHT = {"imap": "a OK ", "pop3": "+OK ", "submission": "235 2.7.0 "}
WRONG = {"imap": "a NO [AUTHENTICATIONFAILED] ", "pop3": "-ERR [AUTH] ", "submission": "535 5.7.8 "}
LATER = {"imap": "a NO [UNAVAILABLE] ", "pop3": "-ERR [SYS/TEMP] ", "submission": "454 4.7.0 "}


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Visitor:
    """One connection to one of the doors."""

    def __init__(self, door, reader, writer):
        self.door, self.reader, self.writer = door, reader, writer

    async def line(self):
        async with asyncio.timeout(20):
            return await self.reader.readline()

    async def say(self, text):
        self.writer.write(text.encode() + b"\r\n")
        return await self.reply()

    async def reply(self):
        """The line that ends a reply."""
        while True:
            found = await self.line()
            if not found.startswith(b"* ") and not re.match(rb"\d{3}-", found):
                return found.decode()

    async def authenticate(self, mechanism, initial=None):
        """Begin; returns the first line that comes back."""
        verb = {"imap": "a AUTHENTICATE", "pop3": "AUTH", "submission": "AUTH"}[self.door]
        more = "" if initial is None else f" {b64(initial) or '='}"
        return await self.say(f"{verb} {mechanism}{more}")

    async def plain(self, name, password):
        return await self.authenticate("PLAIN", f"\0{name}\0{password}")

    async def login(self, name, password):
        """The way that is no SASL, or nearly: LOGIN, USER and PASS, AUTH LOGIN."""
        if self.door == "imap":
            return await self.say(f'a LOGIN "{name}" "{password}"')
        if self.door == "pop3":
            await self.say(f"USER {name}")
            return await self.say(f"PASS {password}")
        await self.authenticate("LOGIN", name)
        return await self.say(b64(password))

    async def scram(self, client, *, at_once=True, last=""):
        """A whole exchange; returns the outcome. The client checks the server's proof and answers `last`."""
        said = await self.authenticate("SCRAM-SHA-256", client.first() if at_once else None)
        if not at_once:
            assert challenge(said) == b""
            said = await self.say(b64(client.first()))
        said = await self.say(b64(client.final(challenge(said))))
        if CHALLENGE.fullmatch(said.encode()) is None:
            return said
        client.check(challenge(said))
        return await self.say(last)

    async def works(self):
        """Whether what needs a sign-in is done."""
        asked, answer = {
            "imap": ("a SELECT INBOX", "a OK"),
            "pop3": ("STAT", "+OK"),
            "submission": (f"MAIL FROM:<{ANN}>", "250"),
        }[self.door]
        return (await self.say(asked)).startswith(answer)

    async def cut(self):
        """Wait for the server to hang up."""
        async with asyncio.timeout(20):
            while await self.reader.readline():
                pass


def challenge(line):
    found = CHALLENGE.fullmatch(line.encode())
    assert found is not None, line
    return base64.b64decode(found[1], validate=True)


class Doors:
    """`ann@example.org`, whose account is `ann`, with PASSWORD."""

    def __init__(self, data):
        self.settings = Settings(data=data, limits=Limits())
        self._visitors = []

    async def open(self):
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        clock = SystemClock()
        self.bus = LocalBus(self.settings.run_dir, asyncio.get_running_loop())
        self.directory = Directory(open_database(self.settings.directory_db))
        self.ann = self.directory.write_now(_people)
        self.authenticator = Authenticator(self.directory, clock, self.bus)
        self.store = Store(self.settings, self.bus, clock)
        limits = ConnectionLimits.of(self.settings.limits)
        imap = ImapServices(self.settings, self.store, self.directory, self.authenticator, self.bus, None, limits)
        choices = Choices(self.directory.database, clock)
        pop3_services = Pop3Services(self.settings, self.store, self.authenticator, choices, clock, None, limits)
        owners = FakeDirectory({ANN: self.ann.id})
        handler = Submission(FakePipeline(owners), FakeQueue().submit, owners, clock, "localhost")
        made = {
            "imap": Connections(imap, tls=False),
            "pop3": pop3(pop3_services, tls=False),
            "submission": smtp(
                Service("submission", handler, self.settings, "localhost", clock, limits, self.authenticator, None)
            ),
        }
        self._listeners = {name: await listen(name, one, "127.0.0.1", 0) for name, one in made.items()}

    def port(self, door):
        return self._listeners[door].port

    async def visit(self, door):
        found = Visitor(door, *await asyncio.open_connection("127.0.0.1", self.port(door)))
        self._visitors.append(found)
        await found.line()
        if door == "submission":
            await found.say("EHLO here.test")
        return found

    async def close(self):
        for visitor in self._visitors:
            visitor.writer.close()
        await close_all(list(self._listeners.values()), grace=2.0)
        self.authenticator.close()
        self.bus.close()
        self.store.close()
        self.directory.database.close()


@asynccontextmanager
async def open_doors(data):
    house = Doors(data)
    await house.open()
    try:
        yield house
    finally:
        await house.close()


def _people(w):
    accounts.add_domain(w, "example.org")
    return accounts.add_account(w, ANN, PASSWORD)
