import asyncio
import threading

import pytest

from server.db.crew import Crew


async def test_results_and_errors_come_back():
    crew = Crew("t", 2)
    assert await crew.run(lambda: 7) == 7
    with pytest.raises(LookupError):
        await crew.run(lambda: {}["x"])
    crew.close()


async def test_no_more_threads_than_allowed_and_all_jobs_done():
    crew = Crew("t", 3)
    busy, most, lock = 0, 0, threading.Lock()
    gate = threading.Event()

    def job() -> str:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        gate.wait(0.01)
        with lock:
            busy -= 1
        return threading.current_thread().name

    names = await asyncio.gather(*(crew.run(job) for _ in range(30)))
    assert most <= 3
    assert set(names) <= {"t-0", "t-1", "t-2"}
    crew.close()


async def test_a_blocked_job_does_not_hold_up_the_next():
    crew = Crew("t", 2)
    gate = threading.Event()
    blocked = asyncio.ensure_future(crew.run(lambda: gate.wait(5)))
    for n in range(10):
        assert await crew.run(lambda n=n: n) == n
    gate.set()
    assert await blocked
    crew.close()


async def test_closing_finishes_what_waits():
    crew = Crew("t", 1)
    done: list[int] = []
    for n in range(5):
        crew.submit(lambda n=n: done.append(n))
    crew.close()
    assert done == [0, 1, 2, 3, 4]
    with pytest.raises(RuntimeError):
        crew.submit(lambda: None)


def test_a_job_that_raises_does_not_end_its_thread():
    crew = Crew("t", 1)
    done = threading.Event()
    crew.submit(lambda: 1 / 0)
    crew.submit(done.set)
    assert done.wait(5)
    crew.close()


async def test_helpers_come_while_all_are_stuck_and_leave_again():
    crew = Crew("t", 2, helpers=1)
    gate = threading.Event()
    both = threading.Barrier(3)
    stuck = [asyncio.ensure_future(crew.run(lambda: (both.wait(10), gate.wait(10)))) for _ in range(2)]
    await asyncio.to_thread(both.wait, 10)
    for n in range(5):
        assert await crew.run(lambda n=n: (n, threading.current_thread().name)) == (n, "t-help")
    gate.set()
    await asyncio.gather(*stuck)
    async with asyncio.timeout(10):
        while crew._helpers:
            await asyncio.sleep(0.01)
    names = {await crew.run(lambda: threading.current_thread().name) for _ in range(10)}
    assert names <= {"t-0", "t-1"}
    crew.close()


async def test_no_more_helpers_than_allowed():
    crew = Crew("t", 1, helpers=2)
    gate, started = threading.Event(), threading.Semaphore(0)

    def job() -> bool:
        started.release()
        return gate.wait(10)

    stuck = [asyncio.ensure_future(crew.run(job)) for _ in range(5)]
    for _ in range(3):
        assert await asyncio.to_thread(started.acquire, timeout=10)
    assert not await asyncio.to_thread(started.acquire, timeout=0.3)
    gate.set()
    assert await asyncio.gather(*stuck) == [True] * 5
    crew.close()


async def test_short_jobs_need_no_help():
    crew = Crew("t", 1, helpers=3)
    names = await asyncio.gather(*(crew.run(lambda: threading.current_thread().name) for _ in range(500)))
    assert set(names) == {"t-0"}
    crew.close()


def test_closing_with_helpers_at_work_finishes_what_waits():
    crew = Crew("t", 1, helpers=1)
    gate, helping = threading.Event(), threading.Event()
    done: list[int] = []
    crew.submit(lambda: gate.wait(10))
    crew.submit(lambda: (helping.set(), gate.wait(10)))
    assert helping.wait(10)
    for n in range(3):
        crew.submit(lambda n=n: done.append(n))
    closing = threading.Thread(target=crew.close)
    closing.start()
    gate.set()
    closing.join(10)
    assert not closing.is_alive()
    assert done == [0, 1, 2]
