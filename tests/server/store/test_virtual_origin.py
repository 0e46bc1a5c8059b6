import pytest

from server.store import append, flags, mailboxes, messages, virtual, virtual_origin, virtual_refresh
from server.store.errors import NoSuchMessage, OverQuota
from tests.fakes.mail_account import MailAccount, letter


@pytest.fixture
def mail(account: MailAccount) -> MailAccount:
    account.fill(2)
    account.append(letter("in the archive"), box="Archive")
    account.write(lambda w: virtual.arrange(w, wanted=True))
    for name in ("All Mail", "Unread"):
        number = account.box(name)
        account.write(lambda w, number=number: virtual_refresh.refresh(w, [number]))
    return account


def modseqs(mail: MailAccount, name: str) -> dict[int, int]:
    return {row.uid: row.modseq for row in mail.rows(name)}


def test_flags_go_to_the_origins(mail: MailAccount):
    number = mail.box("All Mail")
    result = mail.write(lambda w: virtual_origin.store_flags(w, number, [1, 3, 77], "add", ["\\Seen", "blue"]))
    assert [uid for uid, _, _ in result.changed] == [1, 3]
    assert {uid: modseq for uid, _, modseq in result.changed} == {
        uid: modseq for uid, modseq in modseqs(mail, "All Mail").items() if uid != 2
    }
    assert [sorted(row.flags) for row in (*mail.rows(), *mail.rows("Archive"))] == [
        ["\\Seen", "blue"],
        [],
        ["\\Seen", "blue"],
    ]
    again = mail.write(lambda w: virtual_origin.store_flags(w, number, [1], "add", ["\\Seen"]))
    assert (again.changed, again.failed) == ([], [])


def test_unchanged_since_is_about_the_virtual_mailbox(mail: MailAccount):
    number = mail.box("All Mail")
    mark = mail.read(lambda r: mailboxes.status(r, number)).highestmodseq
    mail.write(lambda w: flags.store_flags(w, 1, [2], "add", ["\\Answered"]))  # nobody has looked since
    result = mail.write(
        lambda w: virtual_origin.store_flags(w, number, [1, 2, 3], "add", ["\\Flagged"], unchanged_since=mark)
    )
    assert result.failed == [2]
    assert [uid for uid, _, _ in result.changed] == [1, 3]
    assert [sorted(row.flags) for row in mail.rows()] == [["\\Flagged"], ["\\Answered"]]


def test_what_leaves_by_a_change_is_told_once_more(mail: MailAccount):
    number = mail.box("Unread")
    result = mail.write(lambda w: virtual_origin.store_flags(w, number, [2], "add", ["\\Seen"]))
    highest = mail.read(lambda r: mailboxes.status(r, number)).highestmodseq
    assert result.changed == [(2, frozenset({"\\Seen"}), highest)]
    assert mail.uids("Unread") == [1, 3]


def test_what_is_read_stays_until_the_next_look(mail: MailAccount):
    number = mail.box("Unread")
    mail.write(lambda w: virtual_origin.mark_seen(w, number, [2]))
    assert mail.uids("Unread") == [1, 2, 3]
    assert mail.read(lambda r: virtual_refresh.behind(r, [number])) == [number]
    mail.write(lambda w: virtual_refresh.refresh(w, [number]))
    assert mail.uids("Unread") == [1, 3]


def test_expunge_removes_the_origins_that_are_marked(mail: MailAccount):
    number = mail.box("All Mail")
    mail.write(lambda w: virtual_origin.store_flags(w, number, [1, 3], "add", ["\\Deleted"]))
    assert mail.write(lambda w: virtual_origin.expunge(w, number, [3, 2])) == [3]
    assert (mail.uids(), mail.uids("Archive"), mail.uids("All Mail")) == ([1, 2], [], [1, 2])
    mail.write(lambda w: flags.store_flags(w, 1, [2], "add", ["\\Deleted"]))
    assert mail.write(lambda w: virtual_origin.expunge(w, number)) == [1, 2]
    assert (mail.uids(), mail.uids("All Mail"), mail.uids("Unread")) == ([], [], [1, 2, 3])
    assert mail.write(lambda w: virtual_origin.expunge(w, number)) == []


def test_copies_and_moves_are_real(mail: MailAccount):
    number, sent = mail.box("All Mail"), mail.box("Sent")
    done = mail.write(lambda w: virtual_origin.copy_out(w, number, [1, 3], sent))
    assert done.pairs == [(1, 1), (3, 2)]
    moved = mail.write(lambda w: virtual_origin.move_out(w, number, [1, 3], sent))
    assert moved.pairs == [(1, 3), (3, 4)]
    assert (mail.uids(), mail.uids("Archive"), mail.uids("Sent")) == ([2], [], [1, 2, 3, 4])
    assert mail.uids("All Mail") == [2, 4, 5, 6, 7], "what was moved has left, and is there again as something new"
    assert [f for f in mail.verify() if f.kind != "index"] == []


def test_no_room_for_copies(mail: MailAccount):
    from server.store import quota

    mail.write(lambda w: quota.set_limit(w, 10))
    number, sent = mail.box("All Mail"), mail.box("Sent")
    with pytest.raises(OverQuota):
        mail.write(lambda w: virtual_origin.copy_out(w, number, [1], sent))
    assert mail.write(lambda w: virtual_origin.move_out(w, number, [1], sent)).pairs == [(1, 1)]


@pytest.mark.parametrize("words", ["new words", "number 0"])
def test_replace_puts_the_new_for_the_old(mail: MailAccount, words: str):
    number, drafts = mail.box("All Mail"), mail.box("Drafts")
    ready = append.prepare(letter("Letter 0", words, message_id="0@x"))
    done = mail.write(lambda w: virtual_origin.replace(w, number, 1, drafts, ready, flags=["\\Draft"]))
    assert done.uid == 1
    assert (mail.uids(), mail.uids("Drafts")) == ([2], [1])
    assert mail.uids("All Mail") == [2, 3, 4]
    assert mail.read(lambda r: messages.flags(r, number, [4]))[0][1] == {"\\Draft"}
    with pytest.raises(NoSuchMessage):
        mail.write(lambda w: virtual_origin.replace(w, number, 1, drafts, ready))
