import pytest
import sqlalchemy as sa

from server.db.database import Database
from server.db.schema import versions
from server.store import (
    append,
    copy,
    expunge,
    flags,
    lineage,
    mailboxes,
    predicate,
    quota,
    schema,
    virtual,
    virtual_refresh,
)
from server.store.errors import CannotDelete, IsVirtual, MailboxExists, NoSuchMailbox, OverQuota
from tests.fakes.mail_account import BORN, MailAccount, letter


@pytest.fixture
def mail(account: MailAccount) -> MailAccount:
    account.write(lambda w: virtual.arrange(w, wanted=True))
    return account


def rules(account: MailAccount) -> dict[str, str]:
    return {box.name: box.rule for box in account.read(mailboxes.list_all) if box.rule is not None}


def arranged(account: MailAccount, *, wanted: bool = True) -> bool:
    return account.read(lambda r: virtual.is_arranged(r, wanted=wanted))


def look(account: MailAccount, name: str) -> list[int]:
    number = account.box(name)
    while account.write(lambda w: virtual_refresh.refresh(w, [number])):
        pass
    return account.uids(name)


def test_made_once_and_not_subscribed(account: MailAccount):
    assert arranged(account, wanted=False)
    assert not arranged(account)
    account.write(lambda w: virtual.arrange(w, wanted=True))
    assert arranged(account)
    assert rules(account) == {"All Mail": "all", "Flagged": "flagged", "Unread": "unseen"}
    found = {box.name: (box.special_use, box.subscribed) for box in account.read(mailboxes.list_all) if box.rule}
    assert found == {"All Mail": ("\\All", False), "Flagged": ("\\Flagged", False), "Unread": (None, False)}
    ids = account.box("All Mail"), account.box("Unread")
    account.write(lambda w: virtual.arrange(w, wanted=True))
    assert (account.box("All Mail"), account.box("Unread")) == ids


def test_names_of_a_person_come_first(account: MailAccount):
    for name in ("All Mail", "Unread", "Unread (virtual)", "Labels/mine"):
        account.write(lambda w, name=name: mailboxes.create(w, name))
    account.append(letter(), flags=["blue"])
    account.write(lambda w: virtual.arrange(w, wanted=True))
    assert rules(account) == {
        "All Mail (virtual)": "all",
        "Flagged": "flagged",
        "Unread (virtual 2)": "unseen",
        "Labels (virtual)": "labels",
        "Labels (virtual)/blue": "keyword",
    }


@pytest.mark.parametrize(
    ("word", "is_one"),
    [
        ("blue", True),
        ("Work/2026", True),
        ("$Forwarded", False),
        ("$label1", False),
        ("NonJunk", False),
        ("MDNSent", False),
    ],
)
def test_labels_are_what_people_give(mail: MailAccount, word: str, is_one: bool):
    assert virtual.is_label(word) is is_one
    mail.append(letter(), flags=[word])
    assert arranged(mail) is not is_one
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    assert ("Labels/" + word.replace("/", "_") in rules(mail)) is is_one
    assert arranged(mail)


def test_two_labels_of_one_name(mail: MailAccount):
    mail.append(letter(), flags=["a/b", "a_b"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    names = [name for name, rule in rules(mail).items() if rule == "keyword"]
    assert sorted(names) == ["Labels/a_b", "Labels/a_b (virtual)"]
    assert [look(mail, name) for name in names] == [[1], [1]]


def test_not_more_labels_than_anybody_reads(mail: MailAccount, monkeypatch):
    monkeypatch.setattr(virtual, "LABELS_AT_MOST", 2)
    mail.append(letter(), flags=["a", "b", "c"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    assert [name for name, rule in rules(mail).items() if rule == "keyword"] == ["Labels/a", "Labels/b"]
    assert arranged(mail)


def test_a_label_that_comes_earlier_in_the_alphabet_is_one_too_many(mail: MailAccount, monkeypatch):
    monkeypatch.setattr(virtual, "LABELS_AT_MOST", 2)
    mail.append(letter("one"), flags=["m", "n"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    mail.append(letter("two"), flags=["a"])
    assert arranged(mail)
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    assert [name for name in rules(mail) if name.startswith("Labels/")] == ["Labels/m", "Labels/n"]


def test_a_house_without_them(mail: MailAccount):
    mail.append(letter(), flags=["blue"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    number, validity = mail.box("All Mail"), mail.read(lambda r: mailboxes.by_name(r, "All Mail")).uidvalidity
    assert look(mail, "All Mail") == look(mail, "Labels/blue") == [1]
    assert not arranged(mail, wanted=False)
    mail.write(lambda w: virtual.arrange(w, wanted=False))
    assert arranged(mail, wanted=False)
    assert rules(mail) == {}
    assert mail.read(lambda r: r.raw("SELECT count(*) FROM placement").fetchone()[0]) == 1
    mail.index()
    assert mail.verify() == []
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    again = mail.read(lambda r: mailboxes.by_name(r, "All Mail"))
    assert again.id > number
    assert again.uidvalidity > validity
    assert look(mail, "All Mail") == [1]


def test_they_keep_their_place(mail: MailAccount):
    mail.append(letter(), flags=["blue"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    for name in ("All Mail", "Labels", "Labels/blue"):
        for act in (
            lambda w, name=name: mailboxes.delete(w, name),
            lambda w, name=name: mailboxes.rename(w, name, "Other"),
            lambda w, name=name: mailboxes.create(w, f"{name}/below"),
            lambda w, name=name: mailboxes.rename(w, "Archive", f"{name}/deep/Archive"),
            lambda w, name=name: mailboxes.real(w, name),
        ):
            with pytest.raises(IsVirtual):
                mail.write(act)
        with pytest.raises(MailboxExists):
            mail.write(lambda w, name=name: mailboxes.create(w, name))
    mail.write(lambda w: mailboxes.subscribe(w, "All Mail", True))
    assert mail.read(lambda r: mailboxes.by_name(r, "All Mail")).subscribed
    with pytest.raises(NoSuchMailbox):
        mail.read(lambda r: mailboxes.real(r, "Nothing"))
    assert mail.read(lambda r: mailboxes.real(r, "inbox")).id == 1


def test_a_label_that_nobody_has_can_go(mail: MailAccount):
    mail.append(letter(), flags=["blue"], box="Junk")
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    label = mail.read(lambda r: mailboxes.by_name(r, "Labels/blue"))
    assert look(mail, "Labels/blue") == []
    with pytest.raises(CannotDelete):
        mail.write(lambda w: virtual.delete_label(w, label))
    with pytest.raises(CannotDelete):
        mail.write(lambda w: virtual.delete_label(w, mailboxes.by_name(w, "All Mail")))
    mail.write(lambda w: flags.store_flags(w, mail.read(lambda r: mailboxes.by_name(r, "Junk")).id, [1], "replace", []))
    mail.write(lambda w: virtual.delete_label(w, label))
    assert "Labels/blue" not in rules(mail)
    assert arranged(mail)
    mail.append(letter("again"), flags=["Blue"])
    mail.write(lambda w: virtual.arrange(w, wanted=True))
    assert look(mail, "Labels/Blue") == [1]


def test_they_count_for_no_quota_and_hold_nothing(mail: MailAccount):
    mail.fill(3)
    before = mail.read(quota.usage)
    look(mail, "All Mail")
    look(mail, "Unread")
    assert mail.read(quota.usage) == before
    mail.write(lambda w: quota.set_limit(w, before.octets + 10))
    with pytest.raises(OverQuota):
        mail.append(letter())
    mail.write(lambda w: quota.set_limit(w, 2 * before.octets))
    mail.append(letter("Letter 0", "number 0", message_id="0@x"))
    assert mail.read(lambda r: r.raw("SELECT max(holders) FROM content").fetchone()[0]) == 2


def _version_1(path) -> None:
    """A file as the first version made it, with three letters and one that went."""
    schemas = [schema.account_schema(BORN), lineage.SCHEMA]
    database = Database(path, schemas, functions=predicate.FUNCTIONS)

    def fill(w):
        for n in range(4):
            append.append(w, 1, append.prepare(letter(f"Letter {n}", message_id=f"{n}@x")), flags=["blue"])
        copy.move(w, 1, [2], 4)
        expunge.remove(w, 1, [3])

    def back(w):
        for table in ("virtual_mailbox", "virtual_member", "acl", "annotation", "annotation_change", "lineage"):
            w.raw(f"DROP TABLE {table}")
        w.raw("DELETE FROM sqlite_stat1 WHERE tbl = 'virtual_member'")
        w.raw("UPDATE schema_version SET version = 1 WHERE owner = 'store'")
        w.raw("DELETE FROM schema_version WHERE owner = 'lineage'")

    database.write(fill)
    database.write(back)
    database.close()


@pytest.mark.parametrize("statistics", [True, False])
def test_an_account_of_version_1_is_upgraded(tmp_path, statistics: bool):
    _version_1(tmp_path / "mail.db")
    if not statistics:
        old = Database(tmp_path / "mail.db", [])
        old.write(lambda w: w.raw("DROP TABLE sqlite_stat1"))
        old.close()
    account = MailAccount(tmp_path)
    assert account.read(versions)["store"] == schema.account_schema(BORN).version
    assert account.uids() == [1, 4]
    account.write(lambda w: virtual.arrange(w, wanted=True))
    assert len(look(account, "All Mail")) == len(look(account, "Labels/blue")) == 3
    made, upgraded = tmp_path / "new", account
    made.mkdir()
    fresh = MailAccount(made)
    for table in ("virtual_mailbox", "virtual_member"):
        shapes = [
            a.read(lambda r, t=table: sorted(" ".join(row[0].split()) for row in r.raw(
                "SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (t,)
            )))
            for a in (upgraded, fresh)
        ]  # fmt: skip
        assert shapes[0] == shapes[1]
    known = account.read(
        lambda r: r.execute(sa.text("SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'virtual_member'")).scalar()
    )
    assert known == len(schema.MEMBER_STATISTICS)
    account.index()
    assert account.verify() == []
    account.close()
    fresh.close()
