import asyncio
import threading
from pathlib import Path

import pytest

from server.config import Settings
from server.notify.bus import SilentBus
from server.store import append, collect, expunge, index, mailboxes, messages
from server.store.query import Text
from server.store.search import search
from server.store.store import REST, Store, folder_of
from tests.fakes.clock import FakeClock
from tests.fakes.documents import letter_with, pdf
from tests.fakes.mail_account import letter


class Ledger(SilentBus):
    def __init__(self) -> None:
        self.published: list[tuple[int, int]] = []

    def publish(self, account: int, modseq: int) -> None:
        self.published.append((account, modseq))


@pytest.fixture
def bus() -> Ledger:
    return Ledger()


@pytest.fixture
def store(tmp_path: Path, bus: Ledger):
    made = Store(Settings(tmp_path), bus, FakeClock(), max_open=3)
    yield made
    made.close()


def put(text: str = "hello"):
    prepared = append.prepare(letter(text, text))
    return lambda w: append.append(w, 1, prepared)


async def until(store: Store, account: int, fn, wanted) -> None:
    async with asyncio.timeout(60):
        while await store.read(account, fn) != wanted:
            await asyncio.sleep(0.02)


async def test_reading_and_writing(store: Store, bus: Ledger):
    assert (await store.read(7, lambda r: mailboxes.by_name(r, "INBOX"))).uidnext == 1
    done = await store.write(7, put())
    assert store.read_now(7, lambda r: list(messages.uids(r, 1))) == [1]
    assert store.write_now(7, put("b")).uid == 2
    assert bus.published == [(7, done.modseq), (7, done.modseq + 1)]
    assert store.path(7).parent.stat().st_mode & 0o077 == 0


async def test_accounts_are_apart(store: Store):
    await store.write(1, put())
    assert store.read_now(257, lambda r: list(messages.uids(r, 1))) == []
    assert store.path(1) != store.path(257)


async def test_nothing_is_published_for_what_failed_or_changed_nothing(store: Store, bus: Ledger):
    with pytest.raises(LookupError):
        await store.write(7, lambda w: (put()(w), {}["x"]))
    await store.write(7, lambda w: expunge.expunge(w, 1))
    await store.read(7, mailboxes.list_all)
    assert bus.published == []


async def test_many_writers_of_many_accounts(store: Store):
    await asyncio.gather(*(store.write(account, put(f"{n}")) for account in range(1, 9) for n in range(10)))
    for account in range(1, 9):
        assert list(await store.read(account, lambda r: messages.uids(r, 1))) == list(range(1, 11))


async def test_only_so_many_stay_open(store: Store):
    for account in range(1, 10):
        await store.write(account, put())
    # The chores look at each account once more; after that, the rule holds.
    async with asyncio.timeout(10):
        while len(store._open) > 3:
            await asyncio.sleep(0.05)
            await store.read(1, mailboxes.list_all)
            await store.read(99, mailboxes.list_all)
    assert list(await store.read(5, lambda r: messages.uids(r, 1))) == [1]


async def test_one_in_use_is_not_closed(store: Store):
    gate, started = threading.Event(), threading.Event()

    def slow(r):
        started.set()
        gate.wait(10)
        return list(messages.uids(r, 1))

    await store.write(1, put())
    reading = asyncio.ensure_future(store.read(1, slow))
    await asyncio.to_thread(started.wait, 10)
    for account in range(2, 8):
        await store.write(account, put())
    assert 1 in store._open
    gate.set()
    assert await reading == [1]


async def test_what_nobody_uses_is_closed_and_opens_again(tmp_path: Path):
    clock = FakeClock()
    store = Store(Settings(tmp_path), SilentBus(), clock)
    store._chores.close()
    store._reading.close()
    gate, started = threading.Event(), threading.Event()
    await store.write(1, put())
    await store.write(2, put())
    clock.advance(REST - 1)
    assert store.rest() == 0
    store.read_now(2, mailboxes.list_all)
    reading = asyncio.ensure_future(store.read(1, lambda r: (started.set(), gate.wait(10))))
    await asyncio.to_thread(started.wait, 10)
    clock.advance(REST - 1)
    assert store.rest() == 0  # 1 is unused for long enough, but for the reader that is still at it
    gate.set()
    await reading
    clock.advance(1)
    assert store.rest() == 2
    assert not store._open
    assert store.read_now(1, lambda r: list(messages.uids(r, 1))) == [1]
    store.close()


async def test_chores_fill_the_index_and_clear_up(store: Store):
    await store.write(7, put("findable"))
    await until(store, 7, index.first_unindexed, 0)
    assert await store.read(7, lambda r: search(r, 1, Text("findable"))) == [1]
    await store.write(7, lambda w: expunge.remove(w, 1, [1]))
    await until(store, 7, collect.has_garbage, False)


async def test_a_pdf_is_found_a_moment_later_and_its_reader_goes(store: Store, monkeypatch: pytest.MonkeyPatch):
    prepared = append.prepare(letter_with(("application/pdf", "x.pdf", pdf("季度报告 of the quarter"))))
    await store.write(7, lambda w: append.append(w, 1, prepared))
    await until(store, 7, lambda r: search(r, 1, Text("季度")), [1])
    await until(store, 7, lambda r: search(r, 1, Text("of the quarter")), [1])
    monkeypatch.setattr("server.document.process.IDLE", -1.0)
    async with asyncio.timeout(30):
        while store._process.is_running:
            store.rest()
            await asyncio.sleep(0.02)


async def test_what_a_process_left_undone_is_done_after_the_next_opening(tmp_path: Path):
    first = Store(Settings(tmp_path), SilentBus(), FakeClock())
    first._chores.close()
    await first.write(7, put())
    await first.write(7, put("b"))
    await first.write(7, lambda w: expunge.remove(w, 1, [1]))
    first.close()
    second = Store(Settings(tmp_path), SilentBus(), FakeClock())
    await until(second, 7, index.first_unindexed, 0)
    await until(second, 7, collect.has_garbage, False)
    second.close()


async def test_two_stores_on_one_folder(store: Store, tmp_path: Path):
    other = Store(Settings(tmp_path), SilentBus(), FakeClock())
    both = [s.write(7, put(f"{n}")) for n in range(20) for s in (store, other)]
    uids = sorted(done.uid for done in await asyncio.gather(*both))
    assert uids == list(range(1, 41))
    other.close()


async def test_work_without_a_transaction(store: Store):
    assert await store.run(lambda: threading.current_thread().name) != threading.current_thread().name


def test_folders_are_spread():
    assert folder_of(Path("x"), 258) == Path("x/02/258")


async def test_the_searches_of_one_account_leave_threads_to_the_others(store: Store):
    go, busy = threading.Event(), threading.Semaphore(0)

    def slow(_reader):
        busy.release()
        assert go.wait(30)

    mine = [asyncio.create_task(store.read(7, slow)) for _ in range(20)]
    try:
        async with asyncio.timeout(20):
            while not busy.acquire(blocking=False):
                await asyncio.sleep(0.01)
            assert (await store.read(8, lambda r: mailboxes.by_name(r, "INBOX"))).uidnext == 1
    finally:
        go.set()
        await asyncio.gather(*mine)
    assert not store._turns._busy


async def test_who_reads_in_the_mail_of_another_takes_a_turn_of_its_own(store: Store):
    """Else guests could keep the owner of what they may read waiting."""
    go, busy = threading.Event(), threading.Semaphore(0)

    def slow(_reader):
        busy.release()
        assert go.wait(30)

    guests = [asyncio.create_task(store.read(7, slow, by=8)) for _ in range(20)]
    try:
        async with asyncio.timeout(20):
            while not busy.acquire(blocking=False):
                await asyncio.sleep(0.01)
            assert (await store.read(7, lambda r: mailboxes.by_name(r, "INBOX"))).uidnext == 1
    finally:
        go.set()
        await asyncio.gather(*guests)
    assert not store._turns._busy
