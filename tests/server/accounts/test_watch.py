"""Connections end when what they were opened with does. Real directory, real bus; time is made short."""

import asyncio

import pytest

from server.accounts import account as accounts
from server.accounts import token as tokens
from server.accounts import watch as watches
from server.accounts.signed_in import Proof
from server.accounts.watch import Watch
from server.db.errors import DatabaseBusy
from server.notify.bus import LocalBus, SilentBus

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(watches, "SETTLE_SECONDS", 0.01)


@pytest.fixture
async def bus(tmp_path):
    made = LocalBus(tmp_path / "run", asyncio.get_running_loop())
    yield made
    made.close()


@pytest.fixture
async def watch(directory, bus):
    made = Watch(directory.database, bus)
    yield made
    made.close()


def issue(directory, iris):
    directory.write_now(lambda w: tokens.issue(w, iris.id, kind="session", label="x", peer="", lifetime=3600))
    return max(token.id for token in directory.read_now(lambda r: tokens.list_for(r, iris.id)))


class Visit:
    """A connection that notes that it was ended."""

    def __init__(self, watch, proof):
        self.over = asyncio.Event()
        self.times = 0
        self.subscription = watch.enter(proof, self._end)

    def _end(self):
        self.times += 1
        self.over.set()

    async def ended(self):
        async with asyncio.timeout(PATIENCE):
            await self.over.wait()


async def looked(watch):
    """Until everybody who was due has been looked at."""
    async with asyncio.timeout(PATIENCE):
        while watch._due or watch._stir.is_set():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)


async def test_one_token_of_two(watch, directory, iris):
    first, second = issue(directory, iris), issue(directory, iris)
    visits = [Visit(watch, Proof(iris.id, token=token)) for token in (first, first, second)]
    await looked(watch)
    assert [visit.times for visit in visits] == [0, 0, 0]
    directory.write_now(lambda w: tokens.revoke(w, iris.id, first))
    await visits[0].ended()
    await visits[1].ended()
    await looked(watch)
    assert [visit.times for visit in visits] == [1, 1, 0]


async def test_all_tokens_and_the_account(watch, directory, iris):
    one = Visit(watch, Proof(iris.id, token=issue(directory, iris)))
    await looked(watch)
    directory.write_now(lambda w: tokens.revoke_all(w, iris.id))
    await one.ended()
    two = Visit(watch, Proof(iris.id, token=issue(directory, iris)))
    await looked(watch)
    directory.write_now(lambda w: accounts.set_active(w, iris.id, active=False))
    await two.ended()


async def test_a_write_that_is_undone_ends_nobody(watch, directory, iris):
    token = issue(directory, iris)
    visit = Visit(watch, Proof(iris.id, token=token))

    def fail(w):
        tokens.revoke(w, iris.id, token)
        raise KeyError

    with pytest.raises(KeyError):
        directory.write_now(fail)
    await looked(watch)
    assert visit.times == 0


async def test_what_ended_before_it_came_in(watch, directory, iris):
    """The word went out between the check and the entry; nobody says it again."""
    token = issue(directory, iris)
    directory.write_now(lambda w: tokens.revoke(w, iris.id, token))
    await Visit(watch, Proof(iris.id, token=token)).ended()


async def test_a_lost_word_is_made_up_for(directory, iris, monkeypatch):
    monkeypatch.setattr(watches, "LOOK_SECONDS", 0.1)
    watch = Watch(directory.database, SilentBus())
    token = issue(directory, iris)
    visit = Visit(watch, Proof(iris.id, token=token))
    await looked(watch)
    directory.write_now(lambda w: tokens.revoke(w, iris.id, token))
    await visit.ended()
    watch.close()


async def test_who_keeps_coming_does_not_put_off_the_others(directory, iris, monkeypatch):
    monkeypatch.setattr(watches, "LOOK_SECONDS", 0.2)
    watch = Watch(directory.database, SilentBus())
    token, lasting = issue(directory, iris), issue(directory, iris)
    visit = Visit(watch, Proof(iris.id, token=token))
    await looked(watch)
    directory.write_now(lambda w: tokens.revoke(w, iris.id, token))
    async with asyncio.timeout(PATIENCE):
        while not visit.over.is_set():
            Visit(watch, Proof(iris.id, token=lasting))
            await asyncio.sleep(0.02)
    watch.close()


async def test_nobody_is_sent_away_for_a_database_that_does_not_answer(watch, directory, iris, monkeypatch):
    monkeypatch.setattr(watches, "RETRY_SECONDS", 0.05)
    token = issue(directory, iris)
    read, answers = directory.database.async_read, []

    async def busy_at_first(fn):
        answers.append(len(answers))
        if len(answers) < 3:
            raise DatabaseBusy("later")
        return await read(fn)

    monkeypatch.setattr(directory.database, "async_read", busy_at_first)
    visit = Visit(watch, Proof(iris.id, token=token))
    directory.write_now(lambda w: tokens.revoke(w, iris.id, token))
    await visit.ended()
    assert len(answers) >= 3


async def test_it_rests_when_everybody_has_left(watch, directory, iris):
    before = asyncio.all_tasks()
    visit = Visit(watch, Proof(iris.id, token=issue(directory, iris)))
    assert asyncio.all_tasks() - before
    visit.subscription.close()
    visit.subscription.close()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not asyncio.all_tasks() - before
    again = Visit(watch, Proof(iris.id, token=0))
    await again.ended()


async def test_one_that_cannot_end_does_not_keep_the_others(watch, iris):
    def fail():
        raise OSError

    watch.enter(Proof(iris.id, token=0), fail)
    await Visit(watch, Proof(iris.id, token=0)).ended()
