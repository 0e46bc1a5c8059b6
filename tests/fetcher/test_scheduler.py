import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from fetcher import account, lease, now, run
from fetcher.connection import Environment
from fetcher.deliver import LmtpDeliverer
from fetcher.dialogue import Limits
from fetcher.lease import Caps
from fetcher.run import Report
from fetcher.scheduler import Scheduler
from fetcher.table import source
from server.clock import SystemClock
from server.db.database import Database
from tests.fakes.pop3_server import Maildrop, Manners, Pop3Server, letters
from tests.fetcher.conftest import QUICK


class Topics:
    """A bus whose pokes the test makes."""

    def __init__(self):
        self.wakes = {}
        self.closed = 0

    def subscribe_topic(self, name, wake):
        self.wakes[name] = wake
        return self

    def close(self):
        self.closed += 1


async def until(true, seconds=8.0):
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


@pytest.fixture
async def house(world):
    """The world with a real clock, and schedulers that are stopped at the end."""
    world.clock = SystemClock()
    world.topics = Topics()
    started = []

    def start(database=None, **options):
        kit = replace(world.kit, database=database) if database else world.kit
        options = {"poll_seconds": 30} | options
        scheduler = Scheduler(world.settings, kit.database, world.clock, world.topics, kit=kit, **options)
        scheduler.start()
        started.append(scheduler)
        return scheduler

    world.scheduler = start
    yield world
    for scheduler in started:
        await scheduler.stop()


async def test_what_is_due_is_collected_without_being_asked(house):
    for raw in letters(5):
        house.drop.add(raw)
    house.add()
    house.scheduler()
    await until(lambda: house.source().state == "ok")
    assert len(house.mailbox.stored) == 5


async def test_the_clock_rings_by_itself(house):
    house.scheduler(poll_seconds=0.05)
    await asyncio.sleep(0.2)
    house.drop.add(letters(1)[0])
    house.add()
    await until(lambda: house.source().state == "ok")
    assert len(house.mailbox.stored) == 1


async def test_collect_now_comes_by_the_bus(house):
    house.scheduler()
    house.add()
    await until(lambda: "sources" in house.topics.wakes)
    house.topics.wakes["sources"]()
    await until(lambda: house.source().state == "ok")
    house.drop.add(letters(1)[0])
    house.database.write(lambda w: account.fetch_now(w, house.source_id, now=house.clock.now()))
    house.topics.wakes["sources"]()
    await until(lambda: len(house.mailbox.stored) == 1)


async def test_a_stuck_source_delays_nobody(house):
    for raw in letters(2):
        house.drop.add(raw)
    async with Pop3Server(Maildrop(), Manners(hang_at="CAPA")) as stuck:
        for n in range(3):
            house.add(username=f"stuck{n}", port=stuck.port, account_id=n + 10)
        good = house.add()
        # The host is the same, so the cap of the provider has to leave room; the places of the process are four.
        house.scheduler(caps=Caps(running=4, host=4))
        await until(lambda: house.source(good).state == "ok")
        assert stuck.open == 3


async def test_two_workers_never_fetch_one_source_at_once(house):
    for raw in letters(60):
        house.drop.add(raw)
    house.lmtp_manners.pause = 0.005
    house.add()
    other = Database(house.database.path, account.SCHEMA)
    house.scheduler()
    house.scheduler(database=other)
    for _ in range(20):
        house.database.write(lambda w: account.fetch_now(w, house.source_id, now=house.clock.now()))
        house.topics.wakes["sources"]()
        await asyncio.sleep(0.02)
    await until(lambda: house.source().state == "ok")
    other.close()
    assert house.pop3.most_open == 1
    assert len(house.mailbox.stored) == 60 and not house.mailbox.repeated


async def test_many_sources_of_one_provider_come_a_few_at_a_time(house):
    house.lmtp_manners.pause = 0.02
    drops = []
    for n in range(6):
        drop = Maildrop()
        drop.add(letters(1, start=n)[0])
        drops.append(drop)
    servers = [await Pop3Server(drop).start() for drop in drops]
    for n, server in enumerate(servers):
        house.add(username="someone", port=server.port, account_id=n)
    most = 0
    house.scheduler(caps=Caps(host=2))

    def done():
        nonlocal most
        most = max(most, sum(s.open for s in servers))
        return len(house.mailbox.stored) == 6

    await until(done)
    for server in servers:
        await server.stop()
    assert most <= 2


async def test_stopping_is_quick_and_gives_everything_back(house):
    for raw in letters(300):
        house.drop.add(raw)
    house.lmtp_manners.pause = 0.02
    house.add()
    scheduler = house.scheduler()
    await until(lambda: len(house.mailbox.stored) > 5)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await scheduler.stop()
    assert loop.time() - began < 5
    source = house.source()
    assert source.lease is None and source.state == "new" and scheduler.running == 0
    assert house.topics.closed >= 1
    house.lmtp_manners.pause = 0
    house.scheduler()
    await until(lambda: house.source().imported)
    assert len(house.mailbox.stored) == 300


async def test_a_database_in_trouble_is_survived(house, monkeypatch):
    house.add()
    real = account.due
    failures = iter([OSError("disk"), OSError("disk")])

    def broken(*args, **kwargs):
        error = next(failures, None)
        if error is not None:
            raise error
        return real(*args, **kwargs)

    monkeypatch.setattr(account, "due", broken)
    house.scheduler(poll_seconds=0.05)
    await until(lambda: house.source().state == "ok")


# -- collecting now, for the command line


async def test_collecting_now_reports_each_source(house):
    for raw in letters(3):
        house.drop.add(raw)
    house.add()
    async with Pop3Server(Maildrop(), Manners(refuse_sign_in="-ERR [AUTH] no")) as other:
        house.add(username="other", port=other.port)
        reports = await now.fetch_all(house.kit, 1)
    assert [(r.delivered, r.error.code if r.error else None) for r in reports] == [(3, None), (0, "sign-in")]
    assert await now.fetch_all(house.kit, 99) == []


async def test_collecting_now_waits_for_a_worker_that_is_at_it(house):
    for raw in letters(30):
        house.drop.add(raw)
    house.lmtp_manners.pause = 0.01
    house.add()
    house.scheduler()
    await until(lambda: house.source().state == "fetching")
    reports = await now.fetch_all(house.kit, 1)
    assert reports[0].error is None
    assert len(house.mailbox.stored) == 30 and house.pop3.most_open == 1


async def test_collecting_now_does_not_wait_for_ever(house):
    house.add()
    house.database.write(lambda w: lease.claim(w, now=house.clock.now(), room=1, caps=Caps()))
    before = house.source()
    reports = await now.fetch_all(house.kit, 1, patience=0.3)
    assert reports[0].error.code == "in-use"
    # Who waits does not wish: a provider that refuses the password would be asked again the moment each run ends.
    assert house.source() == before
    assert not house.database.read(lambda r: r.execute(sa.select(source.c.wanted)).scalar())


async def test_a_paused_source_is_not_collected_now(house):
    house.add()
    house.database.write(lambda w: account.pause(w, house.source_id))
    assert (await now.fetch_all(house.kit, 1))[0].error.code == "gone"
    assert house.pop3.sessions == 0


async def test_a_long_import_gives_its_place_back_and_goes_on(house, monkeypatch):
    monkeypatch.setattr(run, "RUN_SECONDS", -1)
    for raw in letters(30):
        house.drop.add(raw)
    house.batch = 10
    house.add()
    report: Report = (await now.fetch_all(house.kit, 1))[0]
    assert report.delivered == 30 and house.pop3.sessions == 3
    assert house.source().imported


def test_the_kit_has_working_defaults(world):
    kit = replace(world.kit, make_deliverer=None, environment=None)
    assert isinstance(kit.deliverer(), LmtpDeliverer)
    assert kit.shell().limits == Limits(message=world.settings.message_size_limit)
    assert isinstance(kit.shell(), Environment) and kit.shell().times != QUICK
