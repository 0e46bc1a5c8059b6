import random
from array import array

from server.store import expunge, flags, messages
from tests.fakes.mail_account import MailAccount, letter


def test_uids_of_a_large_mailbox_come_from_the_gaps(account: MailAccount, monkeypatch):
    account.fill(60)
    account.write(lambda w: expunge.remove(w, 1, [1, 2, 30]))
    account.write(lambda w: expunge.remove(w, 1, [3, 31, 59, 60]))
    kept = [n for n in range(1, 61) if n not in (1, 2, 3, 30, 31, 59, 60)]
    assert account.uids() == kept
    monkeypatch.setattr(messages, "ROWS_READ", 0)
    assert account.uids() == kept
    account.append(letter())
    assert account.uids() == [*kept, 61]
    assert account.read(lambda r: messages.uids(r, 99)) == array("I")


def test_the_number_of_the_first_unseen_message(account: MailAccount, monkeypatch):
    account.fill(20)
    account.write(lambda w: flags.store_flags(w, 1, range(1, 10), "add", ["\\Seen"]))
    account.write(lambda w: expunge.remove(w, 1, [2, 3, 7, 10, 15]))
    for rows_read in (500, 0):
        monkeypatch.setattr(messages, "ROWS_READ", rows_read)
        assert account.read(lambda r: messages.first_unseen(r, 1)) == account.uids().index(11) + 1
    account.write(lambda w: flags.store_flags(w, 1, range(1, 21), "add", ["\\Seen"]))
    assert account.read(lambda r: messages.first_unseen(r, 1)) == 0
    assert account.read(lambda r: messages.first_unseen(r, 99)) == 0


def test_rows_of_any_choice(account: MailAccount):
    account.fill(40)
    account.write(lambda w: expunge.remove(w, 1, [7, 8]))
    there = [n for n in range(1, 41) if n not in (7, 8)]
    rng = random.Random(7)
    for size in (1, 2, 5, 20, 38):
        chosen = sorted(rng.sample(range(1, 50), size))
        expected = [uid for uid in chosen if uid in there]
        assert [row.uid for row in account.read(lambda r, c=chosen: messages.rows(r, 1, c))] == expected
        assert [row[0] for row in account.read(lambda r, c=chosen: messages.flags(r, 1, c))] == expected
    assert account.read(lambda r: messages.rows(r, 1, [])) == []


def test_only_the_fields_asked_for(account: MailAccount):
    account.append(letter("x"))
    (whole,) = account.rows()
    (slim,) = account.read(lambda r: messages.rows(r, 1, [1], fields=frozenset({"size"})))
    assert (slim.size, slim.flags, slim.thread_id, slim.internaldate) == (
        whole.size,
        whole.flags,
        whole.thread_id,
        whole.internaldate,
    )
    assert slim.envelope == b""
    (full,) = account.read(lambda r: messages.rows(r, 1, [1], fields=frozenset({"envelope"})))
    assert full == whole


def test_octets_one_after_the_other(account: MailAccount):
    account.fill(3)
    rows = account.rows()
    found = account.read(lambda r: [(row.uid, raw) for row, raw in messages.raw_many(r, rows)])
    assert [uid for uid, _ in found] == [1, 2, 3]
    assert b"number 1" in found[1][1]


def test_sizes_alone(account: MailAccount):
    account.fill(3)
    uids, sizes = account.read(lambda r: messages.sizes(r, 1))
    assert list(uids) == [1, 2, 3]
    assert list(sizes) == [row.size for row in account.rows()]
