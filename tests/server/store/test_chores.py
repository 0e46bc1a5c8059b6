import threading

from server.store.chores import Chores


def test_asked_twice_done_once_and_more_is_more():
    done: list[tuple[int, str]] = []
    left = {"n": 2}
    idle = threading.Event()

    def work(account: int, name: str) -> bool:
        done.append((account, name))
        if name == "long" and left["n"]:
            left["n"] -= 1
            return True
        if name == "last":
            idle.set()
        return False

    chores = Chores(work, delay=0.05)
    for _ in range(5):
        chores.ask(1, "short")
        chores.ask(2, "long")
    chores.ask(3, "last")
    assert idle.wait(5)
    chores.close()
    assert done.count((1, "short")) == 1
    assert done.count((2, "long")) in (1, 2, 3)


def test_a_chore_that_fails_does_not_stop_the_others():
    done = threading.Event()

    def work(account: int, _name: str) -> bool:
        if account == 1:
            raise LookupError
        done.set()
        return False

    chores = Chores(work, delay=0)
    chores.ask(1, "x")
    chores.ask(2, "x")
    assert done.wait(5)
    chores.close()
    chores.ask(3, "x")


def test_closing_without_anything_to_do():
    Chores(lambda _a, _n: False).close()


def test_what_is_left_over_waits_for_what_is_asked_for_anew():
    """An upgraded house reads the documents of years; what came a moment ago is read first."""
    done: list[int] = []
    ended = threading.Event()
    reached = {1: threading.Event(), 100: threading.Event()}
    gates = {1: threading.Event(), 100: threading.Event()}

    def work(account: int, _name: str) -> bool:
        done.append(account)
        if account in gates and done.count(account) == 1:
            reached[account].set()
            gates[account].wait(60)
        if done.count(7) == 2 and 200 in done:
            ended.set()
        return account < 10 and done.count(account) < 2

    chores = Chores(work, delay=0, pause=0.001)
    chores.ask(1, "x")
    assert reached[1].wait(60)
    for account in (2, 3, 4, 5, 6, 7, 8, 100):
        chores.ask(account, "x")
    gates[1].set()
    assert reached[100].wait(60)
    # Now the others are left over; two are asked for anew, one of them has something left.
    chores.ask(7, "x")
    chores.ask(200, "x")
    gates[100].set()
    assert ended.wait(60)
    chores.close()
    assert sorted(done[done.index(100) + 1 :][:2]) == [7, 200]
