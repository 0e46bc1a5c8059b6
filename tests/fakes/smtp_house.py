"""Listeners on free ports over fakes: what the tests of the protocol talk to."""

from dataclasses import replace

from server.accounts.account import Account
from server.config import Limits, Settings
from server.net.limits import ConnectionLimits
from server.net.listener import close_all, listen
from server.net.tls import server_context
from server.smtp.lmtp import LocalDelivery
from server.smtp.protocol import factory
from server.smtp.receive import Receiver
from server.smtp.service import Service
from server.smtp.submission import Submission
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.clock import FakeClock
from tests.fakes.directory import FakeDirectory
from tests.fakes.pipeline import FakePipeline
from tests.fakes.queue import FakeQueue

HOST = "mx.ours.test"
ANNA = Account(1, "anna@ours.test", "Anna", False, True, None)
PASSWORD = "anna's secret"
TOKEN = "pht_anna"


class ImpatientClock(FakeClock):
    """Counts what it is asked to wait, and does not."""

    def __init__(self):
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds):
        self.slept.append(seconds)


class House:
    def __init__(self, data, **limits):
        self.settings = Settings(data=data, message_size_limit=100_000, limits=replace(Limits(), **limits))
        self.directory = FakeDirectory({"anna@ours.test": 1, "ben@ours.test": 2, "all@ours.test": (1, 2)})
        self.pipeline = FakePipeline(self.directory)
        self.queue = FakeQueue()
        self.authenticator = FakeAuthenticator({("anna@ours.test", PASSWORD): ANNA}, {TOKEN: ANNA})
        self.clock = ImpatientClock()
        self.limits = ConnectionLimits.of(self.settings.limits)
        self.tls = server_context(self.settings, HOST)
        self.listeners = []
        self.ports = {}

    async def start(self):
        submission = Submission(self.pipeline, self.queue.submit, self.directory, self.clock, HOST)
        await self._listen("smtp", Receiver(self.pipeline))
        await self._listen("submission", submission)
        await self._listen("submissions", submission, implicit=True)
        await self._listen("lmtp", LocalDelivery(self.pipeline))

    async def _listen(self, name, handler, *, implicit=False):
        service = Service(
            name=name,
            handler=handler,
            settings=self.settings,
            hostname=HOST,
            clock=self.clock,
            limits=self.limits,
            passwords=self.authenticator if handler.needs_sign_in else None,
            tls=None if implicit or handler.lmtp else self.tls,
        )
        listener = await listen(name, factory(service), "127.0.0.1", 0, tls=self.tls if implicit else None)
        self.listeners.append(listener)
        self.ports[name] = listener.port

    async def stop(self):
        await close_all(self.listeners, grace=1.0)
