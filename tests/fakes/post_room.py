"""A queue on a real database and folder, with a clock that the test moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from server.config import Settings
from server.db.database import Database
from server.dns.resolver import Resolver
from server.queue import admin, spool
from server.queue.model import Job, Kind, Outcome
from server.queue.submit import Queue
from server.queue.transport import Transports
from server.queue.worker import Worker
from tests.fakes.clock import FakeClock
from tests.fakes.resolver import FakeResolver

RAW = b"From: anna@example.org\r\nTo: bob@remote.test\r\nSubject: hello\r\nMessage-ID: <1@example.org>\r\n\r\nHi\r\n.dot\r\n"


@dataclass(frozen=True)
class Wish:
    notify: frozenset[str] | None = None
    original: str | None = None


@dataclass(frozen=True)
class FakeEnvelope:
    reverse_path: str = "anna@example.org"
    recipients: tuple[str, ...] = ("bob@remote.test",)
    envelope_id: str | None = None
    ret: str | None = None
    options: dict[str, Wish] = field(default_factory=dict)


class FakeTransport:
    """Says of each recipient what the test put into `answers`: (kind, code, enhanced, text), or an exception."""

    def __init__(self):
        self.jobs: list[Job] = []
        self.answers: dict[str, tuple[Kind, int, str, str]] = {}
        self.default = (Kind.DELIVERED, 250, "2.0.0", "ok")
        self.error: Exception | None = None

    async def deliver(self, job):
        self.jobs.append(job)
        if self.error is not None:
            raise self.error
        return [Outcome(r.id, *self.answers.get(r.address, self.default), "mx.test") for r in job.recipients]

    @property
    def delivered(self) -> list[tuple[str, ...]]:
        return [tuple(r.address for r in job.recipients) for job in self.jobs]


@dataclass
class Post:
    """Everything around one queue."""

    settings: Settings
    clock: FakeClock
    database: Database
    queue: Queue
    remote: FakeTransport
    local: FakeTransport
    resolver: Resolver
    pokes: list[str]

    def worker(self, **more) -> Worker:
        async def hosts(domain):
            return domain == "example.org"

        return Worker(
            self.queue,
            Transports(self.local, hosts, more.pop("remote", self.remote)),
            self.resolver,
            self.clock,
            self.settings,
            hostname="mail.example.org",
            chance=lambda: 0.5,
            **more,
        )

    async def submit(self, raw=RAW, *, account=1, **fields) -> str:
        more = {k: fields.pop(k) for k in ("not_before", "key") if k in fields}
        return await self.queue.submit(FakeEnvelope(**fields), raw, sender_account=account, **more)

    async def entries(self) -> list[admin.Entry]:
        return await admin.Admin(self.queue).entries()

    def blobs(self) -> list[str]:
        return sorted(self.queue.blobs.names())


@contextmanager
def open_post(folder: Path, **settings) -> Iterator[Post]:
    settings = Settings(data=folder, **settings)
    database = Database(settings.directory_db, spool.SCHEMA)
    clock, pokes = FakeClock(), []
    queue = Queue(database, settings.queue_dir, clock, pokes.append)
    try:
        yield Post(settings, clock, database, queue, FakeTransport(), FakeTransport(), FakeResolver(), pokes)
    finally:
        database.close()
