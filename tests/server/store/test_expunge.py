import pytest

from server.store import collect, copy, expunge, flags, index, mailboxes, messages
from server.store.errors import NoSuchMessage
from server.store.query import Text
from server.store.search import search
from tests.fakes.mail_account import MailAccount, letter


def delete(account: MailAccount, uids: list[int]) -> None:
    account.write(lambda w: flags.store_flags(w, 1, uids, "add", ["\\Deleted"]))


def test_only_the_deleted_go(account: MailAccount):
    account.fill(4)
    delete(account, [2, 4])
    assert account.write(lambda w: expunge.expunge(w, 1)) == [2, 4]
    assert account.uids() == [1, 3]
    status = account.read(lambda r: mailboxes.status(r, 1))
    assert (status.messages, status.unseen, status.deleted, status.uidnext) == (2, 2, 0, 5)


def test_only_the_deleted_among_the_given(account: MailAccount):
    account.fill(4)
    delete(account, [2, 4])
    assert account.write(lambda w: expunge.expunge(w, 1, [1, 2, 3])) == [2]
    assert account.uids() == [1, 3, 4]


def test_nothing_to_expunge_is_no_change(account: MailAccount):
    account.fill(1)
    before = account.read(lambda r: mailboxes.status(r, 1))
    assert account.write(lambda w: expunge.expunge(w, 1)) == []
    assert account.read(lambda r: mailboxes.status(r, 1)) == before


@pytest.mark.parametrize("indexed", [True, False])
def test_what_is_gone_is_cleared_up(account: MailAccount, indexed: bool):
    account.append(letter("secret words", "会議室 plan", message_id="a@x"), object_size=10)
    account.append(letter("other", "会議室 plan"))
    if indexed:
        account.index()
    row = account.rows()[0]
    account.write(lambda w: expunge.remove(w, 1, [1]))
    assert account.read(collect.has_garbage)
    assert account.write(collect.collect) == 1
    assert not account.read(collect.has_garbage)
    assert not list((account.path.parent / "objects").rglob("*.zst"))
    with pytest.raises(NoSuchMessage):
        account.read(lambda r: messages.raw(r, row))
    tables = ("content", "octets", "facet", "folded", "lineage")
    counts = [account.read(lambda r, t=t: r.raw(f"SELECT count(*) FROM {t}").fetchone()[0]) for t in tables]
    assert counts == [1, 1, 1, 1, 1]
    account.index()
    assert account.read(lambda r: search(r, 1, Text("会議室"))) == [2]
    assert account.read(lambda r: r.raw("SELECT count(*) FROM thread_ref").fetchone()) == (0,)
    assert account.verify() == []


def test_octets_that_come_back_before_the_clearing_stay(account: MailAccount):
    account.append(letter("a"), object_size=10)
    account.write(lambda w: expunge.remove(w, 1, [1]))
    account.append(letter("a"), object_size=10)
    assert account.write(collect.collect) == 0
    (row,) = account.rows()
    assert account.read(lambda r: messages.raw(r, row)) == letter("a")


def test_a_copied_message_is_no_garbage(account: MailAccount):
    account.append(letter("a"))
    account.write(lambda w: copy.copy(w, 1, [1], 2))
    account.write(lambda w: expunge.remove(w, 1, [1]))
    assert not account.read(collect.has_garbage)


def test_a_uid_is_never_used_again(account: MailAccount):
    account.fill(2)
    account.write(lambda w: expunge.remove(w, 1, [1, 2]))
    account.write(collect.collect)
    assert account.append(letter("new")).uid == 3


def test_an_object_that_went_while_it_was_read(account: MailAccount):
    account.append(letter("a"), object_size=10)
    for path in (account.path.parent / "objects").rglob("*.zst"):
        path.unlink()
    with pytest.raises(NoSuchMessage):
        account.read(lambda r: messages.raw(r, 1))


def test_content_ids_are_not_used_again_so_the_index_mark_holds(account: MailAccount):
    account.append(letter("first", "alphaword"))
    account.index()
    account.write(lambda w: expunge.remove(w, 1, [1]))
    account.write(collect.collect)
    account.append(letter("second", "betaword"))
    assert account.read(index.first_unindexed) > 0
    assert account.read(lambda r: search(r, 1, Text("betaword"))) == [2]
    account.index()
    assert account.read(lambda r: search(r, 1, Text("betaword"))) == [2]
