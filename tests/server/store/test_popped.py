"""Mail that a POP3 program took, and its last days."""

import pytest

from server.store import changes, expunge, flags, mailboxes, messages, popped
from tests.fakes.mail_account import MailAccount

DAY = 86_400


@pytest.fixture
def account(account: MailAccount) -> MailAccount:
    account.fill(5)
    return account


def taken(account) -> list[tuple[int, int, int]]:
    return account.read(lambda r: r.raw("SELECT mailbox_id, uid, at FROM popped ORDER BY uid").fetchall())


def remember(account, uids, at, box=1):
    account.write(lambda w: popped.remember(w, box, uids, at))


def clear(account, before, *, since=0, limit=popped.AT_ONCE):
    return account.write(lambda w: popped.clear(w, before, since=since, now=before, limit=limit))


def test_the_first_taking_counts(account):
    remember(account, [1, 2], 100)
    remember(account, [2, 3], 200)
    assert taken(account) == [(1, 1, 100), (1, 2, 100), (1, 3, 200)]


def test_what_is_due_goes_to_the_trash_and_sessions_hear_of_it(account):
    remember(account, [1, 2], 100)
    remember(account, [3], 101)
    before = account.read(changes.account_modseq)
    assert account.read(lambda r: popped.is_due(r, 100))
    assert clear(account, 100) == 2
    assert account.uids() == [3, 4, 5]
    assert account.uids("Trash") == [1, 2]
    assert account.read(lambda r: changes.since(r, 1, before)).vanished == [1, 2]
    assert taken(account) == [(1, 3, 101)]
    assert not account.read(lambda r: popped.is_due(r, 100))
    assert account.verify() == []


def test_a_little_at_a_time(account):
    remember(account, [1, 2, 3], 100)
    assert [clear(account, 100, limit=2) for _ in range(3)] == [2, 1, 0]


def test_what_was_taken_before_the_days_began_stays(account):
    remember(account, [1], 100)
    remember(account, [2], 200)
    assert clear(account, 300, since=150) == 2
    assert account.uids() == [1, 3, 4, 5]
    assert taken(account) == []


def test_a_message_that_went_another_way_is_forgotten(account):
    remember(account, [1, 2], 100)
    account.write(lambda w: expunge.remove(w, 1, [1]))
    assert clear(account, 100) == 2
    assert account.uids() == [3, 4, 5]
    assert account.uids("Trash") == [1]
    assert taken(account) == []


def test_a_mailbox_that_is_gone(account):
    remember(account, [1], 100, box=999)
    assert clear(account, 100) == 1
    assert taken(account) == []


def test_out_of_the_trash_it_goes_for_good(account):
    account.fill(2, box="Trash")
    trash = account.box("Trash")
    remember(account, [1], 100, box=trash)
    clear(account, 100)
    assert account.uids("Trash") == [2]


def test_a_trash_is_made_where_there_is_none(account):
    account.write(lambda w: mailboxes.delete(w, "Trash"))
    remember(account, [1], 100)
    clear(account, 100)
    found = account.read(lambda r: mailboxes.by_special_use(r, "\\Trash"))
    assert found is not None
    assert account.uids(found.name) == [1]


def test_one_of_that_name_serves(account):
    account.write(lambda w: mailboxes.delete(w, "Trash"))
    account.write(lambda w: mailboxes.create(w, "Trash"))
    remember(account, [1], 100)
    clear(account, 100)
    assert account.uids("Trash") == [1]


def test_sizes_of_a_label(account):
    account.write(lambda w: flags.store_flags(w, 1, [2, 4], "add", ["ToDo"]))
    account.write(lambda w: flags.store_flags(w, 1, [3], "add", ["ToDoLater"]))
    uids, sizes = account.read(lambda r: messages.sizes(r, 1, keyword="TODO"))
    assert list(uids) == [2, 4]
    whole = dict(zip(*account.read(lambda r: messages.sizes(r, 1)), strict=True))
    assert list(sizes) == [whole[2], whole[4]]
