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
