import pytest

from server.store import append, changes, collect, mailboxes, messages, quota, replace
from server.store.errors import NoSuchMailbox, NoSuchMessage, OverQuota
from tests.fakes.mail_account import MailAccount, letter


def replaced(account: MailAccount, uid: int, raw: bytes, *, box: str = "INBOX", **options):
    prepared, target = append.prepare(raw), account.box(box)
    return account.write(lambda w: replace.replace(w, 1, uid, target, prepared, **options))


def test_the_new_one_is_there_and_the_old_one_gone(account: MailAccount):
    account.append(letter("old"), flags=("\\Flagged", "Work"))
    account.append(letter("other"), flags=("\\Deleted",))
    before = account.read(lambda r: mailboxes.status(r, 1)).highestmodseq
    done = replaced(account, 1, letter("new"), flags=("\\Draft",))
    assert done.uid == 3
    assert account.uids() == [2, 3], "another one that is \\Deleted stays"
    assert account.rows()[1].flags == {"\\Draft"}, "nothing is inherited"
    delta = account.read(lambda r: changes.since(r, 1, before))
    assert (delta.new, delta.vanished) == ([3], [1])
    assert account.verify() == []


def test_into_another_mailbox(account: MailAccount):
    account.append(letter("draft"))
    replaced(account, 1, letter("sent"), box="Sent")
    assert (account.uids(), account.uids("Sent")) == ([], [1])
    assert account.verify() == []


def test_by_the_same_octets(account: MailAccount):
    """RFC 8474 §5.1: identical messages have one id; the content is never without a holder in between."""
    first = account.append(letter("same"))
    second = replaced(account, 1, letter("same"))
    assert second.email_id == first.email_id
    account.write(collect.collect)
    (row,) = account.rows()
    assert account.read(lambda r: messages.raw(r, row)) == letter("same")
    assert account.verify() == []


def test_another_content_has_another_id(account: MailAccount):
    """RFC 8508 §4.6."""
    first = account.append(letter("one"))
    second = replaced(account, 1, letter("two"))
    assert first.email_id != second.email_id


def test_only_the_difference_needs_room(account: MailAccount):
    raw = letter("a", "x" * 1000)
    account.append(raw)
    account.write(lambda w: quota.set_limit(w, len(raw)))
    replaced(account, 1, letter("b", "y" * 1000))
    with pytest.raises(OverQuota):
        replaced(account, 2, letter("b", "y" * 1001))
    assert account.uids() == [2]
    account.write(lambda w: quota.set_limit(w, 10))
    replaced(account, 2, letter("c", "z" * 900))
    assert account.uids() == [3], "an account that is over its limit may still become less full"


def test_nothing_is_appended_when_the_old_one_is_gone(account: MailAccount):
    account.append(letter("a"))
    with pytest.raises(NoSuchMessage):
        replaced(account, 7, letter("b"))
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: replace.replace(w, 1, 1, 999, append.prepare(letter("b"))))
    assert account.uids() == [1]
    assert account.verify() == []
