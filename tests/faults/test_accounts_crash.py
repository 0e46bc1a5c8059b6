"""kill -9 where a command of IMAP touches two databases: mail may be twice, never nowhere; nobody has rights that were taken."""

import asyncio
import signal
from pathlib import Path

import pytest

from server.accounts import share
from server.accounts.directory import Directory, open_database
from server.clock import SystemClock
from server.config import Settings
from server.db.crashpoint import arm
from server.notify.bus import SilentBus
from server.store import acl, mailboxes, messages, sharing
from server.store.store import Store
from server.store.verify import verify
from tests.fakes.imap_house import House, message
from tests.faults.mail_role import CONTEXT

ANN, BOB = 1, 2
LETTERS = 3
PLANS = '"Other Users/ann@example.org/Plans"'
EVERYTHING = "lrswipkxtea"


def say(data, who, letters, command, crash):
    """Run a house in which `letters` are Bob's rights on Ann's `Plans`, and say a command that is to be its last."""

    async def main():
        house = await House(Path(data)).start()
        house.share("Plans", letters)
        for number in range(LETTERS):
            house.append(message(f"Number {number}"), name="bob")
        client = await house.signed_in(who, "INBOX")
        if not letters:
            house.directory.write_now(lambda w: share.remove(w, ANN, BOB))
        arm(crash)
        await client.ask(command)

    asyncio.run(main())


@pytest.fixture
def killed(tmp_path):
    """Gives what is left: the mail, and who is said to have shared it."""
    opened = []

    def left(who, letters, command, crash):
        process = CONTEXT.Process(target=say, args=(str(tmp_path), who, letters, command, crash))
        process.start()
        process.join(timeout=60)
        assert process.exitcode == -signal.SIGKILL
        settings = Settings(tmp_path)
        store = Store(settings, SilentBus(), SystemClock())
        directory = Directory(open_database(settings.directory_db))
        opened.extend((store, directory.database))
        for account in (ANN, BOB):
            assert verify(store.path(account)) == []
        return store, directory

    yield left
    for one in opened:
        one.close()


def subjects(store, account, name):
    def look(r):
        number = mailboxes.by_name(r, name).id
        rows = messages.rows(r, number, list(messages.uids(r, number)))
        return [messages.raw(r, row).partition(b"Subject: ")[2].partition(b"\r\n")[0].decode() for row in rows]

    return store.read_now(account, look)


@pytest.mark.parametrize("point", ["across.placed", "db.before_commit:1", "db.after_commit:1", "db.after_commit:2"])
def test_a_move_from_account_to_account(killed, point):
    store, _ = killed("bob", EVERYTHING, f"MOVE 1:{LETTERS} {PLANS}", point)
    there, here = subjects(store, ANN, "Plans"), subjects(store, BOB, "INBOX")
    everything = {f"Number {number}" for number in range(LETTERS)}
    assert {*there, *here} == everything
    assert max(len(there), len(here)) == LETTERS
    if point == "across.placed":
        assert set(there) == set(here) == everything


def plans(r):
    return acl.rights(r, mailboxes.by_name(r, "Plans").id, BOB)


def test_rights_that_are_being_given(killed):
    """Before the list: there is nothing to be found but the hint, which gives nothing and goes with the next look."""
    store, directory = killed("ann", "", "SETACL Plans bob@example.org lr", "sharing.hinted")
    assert store.read_now(ANN, plans) == frozenset()
    assert directory.read_now(lambda r: share.grantees(r, ANN)) == {BOB}
    assert not sharing.is_hidden(store, directory, ANN, repair=True)
    assert directory.read_now(lambda r: share.grantees(r, ANN)) == set()


def test_rights_that_are_being_taken(killed):
    store, directory = killed("ann", "lr", "DELETEACL Plans bob@example.org", "sharing.listed")
    assert store.read_now(ANN, plans) == frozenset()
    assert not sharing.is_hidden(store, directory, ANN, repair=True)
    assert directory.read_now(lambda r: share.grantees(r, ANN)) == set()


def test_rights_that_were_given_are_found(killed):
    store, directory = killed("ann", "", "SETACL Plans bob@example.org lr", "sharing.listed")
    assert store.read_now(ANN, plans) == frozenset("lr")
    assert [owner.id for owner in directory.read_now(lambda r: share.owners(r, BOB))] == [ANN]
