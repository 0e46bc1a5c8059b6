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
