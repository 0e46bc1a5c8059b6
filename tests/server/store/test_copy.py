from datetime import UTC, datetime

import pytest

from server.store import changes, collect, copy, expunge, flags, mailboxes, messages, quota
from server.store.errors import NoSuchMailbox, OverQuota
from tests.fakes.mail_account import BORN, MailAccount, letter


def test_a_copy_is_the_same_mail(account: MailAccount):
    account.append(letter("a"), flags=("\\Seen", "Work"), at=datetime(2024, 2, 3, tzinfo=UTC))
    account.append(letter("b"))
    sent = account.box("Sent")
    done = account.write(lambda w: copy.copy(w, 1, [1, 2, 9], sent, now=BORN + 5))
    assert done.pairs == [(1, 1), (2, 2)]
    assert done.uidvalidity == account.read(lambda r: mailboxes.status(r, sent)).uidvalidity
    original, copied = account.rows()[0], account.rows("Sent")[0]
    assert (copied.flags, copied.internaldate, copied.email_id) == (
        original.flags,
        original.internaldate,
        original.email_id,
    )
    assert copied.thread_id == original.thread_id
    assert copied.savedate == datetime.fromtimestamp(BORN + 5, UTC)
    assert copied.content_id == original.content_id
    assert account.verify() == []


def test_a_copy_outlives_the_original(account: MailAccount):
    account.append(letter("a"))
    sent = account.box("Sent")
    account.write(lambda w: copy.copy(w, 1, [1], sent))
    account.write(lambda w: expunge.remove(w, 1, [1]))
    account.write(collect.collect)
    (row,) = account.rows("Sent")
    assert account.read(lambda r: messages.raw(r, row)) == letter("a")


def test_a_copy_within_a_mailbox(account: MailAccount):
    account.append(letter("a"))
    assert account.write(lambda w: copy.copy(w, 1, [1], 1)).pairs == [(1, 2)]
    assert account.uids() == [1, 2]


def test_flags_of_a_copy_are_its_own(account: MailAccount):
    account.append(letter("a"))
    sent = account.box("Sent")
    account.write(lambda w: copy.copy(w, 1, [1], sent))
    account.write(lambda w: flags.store_flags(w, sent, [1], "add", ["\\Seen"]))
    assert account.rows()[0].flags == set()


def test_moving(account: MailAccount):
    account.fill(3)
    before = account.read(lambda r: mailboxes.status(r, 1)).highestmodseq
    trash = account.box("Trash")
    assert account.write(lambda w: copy.move(w, 1, [1, 3], trash)).pairs == [(1, 1), (3, 2)]
    assert account.uids() == [2]
    assert account.uids("Trash") == [1, 2]
    assert account.read(lambda r: changes.since(r, 1, before)).vanished == [1, 3]
    assert account.verify() == []


def test_moving_to_the_same_mailbox_gives_new_uids(account: MailAccount):
    account.fill(2)
    assert account.write(lambda w: copy.move(w, 1, [1], 1)).pairs == [(1, 3)]
    assert account.uids() == [2, 3]
    assert account.verify() == []


def test_refused_and_nothing_moved(account: MailAccount):
    account.fill(2)
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: copy.move(w, 1, [1], 99))
    account.write(lambda w: quota.set_limit(w, 1))
    with pytest.raises(OverQuota):
        account.write(lambda w: copy.copy(w, 1, [1], 2))
    trash = account.box("Trash")
    account.write(lambda w: copy.move(w, 1, [1], trash))
    assert (account.uids(), account.uids("Trash")) == ([2], [1])


def test_nothing_to_copy(account: MailAccount):
    assert account.write(lambda w: copy.copy(w, 1, [], 2)).pairs == []
    assert account.write(lambda w: copy.move(w, 1, [5], 2)).pairs == []
