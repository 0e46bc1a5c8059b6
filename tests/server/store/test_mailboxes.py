import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store import changes, collect, mailboxes
from server.store.errors import CannotDelete, HasChildren, MailboxExists, NameInvalid, NoSuchMailbox
from tests.fakes.mail_account import MailAccount, letter

DEFAULTS = ["Archive", "Drafts", "INBOX", "Junk", "Sent", "Trash"]


def names(account: MailAccount) -> list[str]:
    return [box.name for box in account.read(mailboxes.list_all)]


def create(account: MailAccount, name: str, use: str | None = None):
    return account.write(lambda w: mailboxes.create(w, name, use))


def test_a_new_account(account: MailAccount):
    assert names(account) == DEFAULTS
    boxes = account.read(mailboxes.list_all)
    assert all(box.subscribed and box.uidnext == 1 for box in boxes)
    assert len({box.uidvalidity for box in boxes}) == len(boxes)
    assert account.read(lambda r: mailboxes.by_special_use(r, "\\Junk")).name == "Junk"
    assert account.read(lambda r: mailboxes.by_special_use(r, "\\All")) is None


def test_inbox_in_any_case_and_only_at_the_top(account: MailAccount):
    assert account.read(lambda r: mailboxes.by_name(r, "iNbOx")).name == "INBOX"
    create(account, "inbox/Lists")
    assert "INBOX/Lists" in names(account)
    assert create(account, "work/inbox").name == "work/inbox"
    with pytest.raises(MailboxExists):
        create(account, "Inbox")


def test_creating_makes_what_is_above(account: MailAccount):
    box = create(account, "a/b/c/")
    assert box.name == "a/b/c"
    assert names(account) == [*DEFAULTS, "a", "a/b", "a/b/c"]
    with pytest.raises(MailboxExists):
        create(account, "a")


def test_unicode_names_are_one_in_both_forms(account: MailAccount):
    create(account, "Cafe\u0301")
    assert account.read(lambda r: mailboxes.find(r, "Caf\u00e9")).name == "Caf\u00e9"
    create(account, "收件箱/项目")


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "/a", "a\x00b", "a\nb", "a\u2028b", "\ud800", "x" * 501, "/".join("a" * 33)]
)
def test_names_that_cannot_be(account: MailAccount, name: str):
    with pytest.raises(NameInvalid):
        create(account, name)
    assert account.read(lambda r: mailboxes.find(r, name)) is None
    assert names(account) == DEFAULTS


@given(st.text(max_size=30))
def test_a_canonical_name_is_its_own(name: str):
    try:
        once = mailboxes.canonical(name)
    except NameInvalid:
        return
    assert mailboxes.canonical(once) == once


def test_special_uses_are_unique(account: MailAccount):
    assert create(account, "Spam", "\\All").special_use == "\\All"
    with pytest.raises(MailboxExists):
        create(account, "More", "\\Junk")


def test_so_many_mailboxes(account: MailAccount, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mailboxes, "MAILBOXES", 7)
    create(account, "seventh")
    with pytest.raises(NameInvalid):
        create(account, "eighth")


def test_a_new_name_makes_no_more_of_them_than_there_may_be(account: MailAccount, monkeypatch: pytest.MonkeyPatch):
    """What it stands below is made with it, so that each rename could leave thirty behind."""
    monkeypatch.setattr(mailboxes, "MAILBOXES", 8)
    create(account, "seventh")
    with pytest.raises(NameInvalid):
        account.write(lambda w: mailboxes.rename(w, "seventh", "a/b/c"))
    assert names(account) == sorted([*DEFAULTS, "seventh"])
    account.write(lambda w: mailboxes.rename(w, "seventh", "a/b"))
    account.write(lambda w: mailboxes.rename(w, "a/b", "a/c"))
    with pytest.raises(NameInvalid):
        account.write(lambda w: mailboxes.rename(w, "a/c", "d/c"))


def test_deleting(account: MailAccount):
    create(account, "a/b")
    account.append(letter(), box="a/b")
    with pytest.raises(HasChildren):
        account.write(lambda w: mailboxes.delete(w, "a"))
    account.write(lambda w: mailboxes.delete(w, "a/b"))
    account.write(lambda w: mailboxes.delete(w, "a"))
    assert names(account) == DEFAULTS
    assert account.write(collect.collect) == 1
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: mailboxes.delete(w, "a"))
    with pytest.raises(CannotDelete):
        account.write(lambda w: mailboxes.delete(w, "inbox"))
    assert account.verify() == []


def test_a_name_used_again_has_another_identity(account: MailAccount):
    first = create(account, "a")
    account.write(lambda w: mailboxes.delete(w, "a"))
    second = create(account, "a")
    assert second.uidvalidity > first.uidvalidity
    assert second.object_id != first.object_id


def test_the_wildcards_of_sql_are_letters(account: MailAccount):
    create(account, "a_c")
    create(account, "abc/x")
    account.write(lambda w: mailboxes.delete(w, "a_c"))
    create(account, "50%")
    create(account, "50x/y")
    account.write(lambda w: mailboxes.rename(w, "50%", "half"))
    assert {"abc/x", "50x/y", "half"} <= set(names(account))


def test_renaming_takes_what_is_below_along(account: MailAccount):
    box = create(account, "a/b/c")
    account.append(letter(), box="a/b/c")
    account.write(lambda w: mailboxes.subscribe(w, "a/b/c", subscribed=True))
    account.write(lambda w: mailboxes.rename(w, "a", "new/place"))
    assert [name for name in names(account) if name not in DEFAULTS] == [
        "new",
        "new/place",
        "new/place/b",
        "new/place/b/c",
    ]
    moved = account.read(lambda r: mailboxes.by_name(r, "new/place/b/c"))
    assert (moved.id, moved.uidvalidity, moved.subscribed) == (box.id, box.uidvalidity, True)
    assert account.uids("new/place/b/c") == [1]
    assert account.read(mailboxes.lost_subscriptions) == []


def test_renaming_refused(account: MailAccount):
    create(account, "a/b")
    create(account, "z/b")
    for old, new, error in (
        ("none", "x", NoSuchMailbox),
        ("a", "z", MailboxExists),
        ("a", "a/b/c", NameInvalid),
        ("a", "a", MailboxExists),
    ):
        with pytest.raises(error):
            account.write(lambda w, old=old, new=new: mailboxes.rename(w, old, new))
    assert [name for name in names(account) if name not in DEFAULTS] == ["a", "a/b", "z", "z/b"]


def test_renaming_inbox_empties_it(account: MailAccount):
    account.fill(2)
    create(account, "INBOX/below")
    target = account.write(lambda w: mailboxes.rename(w, "INBOX", "old mail"))
    assert (account.uids(), account.uids("old mail")) == ([], [1, 2])
    assert target.name == "old mail"
    assert "INBOX/below" in names(account)
    assert account.verify() == []


def test_subscriptions_outlive_mailboxes(account: MailAccount):
    create(account, "a")
    account.write(lambda w: mailboxes.subscribe(w, "a", subscribed=True))
    account.write(lambda w: mailboxes.subscribe(w, "a", subscribed=True))
    account.write(lambda w: mailboxes.delete(w, "a"))
    assert account.read(mailboxes.lost_subscriptions) == ["a"]
    assert create(account, "a").subscribed
    account.write(lambda w: mailboxes.subscribe(w, "a", subscribed=False))
    assert not account.read(lambda r: mailboxes.by_name(r, "a")).subscribed
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: mailboxes.subscribe(w, "none", subscribed=True))


def test_every_change_of_the_list_moves_the_account_on(account: MailAccount):
    steps = [account.read(changes.account_modseq)]
    create(account, "a")
    steps.append(account.read(changes.account_modseq))
    account.write(lambda w: mailboxes.rename(w, "a", "b"))
    steps.append(account.read(changes.account_modseq))
    account.write(lambda w: mailboxes.delete(w, "b"))
    steps.append(account.read(changes.account_modseq))
    assert steps == sorted(set(steps))


def test_status_of_none(account: MailAccount):
    with pytest.raises(NoSuchMailbox):
        account.read(lambda r: mailboxes.status(r, 99))
    with pytest.raises(NoSuchMailbox):
        account.read(lambda r: mailboxes.by_id(r, 99))
