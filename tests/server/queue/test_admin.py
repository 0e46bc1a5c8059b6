"""What administrators see of the queue, and do to it."""

import asyncio

from server.queue import admin
from server.queue.lock import WorkerLock
from server.queue.model import Kind, State

LATER = (Kind.DEFERRED, 451, "4.7.1", "greylisted")


class TestAdmin:
    async def test_retry_makes_due(self, post):
        post.remote.default = LATER
        name = await post.submit()
        other = await post.submit()
        worker = post.worker()
        await worker.run_once()
        control = admin.Admin(post.queue)
        assert await control.retry(name) == 1
        assert await worker.run_once() == 1
        assert await control.retry() == 2
        assert await worker.run_once() == 2
        assert await control.retry("nothing") == 0
        assert {e.queue_id for e in await control.entries()} == {name, other}

    async def test_hold_and_release(self, post):
        name = await post.submit()
        control = admin.Admin(post.queue)
        assert await control.hold(name) == 1
        assert [e.state for e in await control.entries()] == [State.HELD]
        assert await post.worker().run_once() == 0
        assert await control.retry(name) == 1
        assert await post.worker().run_once() == 1

    async def test_hold_during_an_attempt(self, post):
        name = await post.submit()
        worker = post.worker()
        lock = WorkerLock(post.settings.queue_dir)
        assert lock.acquire()
        leases = await worker._lease()
        control = admin.Admin(post.queue)
        await control.hold(name)
        assert not await control.cancel(name)
        lock.release()
        post.remote.default = LATER
        worker._begin(leases)
        await asyncio.gather(*worker._tasks)
        assert [(e.state, e.under_way) for e in await control.entries()] == [(State.HELD, False)]

    async def test_held_and_delivered_is_done(self, post):
        name = await post.submit()
        worker = post.worker()
        leases = await worker._lease()
        await admin.Admin(post.queue).hold(name)
        worker._begin(leases)
        await asyncio.gather(*worker._tasks)
        assert await post.entries() == []

    async def test_cancel(self, post):
        name = await post.submit()
        control = admin.Admin(post.queue)
        assert await control.cancel(name)
        assert not await control.cancel(name)
        assert await control.entries() == []
        assert post.blobs() == []
        assert await post.worker().run_once() == 0

    async def test_cancel_on_a_stopped_system_after_a_crash(self, post):
        name = await post.submit()
        await post.worker()._lease()
        assert await admin.Admin(post.queue).cancel(name)

    async def test_not_while_the_worker_is_at_it(self, post):
        name = await post.submit()
        lock = WorkerLock(post.settings.queue_dir)
        assert lock.acquire()
        await post.worker()._lease()
        control = admin.Admin(post.queue)
        assert not await control.cancel(name)
        assert await control.retry(name) == 0
        lock.release()
