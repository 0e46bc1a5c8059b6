"""The worker as a whole: woken, waiting, stopping, one of several."""

import asyncio

import pytest

from server.db.errors import DatabaseBusy
from server.queue import worker as working
from server.queue.lock import WorkerLock
from server.queue.model import Kind
from server.queue.retry import DAY, MINUTE

LATER = (Kind.DEFERRED, 451, "4.7.1", "greylisted")


class TestRun:
    async def test_wakes_up_when_poked(self, post):
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while not post.clock._sleepers:
                await asyncio.sleep(0.01)
            await post.submit()
            worker.poke()
            while not post.remote.jobs:
                await asyncio.sleep(0.01)
            worker.stop()
            await task

    async def test_wakes_up_by_itself_when_something_is_due(self, post):
        post.remote.default = LATER
        await post.submit()
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while len(post.remote.jobs) < 2:
                post.clock.advance(MINUTE)
                await asyncio.sleep(0.01)
            worker.stop()
            await task

    async def test_gives_back_what_a_dead_worker_held(self, post):
        await post.submit()
        dead = post.worker()
        assert len(await dead._lease()) == 1
        assert (await post.entries())[0].under_way
        assert await post.worker().run_once() == 0
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while not post.remote.jobs:
                await asyncio.sleep(0.01)
            worker.stop()
            await task

    async def test_a_lease_runs_out(self, post):
        await post.submit()
        await post.worker()._lease()
        post.clock.advance(working.LEASE_SECONDS)
        assert await post.worker().run_once() == 1

    async def test_one_worker_at_a_time(self, post):
        lock = WorkerLock(post.settings.queue_dir)
        assert lock.acquire()
        await post.submit()
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while not post.clock._sleepers:
                await asyncio.sleep(0.01)
            assert post.remote.jobs == []
            lock.release()
            while not post.remote.jobs:
                post.clock.advance(working.PAUSE_SECONDS)
                await asyncio.sleep(0.01)
            worker.stop()
            await task

    async def test_survives_a_database_that_fails_for_a_while(self, post):
        await post.submit()
        real, failures = post.database.async_write, iter([True] * 3)

        async def write(fn):
            if next(failures, False):
                raise DatabaseBusy
            return await real(fn)

        post.queue.database = type(
            "D", (), {"async_write": staticmethod(write), "async_read": post.database.async_read}
        )()
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while not post.remote.jobs:
                post.clock.advance(working.PAUSE_SECONDS)
                await asyncio.sleep(0.01)
            worker.stop()
            await task

    async def test_cancelling_cuts_attempts_and_leaves_them_leased(self, post):
        started = asyncio.Event()

        class Endless:
            async def deliver(self, job):
                started.set()
                await asyncio.Event().wait()

        await post.submit()
        task = asyncio.create_task(post.worker(remote=Endless()).run())
        async with asyncio.timeout(10):
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await post.entries())[0].under_way
        lock = WorkerLock(post.settings.queue_dir)
        assert lock.acquire()
        lock.release()

    async def test_what_is_known_is_written_though_the_worker_is_cut(self, post):
        """Cut between the other side's 250 and our note of it: the note is made, nothing goes out twice."""
        await post.submit()
        settling, real = asyncio.Event(), post.database.async_write

        async def write(fn):
            if post.remote.jobs:
                settling.set()
                await asyncio.sleep(0.05)
            return await real(fn)

        post.queue.database = type(
            "D", (), {"async_write": staticmethod(write), "async_read": post.database.async_read}
        )()
        task = asyncio.create_task(post.worker().run())
        async with asyncio.timeout(10):
            await settling.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await post.entries() == []

    async def test_stopped_while_another_worker_runs(self, post):
        lock = WorkerLock(post.settings.queue_dir)
        assert lock.acquire()
        worker = post.worker()
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            while not post.clock._sleepers:
                await asyncio.sleep(0.01)
            worker.stop()
            await task
        lock.release()

    async def test_an_attempt_that_is_lost_is_repeated_when_its_lease_runs_out(self, post, monkeypatch):
        await post.submit()

        def unreadable(name):
            raise OSError(5, "input/output error")

        monkeypatch.setattr(post.queue.blobs, "get", unreadable)
        worker = post.worker()
        assert await worker.run_once() == 1
        assert (await post.entries())[0].under_way
        monkeypatch.undo()
        post.clock.advance(working.LEASE_SECONDS)
        assert await worker.run_once() == 1
        assert await post.entries() == []

    async def test_no_lease_beyond_what_may_run(self, post, monkeypatch):
        for n in range(3):
            await post.submit(recipients=(f"u@d{n}.test",))
        monkeypatch.setattr(working, "MAX_JOBS", 2)
        worker = post.worker()
        first = await worker._lease()
        worker._begin(first)
        assert len(first) == 2
        assert await worker._lease() == []
        await asyncio.gather(*worker._tasks)

    async def test_orphans_are_swept(self, post, monkeypatch):
        import time

        name = await post.submit()
        post.queue.blobs.put("0" * 22, b"nobody's")
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 2 * DAY)
        await post.worker()._sweep()
        assert post.blobs() == [name]
