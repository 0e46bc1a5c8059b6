import threading

import pytest

from webmail.pool import Pool, PoolBusy


class Line:
    def __init__(self, name, alive=True):
        self.name, self.alive, self.closed = name, alive, False

    def usable(self):
        return self.alive

    def close(self):
        self.closed = True


class Time:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def made():
    return []


@pytest.fixture
def connect(made):
    def make():
        made.append(Line(len(made)))
        return made[-1]

    return make


def test_a_connection_is_used_again(time, made, connect):
    pool = Pool(time)
    one = pool.acquire("k", connect)
    pool.release("k", one)
    assert pool.acquire("k", connect) is one
    assert len(made) == 1


def test_each_session_has_its_own(time, made, connect):
    pool = Pool(time)
    pool.release("a", pool.acquire("a", connect))
    pool.acquire("b", connect)
    assert len(made) == 2


def test_what_failed_is_closed_and_not_given_again(time, made, connect):
    pool = Pool(time)
    one = pool.acquire("k", connect)
    pool.release("k", one, broken=True)
    assert one.closed
    assert pool.acquire("k", connect) is not one


def test_what_died_meanwhile_is_replaced(time, made, connect):
    pool = Pool(time)
    one = pool.acquire("k", connect)
    pool.release("k", one)
    one.alive = False
    assert pool.acquire("k", connect) is made[1]
    assert one.closed


def test_the_best_of_the_idle_ones_is_taken(time, made, connect):
    pool = Pool(time)
    lines = [pool.acquire("k", connect) for _ in range(3)]
    for line in lines:
        pool.release("k", line)
    assert pool.acquire("k", connect, prefer=lambda line: line.name == 0) is lines[0]


def test_idle_ones_are_few_and_grow_old(time, made, connect):
    pool = Pool(time, max_idle=2, idle_seconds=100)
    lines = [pool.acquire("k", connect) for _ in range(4)]
    for line in lines:
        pool.release("k", line)
    assert [line.closed for line in lines] == [True, True, False, False]
    time.now = 200
    pool.release("other", pool.acquire("other", connect))
    assert all(line.closed for line in lines)


def test_one_session_cannot_take_all(time, made, connect):
    pool = Pool(time, max_per_key=1, wait_seconds=0.01)
    one = pool.acquire("k", connect)
    with pytest.raises(PoolBusy):
        pool.acquire("k", connect)
    pool.acquire("other", connect)
    pool.release("k", one)
    assert pool.acquire("k", connect) is one


def test_a_waiting_request_gets_what_is_given_back(time, made, connect):
    pool = Pool(time, max_per_key=1, wait_seconds=10)
    one = pool.acquire("k", connect)
    got = []
    thread = threading.Thread(target=lambda: got.append(pool.acquire("k", connect)))
    thread.start()
    pool.release("k", one)
    thread.join(10)
    assert got == [one]


def test_a_failed_connection_frees_its_place(time, made, connect):
    pool = Pool(time, max_per_key=1, wait_seconds=0.01)

    def fail():
        raise OSError

    for _ in range(3):
        with pytest.raises(OSError):
            pool.acquire("k", fail)
    assert pool.acquire("k", connect)


def test_the_end_of_a_session_closes_its_connections(time, made, connect):
    pool = Pool(time)
    one, other = pool.acquire("a", connect), pool.acquire("b", connect)
    pool.release("a", one)
    pool.release("b", other)
    pool.drop("a")
    assert (one.closed, other.closed) == (True, False)
    pool.close()
    assert other.closed


def test_what_is_in_use_when_the_session_ends_is_closed_when_it_comes_back(time, made, connect):
    pool = Pool(time)
    one, two = pool.acquire("a", connect), pool.acquire("a", connect)
    pool.drop("a")
    assert not one.closed
    pool.release("a", one)
    pool.release("a", two)
    assert one.closed
    assert two.closed
    three = pool.acquire("a", connect)
    pool.release("a", three)
    assert not three.closed
