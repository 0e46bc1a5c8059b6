from server.store import mailboxes, virtual, virtual_members, virtual_refresh
from tests.fakes.mail_account import MailAccount


def test_origins_are_named_in_order(account: MailAccount):
    account.fill(3)
    account.write(lambda w: virtual.arrange(w, wanted=True))
    number = account.box("All Mail")
    account.write(lambda w: virtual_refresh.refresh(w, [number]))
    assert account.read(lambda r: virtual_members.origins(r, number, [3, 1, 9])) == {1: (1, 1), 3: (1, 3)}
    assert account.read(lambda r: virtual_members.origins(r, number, [])) == {}
    assert account.read(lambda r: virtual_members.origins(r, 1, [1])) == {}


def test_leaving_is_logged_and_counted(account: MailAccount):
    account.fill(3)
    account.write(lambda w: virtual.arrange(w, wanted=True))
    number = account.box("All Mail")
    account.write(lambda w: virtual_refresh.refresh(w, [number]))
    account.write(lambda w: virtual_members.leave(w, number, 1_000, [2, 5]))
    found = account.read(lambda r: mailboxes.status(r, number))
    assert (found.messages, found.unseen, found.uidnext, found.highestmodseq) == (2, 2, 4, 1_000)
    assert account.uids("All Mail") == [1, 3]
    assert account.read(lambda r: r.raw("SELECT first, last FROM vanished").fetchall()) == [(2, 2)]
    before = found
    account.write(lambda w: virtual_members.leave(w, number, 1_001, [2]))
    assert account.read(lambda r: mailboxes.status(r, number)) == before, "nothing left, nothing changed"
