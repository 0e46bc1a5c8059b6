"""What the worker does with what is due, and who hears of it."""

import asyncio

import pytest

from server.db.errors import DatabaseBusy
from server.mail import dsn, header
from server.queue import spool
from server.queue import worker as working
from server.queue.model import Kind, State
from server.queue.retry import DAY, HOUR, MINUTE
from tests.fakes.post_room import RAW, Wish

REFUSED = (Kind.FAILED, 550, "5.1.1", "no such user")
LATER = (Kind.DEFERRED, 451, "4.7.1", "greylisted")
DOUBT = (Kind.UNCERTAIN, 451, "4.4.2", "connection lost")


async def test_delivered_is_forgotten(post):
    await post.submit()
    assert await post.worker().run_once() == 1
    assert post.remote.delivered == [("bob@remote.test",)]
    assert post.remote.jobs[0].raw == RAW
    assert await post.entries() == []
    assert post.blobs() == []
    assert await post.worker().run_once() == 0


async def test_grouped_by_domain(post):
    await post.submit(recipients=("a@one.test", "b@two.test", "c@ONE.test", "d@example.org"))
    await post.worker().run_once()
    assert sorted(post.remote.delivered) == [("a@one.test", "c@ONE.test"), ("b@two.test",)]
    assert post.local.delivered == [("d@example.org",)]


async def test_deferred_is_tried_again(post):
    name = await post.submit()
    post.remote.answers["bob@remote.test"] = LATER
    worker = post.worker()
    await worker.run_once()
    entry = (await post.entries())[0]
    assert (entry.attempts, entry.state, entry.under_way) == (1, State.QUEUED, False)
    assert entry.last_reply == "451 4.7.1 greylisted"
    assert entry.next_attempt == entry.created + 15 * MINUTE
    assert await worker.run_once() == 0
    post.clock.advance(15 * MINUTE)
    del post.remote.answers["bob@remote.test"]
    assert await worker.run_once() == 1
    assert post.blobs() == []
    assert post.remote.jobs[1].message.id == name


async def test_a_mail_role_that_is_back_in_seconds_is_asked_again_in_seconds(post):
    await post.submit(recipients=("anna@example.org",))
    post.local.answers["anna@example.org"] = (Kind.DEFERRED, 451, "4.3.0", "not available")
    worker = post.worker()
    await worker.run_once()
    entry = (await post.entries())[0]
    assert entry.next_attempt == entry.created + 10
    post.clock.advance(10)
    post.local.answers.clear()
    assert await worker.run_once() == 1
    assert await post.entries() == []


async def test_failure_is_reported_once_to_the_sender(post):
    name = await post.submit(recipients=("bob@remote.test", "carl@remote.test", "dora@remote.test"))
    post.remote.answers = {"bob@remote.test": REFUSED, "carl@remote.test": REFUSED}
    await post.worker().run_once()
    assert post.local.delivered == [("anna@example.org",)]
    job = post.local.jobs[0]
    assert job.message.reverse_path == ""
    report = dsn.parse(job.raw)
    assert [(r.address, r.action, r.status) for r in report.recipients] == [
        ("bob@remote.test", "failed", "5.1.1"),
        ("carl@remote.test", "failed", "5.1.1"),
    ]
    assert report.recipients[0].remote_mta == "mx.test"
    assert report.recipients[0].diagnostic == "550 5.1.1 no such user"
    assert report.original_message_id == "1@example.org"
    block, _ = header.split(job.raw)
    assert name in block.text("message-id")
    assert block.text("auto-submitted") == "auto-replied"
    assert post.blobs() == []
    assert await post.entries() == []


async def test_a_report_that_fails_is_not_reported(post):
    await post.submit()
    post.remote.answers["bob@remote.test"] = REFUSED
    post.local.default = REFUSED
    await post.worker().run_once()
    assert len(post.local.jobs) == 1
    assert await post.entries() == []


@pytest.mark.parametrize(
    ("fields", "kept"),
    [({"reverse_path": ""}, 0), ({"account": None}, 1), ({"reverse_path": "eve@victim.test", "account": None}, 1)],
)
async def test_no_backscatter_and_what_can_be_told_to_nobody_is_kept(post, fields, kept):
    await post.submit(**fields)
    post.remote.answers["bob@remote.test"] = REFUSED
    await post.worker().run_once()
    assert post.local.jobs == []
    assert len(post.remote.jobs) == 1
    assert [entry.state for entry in await post.entries()] == ["held"] * kept


@pytest.mark.parametrize(("notify", "told"), [(None, 1), ({"FAILURE"}, 1), ({"NEVER"}, 0), ({"SUCCESS", "DELAY"}, 0)])
async def test_notify_is_respected_for_failures(post, notify, told):
    await post.submit(options={"bob@remote.test": Wish(None if notify is None else frozenset(notify))})
    post.remote.answers["bob@remote.test"] = REFUSED
    await post.worker().run_once()
    assert len(post.local.jobs) == told


async def hours(post, worker, count):
    for _ in range(count * 4):
        post.clock.advance(HOUR / 4)
        await worker.run_once()


async def test_delay_is_reported_once(post):
    await post.submit()
    post.remote.default = LATER
    worker = post.worker()
    await worker.run_once()
    await hours(post, worker, 3)
    assert post.local.jobs == []
    await hours(post, worker, 20)
    assert len(post.local.jobs) == 1
    report = dsn.parse(post.local.jobs[0].raw)
    assert [(r.action, r.status) for r in report.recipients] == [("delayed", "4.7.1")]
    assert report.recipients[0].will_retry_until is not None


async def test_delay_is_not_reported_against_the_wish(post):
    await post.submit(options={"bob@remote.test": Wish(frozenset({"FAILURE"}))})
    post.remote.default = LATER
    worker = post.worker()
    await worker.run_once()
    await hours(post, worker, 12)
    assert post.local.jobs == []


async def test_returned_after_days(post):
    await post.submit()
    post.remote.default = LATER
    worker = post.worker()
    await worker.run_once()
    await hours(post, worker, 5 * 24 + 8)
    assert len(post.local.jobs) == 2
    report = dsn.parse(post.local.jobs[1].raw)
    assert [(r.action, r.status) for r in report.recipients] == [("failed", "5.4.7")]
    assert "greylisted" in report.recipients[0].diagnostic
    assert 25 < len(post.remote.jobs) < 60
    assert await post.entries() == []
    assert post.blobs() == []


async def test_doubt_is_repeated_once_and_then_told(post):
    await post.submit()
    post.remote.default = DOUBT
    worker = post.worker()
    await worker.run_once()
    assert (await post.entries())[0].state is State.QUEUED
    await hours(post, worker, 48)
    assert len(post.remote.jobs) == 2
    report = dsn.parse(post.local.jobs[-1].raw)
    assert report.recipients[0].status == "5.4.2"
    assert "may have been delivered" in report.recipients[0].diagnostic


async def test_doubt_then_delivery(post):
    await post.submit()
    post.remote.default = DOUBT
    worker = post.worker()
    await worker.run_once()
    post.remote.default = (Kind.DELIVERED, 250, "2.0.0", "ok")
    await hours(post, worker, 1)
    assert await post.entries() == []
    assert post.local.jobs == []


async def test_an_exception_of_a_transport_is_a_deferral(post):
    await post.submit()
    post.remote.error = RuntimeError("secret detail")
    await post.worker().run_once()
    entry = (await post.entries())[0]
    assert entry.attempts == 1
    assert "secret" not in entry.last_reply


async def test_a_forgotten_recipient_is_a_deferral(post):
    class Forgetful:
        async def deliver(self, job):
            return []

    await post.submit()
    await post.worker(remote=Forgetful()).run_once()
    assert (await post.entries())[0].last_reply.startswith("451 4.3.0")


async def test_octets_that_vanish_during_the_attempt_do_not_hide_its_end(post):
    class Vanishing:
        async def deliver(self, job):
            post.queue.blobs.remove(job.message.id)
            return [working.Outcome(r.id, *REFUSED) for r in job.recipients]

    await post.submit()
    await post.worker(remote=Vanishing()).run_once()
    assert dsn.parse(post.local.jobs[0].raw).recipients[0].status == "5.1.1"


async def test_settling_that_fails_for_good_is_left_to_the_lease(post):
    await post.submit()
    real = post.database.async_write

    async def write(fn):
        if post.remote.jobs:
            raise DatabaseBusy
        return await real(fn)

    async def sleep(seconds):
        post.clock.advance(seconds)

    post.queue.database = type("D", (), {"async_write": staticmethod(write), "async_read": post.database.async_read})()
    post.clock.sleep = sleep
    worker = post.worker()
    worker._begin(await worker._lease())
    await asyncio.gather(*worker._tasks)
    assert (await post.entries())[0].under_way


async def test_missing_octets_are_told(post):
    name = await post.submit()
    post.queue.blobs.remove(name)
    await post.worker().run_once()
    assert post.remote.jobs == []
    assert dsn.parse(post.local.jobs[0].raw).recipients[0].status == "5.3.0"


async def test_a_report_that_cannot_be_stored_waits_with_its_failure(post, monkeypatch):
    await post.submit()
    post.remote.answers["bob@remote.test"] = REFUSED

    async def full(raw):
        raise OSError(28, "no space")

    monkeypatch.setattr(post.queue, "store_report", full)
    worker = post.worker()
    await worker.run_once()
    assert [e.state for e in await post.entries()] == [State.QUEUED]
    monkeypatch.undo()
    post.clock.advance(15 * MINUTE)
    await worker.run_once()
    assert post.local.delivered == [("anna@example.org",)]


async def test_settling_is_repeated_when_the_database_is_busy(post):
    await post.submit()
    failures = iter([True, True])
    real = post.database.async_write
    settled = []

    async def write(fn):
        if post.remote.jobs and next(failures, False):
            raise DatabaseBusy
        settled.append(fn)
        return await real(fn)

    async def sleep(seconds):
        post.clock.advance(seconds)

    post.queue.database = type("D", (), {"async_write": staticmethod(write), "async_read": post.database.async_read})()
    post.clock.sleep = sleep
    await post.worker().run_once()
    assert len(post.remote.jobs) == 1
    assert await post.entries() == []


async def test_scheduled_mail_goes_at_its_time_and_not_before(post):
    due = int(post.clock.now().timestamp()) + 3 * DAY
    await post.submit(not_before=due)
    worker = post.worker()
    assert await worker.run_once() == 0
    post.clock.advance(3 * DAY - 1)
    assert await worker.run_once() == 0
    post.clock.advance(1)
    # Late by its schedule is not late: no notice of a delay, the whole time for retries.
    post.remote.default = LATER
    assert await worker.run_once() == 1
    assert post.local.jobs == []


async def test_scheduled_mail_survives_a_stop_over_its_time(post):
    await post.submit(not_before=int(post.clock.now().timestamp()) + HOUR)
    post.clock.advance(30 * DAY)
    assert await post.worker().run_once() == 1
    assert await post.worker().run_once() == 0
    assert len(post.remote.jobs) == 1


async def test_a_clock_that_was_wrong_makes_nobody_wait_for_years(post):
    await post.submit()
    post.remote.default = LATER
    post.clock.advance(3650 * DAY)
    worker = post.worker()
    await worker.run_once()
    assert len(post.remote.jobs) == 1
    assert [e.state for e in await post.entries()] == [State.QUEUED]
    post.clock.advance(-3650 * DAY)
    post.remote.default = (Kind.DELIVERED, 250, "2.0.0", "ok")
    assert await worker.run_once() == 1


async def test_one_busy_domain_leaves_room_for_others(post):
    gate = asyncio.Event()
    running = []

    class Slow:
        async def deliver(self, job):
            running.append(job.domain)
            await gate.wait()
            return [working.Outcome(r.id, *post.remote.default) for r in job.recipients]

    for n in range(6):
        await post.submit(recipients=(f"u{n}@busy.test",))
    await post.submit(recipients=("x@other.test",))
    worker = post.worker(remote=Slow())
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(10):
        while len(running) < working.MAX_JOBS_PER_DOMAIN + 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # room for one too many to come
        assert running.count("busy.test") == working.MAX_JOBS_PER_DOMAIN
        assert running.count("other.test") == 1
        gate.set()
        while await post.entries():
            await asyncio.sleep(0.01)
        worker.stop()
        await task
    assert running.count("busy.test") == 6


async def test_large_messages_do_not_fill_the_memory(post, monkeypatch):
    monkeypatch.setattr(working, "MAX_OCTETS", 2 * len(RAW))
    for n in range(5):
        await post.submit(recipients=(f"u@d{n}.test",))
    worker = post.worker()
    assert len(await worker._lease()) == 2
    monkeypatch.setattr(working, "MAX_OCTETS", 1)
    assert len(await worker._lease()) == 1


async def test_next_due(post):
    now = int(post.clock.now().timestamp())

    async def following():
        return await post.database.async_read(lambda r: spool.next_due(r, now))

    assert await following() is None
    await post.submit(not_before=now + 500)
    assert await following() == now + 500
    await post.submit()
    assert await following() == now
    await post.worker()._lease()
    assert await following() == now + 500
