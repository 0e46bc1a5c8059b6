"""The last days of mail that POP3 programs took, from the session to the trash."""

import asyncio

import pytest

from server.accounts import pop3_choice
from server.accounts.directory import open_database
from server.accounts.pop3_choice import Choice
from server.db.errors import DatabaseFull
from server.pop3 import expiry
from server.pop3.expiry import DAY, EVERY, Expiry
from server.store import popped
from tests.fakes.pop3_house import message


@pytest.fixture
def directory(tmp_path):
    database = open_database(tmp_path / "directory.db")
    yield database
    database.close()


@pytest.fixture
def rounds(house, directory):
    return Expiry(directory, house.store, house.clock)


def choose(house, directory, days, account=1):
    """Set the days, at the time of the house's clock, for the server and for the rounds."""
    choice = Choice(days=days)
    directory.write(lambda w: pop3_choice.put(w, account, choice, now=house.now()))
    house.choices.made[account] = choice


async def take(house, *numbers):
    client = await house.signed_in()
    for number in numbers:
        await client.lines(f"RETR {number}")
    await client.say("QUIT")
    assert await client.ended()


async def counts(house):
    return [len(await house.uids(mailbox=name)) for name in ("INBOX", "Trash")]


async def test_mail_goes_to_the_trash_so_many_days_after_it_was_taken(house, directory, rounds):
    await house.fill(message(1), message(2), message(3))
    choose(house, directory, 3)
    await take(house, 1)
    house.clock.advance(DAY)
    await take(house, 2)
    house.clock.advance(2 * DAY - 1)
    await rounds.go_round()
    assert await counts(house) == [3, 0]
    house.clock.advance(1)
    await rounds.go_round()
    assert await counts(house) == [2, 1]
    house.clock.advance(DAY)
    await rounds.go_round()
    # What nobody took stays.
    assert await counts(house) == [1, 2]


async def test_mail_taken_before_it_was_switched_on_stays(house, directory, rounds):
    await house.fill(message(1), message(2))
    choose(house, directory, 1)
    await take(house, 1)
    choose(house, directory, None)
    house.clock.advance(30 * DAY)
    await rounds.go_round()
    choose(house, directory, 1)
    await rounds.go_round()
    assert await counts(house) == [2, 0]
    await take(house, 2)
    house.clock.advance(DAY)
    await rounds.go_round()
    assert await counts(house) == [1, 1]


async def test_more_than_one_transaction(house, directory, rounds, monkeypatch):
    monkeypatch.setattr(popped.clear, "__kwdefaults__", {**popped.clear.__kwdefaults__, "limit": 2})
    await house.fill(*(message(n) for n in range(5)))
    choose(house, directory, 1)
    await take(house, 1, 2, 3, 4, 5)
    house.clock.advance(DAY)
    await rounds.go_round()
    assert await counts(house) == [0, 5]


async def test_one_account_that_fails_holds_up_no_other(house, directory, rounds, monkeypatch):
    await house.fill(message(1))
    choose(house, directory, 1)
    choose(house, directory, 1, account=2)
    await take(house, 1)
    house.clock.advance(DAY)
    real = house.store.read

    async def broken(account, fn):
        if account == 2:
            raise DatabaseFull("full")
        return await real(account, fn)

    monkeypatch.setattr(house.store, "read", broken)
    await rounds.go_round()
    monkeypatch.undo()
    assert await counts(house) == [0, 1]


async def test_it_goes_round_by_the_clock(house, directory, rounds, monkeypatch):
    gone = []

    async def go_round(self):
        gone.append(house.now())
        if len(gone) == 1:
            raise RuntimeError("a round that fails is not the last")

    monkeypatch.setattr(expiry.Expiry, "go_round", go_round)
    running = asyncio.create_task(rounds.run())
    begin = house.now()
    for count in (1, 2):
        while len(gone) < count or not house.clock._sleepers:
            await asyncio.sleep(0)
        house.clock.advance(EVERY)
    running.cancel()
    assert gone[:2] == [begin, begin + EVERY]
