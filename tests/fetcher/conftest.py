"""One source on a misbehaving provider, one mailbox behind LMTP, and a directory database of its own."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from fetcher import account, lease, run, seen
from fetcher.account import SCHEMA, NewSource, Source
from fetcher.connection import Environment, Times
from fetcher.deliver import LmtpDeliverer, LmtpTimes
from fetcher.dialogue import Limits
from fetcher.lease import Caps
from fetcher.run import Kit, Report
from server.config import Settings
from server.db.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.lmtp_server import LmtpManners, LmtpServer, Mailbox
from tests.fakes.pop3_server import Maildrop, Manners, Pop3Server

QUICK = Times(name=2, connect=2, tls=2, reply=2, rate=1024, goodbye=1)


@dataclass
class World:
    """Everything between the provider and the mailbox."""

    settings: Settings
    database: Database
    clock: FakeClock
    drop: Maildrop = field(default_factory=Maildrop)
    manners: Manners = field(default_factory=Manners)
    lmtp_manners: LmtpManners = field(default_factory=LmtpManners)
    mailbox: Mailbox = field(default_factory=Mailbox)
    environment: Environment = field(default_factory=lambda: Environment(QUICK, Limits(message=300_000)))
    pop3: Any = None
    lmtp: Any = None
    batch: int = 1000
    source_id: int = 0

    async def start(self) -> "World":
        self.pop3 = await Pop3Server(self.drop, self.manners).start()
        self.lmtp = LmtpServer(self.mailbox, self.lmtp_manners)
        await self.lmtp.__aenter__()
        return self

    async def stop(self) -> None:
        await self.pop3.stop()
        await self.lmtp.__aexit__()
        self.database.close()

    @property
    def kit(self) -> Kit:
        return Kit(
            self.settings,
            self.database,
            self.clock,
            make_deliverer=lambda: LmtpDeliverer(
                "127.0.0.1", self.lmtp.port, times=LmtpTimes(connect=2, reply=2, stored=2)
            ),
            environment=self.environment,
            batch=self.batch,
            chance=lambda: 0.5,
        )

    def new(self, **values: Any) -> NewSource:
        standard = NewSource(
            account_id=1,
            recipient="ann@here.example",
            host="127.0.0.1",
            port=self.pop3.port,
            tls="none",
            username="someone",
        )
        return replace(standard, **values)

    def add(self, *, password: str = "right horse", **values: Any) -> int:
        ring = account.keyring(self.settings)
        new = self.new(**values)
        self.source_id = self.database.write(lambda w: account.create(w, new, password, ring, now=self.clock.now()))
        return self.source_id

    def source(self, source_id: int = 0) -> Source:
        found = self.database.read(lambda r: account.by_id(r, source_id or self.source_id))
        assert found is not None
        return found

    async def fetch(self, *, later: float = 1) -> Report:
        """Make the source due, take it, collect it once."""
        self.clock.advance(later)
        now = self.clock.now()
        self.database.write(lambda w: account.fetch_now(w, self.source_id, now=now))
        claimed = self.database.write(lambda w: lease.claim(w, now=now, room=1, caps=Caps()))
        assert [s.id for s in claimed] == [self.source_id]
        return await run.fetch(claimed[0], self.kit)

    def states(self) -> dict[str, str]:
        stories = self.database.read(lambda r: seen.stories(r, self.source_id, limit=10_000))
        return {s.uidl: s.state for s in stories}

    def delivered(self) -> list[bytes]:
        return [self.mailbox.stored[e] for e in self.mailbox.order]


@pytest.fixture
async def world(tmp_path):
    database = Database(tmp_path / "directory.db", SCHEMA)
    made = World(Settings(data=tmp_path), database, FakeClock())
    made.clock.advance(timedelta(days=0).total_seconds())
    await made.start()
    yield made
    await made.stop()
