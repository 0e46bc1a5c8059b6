import pytest

from server.db.database import Database
from server.store import annotations, changes, mailboxes, predicate, quota, schema
from server.store.errors import AnnotationTooBig, TooManyAnnotations
from tests.fakes.mail_account import BORN, MailAccount, letter


def put(account: MailAccount, mailbox_id, values):
    account.write(lambda w: annotations.put(w, mailbox_id, values))


def below(account: MailAccount, mailbox_id, *entries, depth=0):
    return account.read(lambda r: annotations.below(r, mailbox_id, entries, depth))


def test_set_changed_and_removed(account: MailAccount):
    put(account, 1, {"/private/comment": b"one", "/shared/comment": b"\0\xff"})
    put(account, None, {"/private/comment": b"server"})
    put(account, 1, {"/private/comment": b"two"})
    assert below(account, 1, "/private/comment", "/shared/comment") == {
        "/private/comment": b"two",
        "/shared/comment": b"\0\xff",
    }
    assert below(account, None, "/private/comment") == {"/private/comment": b"server"}
    put(account, 1, {"/private/comment": None, "/private/never": None})
    assert below(account, 1, "/private", depth=None) == {}
    assert account.verify() == []


def test_levels_below(account: MailAccount):
    names = ["/private/a", "/private/a/b", "/private/a/b/c", "/private/ab", "/private/a%/x"]
    put(account, 1, dict.fromkeys(names, b""))
    assert list(below(account, 1, "/private/a")) == ["/private/a"]
    assert list(below(account, 1, "/private/a", depth=1)) == ["/private/a", "/private/a/b"]
    assert list(below(account, 1, "/private/a", depth=None)) == ["/private/a", "/private/a/b", "/private/a/b/c"]
    assert sorted(below(account, 1, "/private", depth=None)) == sorted(names)


def test_they_follow_their_mailbox(account: MailAccount):
    work = account.write(lambda w: mailboxes.create(w, "Work")).id
    put(account, work, {"/private/comment": b"mine"})
    account.write(lambda w: mailboxes.rename(w, "Work", "Play"))
    assert below(account, account.box("Play"), "/private/comment") == {"/private/comment": b"mine"}
    account.write(lambda w: mailboxes.delete(w, "Play"))
    again = account.write(lambda w: mailboxes.create(w, "Play")).id
    assert below(account, again, "/private/comment") == {}
    assert account.read(lambda r: r.raw("SELECT count(*) FROM annotation").fetchone()) == (0,)
    assert account.verify() == []


def test_renaming_inbox_copies_them(account: MailAccount):
    """RFC 5464 §4.1."""
    put(account, 1, {"/private/comment": b"mine"})
    account.write(lambda w: mailboxes.rename(w, "INBOX", "Old"))
    assert below(account, 1, "/private/comment") == below(account, account.box("Old"), "/private/comment")


def test_the_limits(account: MailAccount, monkeypatch):
    largest = b"x" * annotations.VALUE_SIZE
    put(account, 1, {"/private/big": largest})
    with pytest.raises(AnnotationTooBig):
        put(account, 1, {"/private/small": b"x", "/private/big": largest + b"x"})
    put(account, 1, {f"/private/{n}": b"" for n in range(annotations.ENTRIES - 1)})
    with pytest.raises(TooManyAnnotations):
        put(account, 1, {"/private/0": b"changed", "/private/more": b""})
    assert below(account, 1, "/private/0", "/private/small", "/private/more") == {"/private/0": b""}, "all or none"
    put(account, 1, {"/private/0": b"changed"})
    put(account, 1, {"/private/more": b"", "/private/0": None})
    put(account, None, {"/private/server": b"has its own number"})
    monkeypatch.setattr(annotations, "ACCOUNT_SIZE", annotations.VALUE_SIZE + 100)
    with pytest.raises(TooManyAnnotations):
        put(account, account.box("Sent"), {"/private/x": b"y" * 100})
    put(account, 1, {"/private/big": None})
    put(account, account.box("Sent"), {"/private/x": b"y" * 100})


def test_they_count_in_no_quota(account: MailAccount):
    account.append(letter())
    before = account.read(quota.usage)
    put(account, 1, {"/private/x": b"y" * 1000})
    assert account.read(quota.usage) == before


def test_an_account_of_before_gets_the_table(account: MailAccount):
    account.append(letter())
    account.write(lambda w: w.raw("DROP TABLE annotation"))
    account.write(lambda w: w.raw("UPDATE schema_version SET version = 2 WHERE owner = 'store'"))
    account.database.close()
    account.database = Database(account.path, schema.account_schema(BORN), functions=predicate.FUNCTIONS)
    put(account, 1, {"/private/x": b"y"})
    assert below(account, 1, "/private/x") == {"/private/x": b"y"}
    assert account.uids() == [1]


def test_the_newest_changes_are_remembered(account, monkeypatch):
    inbox = account.box()
    begin = account.read(changes.account_modseq)
    for n in range(3):
        account.write(lambda w, n=n: annotations.put(w, inbox, {f"/shared/{n}": b"x"}))
    account.write(lambda w: annotations.put(w, inbox, {"/shared/0": None, "/shared/never": None}))
    found = account.read(lambda r: annotations.changed_since(r, begin))
    assert [(number, entry) for number, entry, _ in found] == [
        (inbox, "/shared/1"),
        (inbox, "/shared/2"),
        (inbox, "/shared/0"),
    ]
    last = found[-1][2]
    account.write(lambda w: annotations.put(w, inbox, {"/shared/never": None}))
    assert account.read(changes.account_modseq) == last
