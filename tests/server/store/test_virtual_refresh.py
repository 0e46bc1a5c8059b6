from datetime import UTC, datetime

import pytest

from server.store import collect, copy, expunge, flags, mailboxes, virtual, virtual_refresh
from tests.fakes.mail_account import MailAccount, letter


@pytest.fixture
def mail(account: MailAccount) -> MailAccount:
    account.write(lambda w: virtual.arrange(w, wanted=True))
    return account


def look(account: MailAccount, name: str = "All Mail") -> list[int]:
    number = account.box(name)
    while account.write(lambda w: virtual_refresh.refresh(w, [number])):
        pass
    return account.uids(name)


def behind(account: MailAccount, *names: str) -> list[str]:
    numbers = {account.box(name): name for name in names}
    return [numbers[n] for n in account.read(lambda r: virtual_refresh.behind(r, numbers))]


def subjects(account: MailAccount, name: str = "All Mail") -> list[str]:
    return [row.envelope.split(b'" "')[1].split(b'"')[0].decode() for row in account.rows(name)]


def test_the_first_look_numbers_by_date(mail: MailAccount):
    for n, (day, box) in enumerate(
        [(5, "INBOX"), (1, "Sent"), (3, "INBOX"), (2, "Archive"), (4, "Junk"), (3, "Trash")]
    ):
        mail.append(letter(f"L{n}"), box=box, at=datetime(2026, 1, day, tzinfo=UTC))
    assert look(mail) == [1, 2, 3, 4]
    assert subjects(mail) == ["L1", "L3", "L2", "L0"]


def test_the_first_look_goes_by_steps_and_misses_nothing_in_between(mail: MailAccount, monkeypatch):
    monkeypatch.setattr(virtual_refresh, "LEAST", 2)
    for n in range(12):
        mail.append(letter(f"L{n}"), box=("INBOX", "Sent")[n % 2], at=datetime(2026, 1, 1 + n, tzinfo=UTC))
    number = mail.box("All Mail")
    assert mail.write(lambda w: virtual_refresh.refresh(w, [number], 4)) is True
    some = mail.uids("All Mail")
    assert 0 < len(some) < 12
    mail.append(letter("earlier"), at=datetime(2025, 1, 1, tzinfo=UTC))
    mail.write(lambda w: flags.store_flags(w, 1, [1, 6], "add", ["\\Seen"]))
    mail.write(lambda w: expunge.remove(w, 1, [2, 5]))
    steps = 1
    while mail.write(lambda w: virtual_refresh.refresh(w, [number], 4)):
        steps += 1
    assert steps > 2
    assert sorted(subjects(mail)) == sorted(["earlier", *(f"L{n}" for n in range(12) if n not in (2, 8))])
    assert {r.flags for r in mail.rows("All Mail") if r.uid == 1} == {frozenset({"\\Seen"})}
    assert [f for f in mail.verify() if f.kind != "index"] == []


def test_only_real_mailboxes_are_followed(mail: MailAccount):
    mail.fill(2)
    assert behind(mail, "All Mail", "Unread", "INBOX") == ["All Mail", "Unread"]
    look(mail)
    look(mail, "Unread")
    assert behind(mail, "All Mail", "Unread", "Flagged") == ["Flagged"]
    mail.append(letter("junk"), box="Junk")
    mail.append(letter("trash"), box="Trash")
    assert behind(mail, "All Mail", "Unread") == []
    mail.append(letter("sent"), box="Sent")
    assert behind(mail, "All Mail", "Unread") == ["All Mail", "Unread"]


def test_it_says_that_nothing_is_behind_without_writing(mail: MailAccount):
    mail.fill(2)
    look(mail)
    before = mail.read(lambda r: mailboxes.status(r, mail.box("All Mail")))
    look(mail)
    assert mail.read(lambda r: mailboxes.status(r, mail.box("All Mail"))) == before


def test_a_message_that_moves_keeps_its_uid(mail: MailAccount):
    mail.fill(3)
    assert look(mail) == [1, 2, 3]
    mail.write(lambda w: copy.move(w, 1, [2], mail.read(lambda r: mailboxes.by_special_use(r, "\\Archive")).id))
    assert look(mail) == [1, 2, 3]
    mail.write(lambda w: copy.move(w, 4, [1], 6))
    assert look(mail) == [1, 3], "Trash is no part of it"
    mail.write(lambda w: copy.move(w, 6, [1], 1))
    assert look(mail) == [1, 3, 4]


def test_the_same_message_in_two_mailboxes_is_two(mail: MailAccount):
    mail.fill(1)
    mail.write(lambda w: copy.copy(w, 1, [1], 4))
    assert look(mail) == [1, 2]
    mail.write(lambda w: flags.store_flags(w, 4, [1], "add", ["\\Seen"]))
    look(mail)
    assert [sorted(row.flags) for row in mail.rows("All Mail")] == [[], ["\\Seen"]]
    mail.write(lambda w: expunge.remove(w, 1, [1]))
    assert look(mail) == [2]


def test_a_deleted_mailbox_takes_its_messages_along(mail: MailAccount):
    made = mail.write(lambda w: mailboxes.create(w, "Box"))
    mail.append(letter("a"), box="Box")
    mail.append(letter("b"))
    assert look(mail) == [1, 2]
    mail.write(lambda w: copy.move(w, made.id, [1], 1))
    mail.append(letter("c"), box="Box")
    mail.write(lambda w: mailboxes.delete(w, "Box"))
    assert behind(mail, "All Mail") == ["All Mail"]
    assert look(mail) == [1, 2]
    assert sorted(subjects(mail)) == ["a", "b"]


def test_garbage_is_collected_under_a_stale_member(mail: MailAccount):
    mail.fill(3)
    assert look(mail) == look(mail, "Unread") == [1, 2, 3]
    mail.write(lambda w: expunge.remove(w, 1, [2]))
    assert mail.write(collect.collect) == 1
    assert mail.uids("All Mail") == mail.uids("Unread") == [1, 3]
    assert [f for f in mail.verify() if f.kind != "index"] == []
    assert look(mail) == look(mail, "Unread") == [1, 3]


def test_a_change_of_very_many_is_one_step(mail: MailAccount, monkeypatch):
    monkeypatch.setattr(virtual_refresh, "LEAST", 2)
    mail.fill(9)
    look(mail, "Unread")
    mail.write(lambda w: flags.store_flags(w, 1, range(1, 9), "add", ["\\Seen"]))
    number = mail.box("Unread")
    assert mail.write(lambda w: virtual_refresh.refresh(w, [number], 2)) in (True, False)
    assert look(mail, "Unread") == [9]


def test_several_at_once_share_what_a_step_may_do(mail: MailAccount):
    mail.fill(4)
    numbers = [mail.box(name) for name in ("All Mail", "Unread", "Flagged")]
    steps = 1
    while mail.write(lambda w: virtual_refresh.refresh(w, numbers, 3)):
        steps += 1
    assert steps > 1
    assert mail.uids("All Mail") == mail.uids("Unread") == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM virtual_member WHERE uid = 2",
        "UPDATE virtual_member SET origin_uid = 99 WHERE uid = 2",
        "UPDATE placement SET flags = 4 WHERE mailbox_id = (SELECT id FROM mailbox WHERE name = 'All Mail') AND uid = 1",
        "UPDATE virtual_mailbox SET built = NULL, seen = 1000000, rule = 'flagged' WHERE rule = 'all'",
        "DELETE FROM placement WHERE mailbox_id = (SELECT id FROM mailbox WHERE name = 'All Mail') AND uid = 1",
    ],
)
def test_verify_finds_what_is_wrong_and_it_is_built_anew(mail: MailAccount, statement: str):
    mail.fill(3)
    look(mail)
    mail.index()
    assert mail.verify() == []
    mail.write(lambda w: w.raw(statement))
    assert "virtual" in {f.kind for f in mail.verify()}
    assert all(f.repaired for f in mail.verify(repair=True))
    assert mail.verify() == []
    mail.write(lambda w: w.raw("UPDATE virtual_mailbox SET rule = 'all' WHERE rule = 'flagged' AND mailbox_id = 7"))
    found = look(mail)
    assert len(found) == 3
    assert min(found) > 3, "a uid is never used twice"
    assert mail.verify() == []
