from datetime import UTC, datetime

import pytest

from server.store import append, expunge, mailboxes, messages, quota
from server.store.errors import NoSuchMailbox, OverQuota, TooBig, TooManyKeywords
from tests.fakes.mail_account import BORN, MailAccount, letter

ATTACHED = (
    b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nsee file\r\n--b\r\nContent-Type: application/pdf; name=plan.pdf\r\n"
    b"Content-Disposition: attachment; filename=plan.pdf\r\n\r\n%PDF\r\n--b--\r\n"
)


def test_everything_a_list_shows_is_there(account: MailAccount):
    raw = letter("Grüße", "Good morning.\r\nMore.")
    arrived = datetime(2024, 1, 3, tzinfo=UTC)
    done = account.append(raw, flags=("\\Seen", "$Forwarded"), at=arrived)
    (row,) = account.rows()
    assert (done.uid, row.uid, done.modseq) == (1, 1, row.modseq)
    assert row.flags == {"\\Seen", "$Forwarded"}
    assert (row.internaldate, row.savedate) == (arrived, datetime.fromtimestamp(BORN, UTC))
    assert (row.size, row.header_size) == (len(raw), raw.index(b"\r\n\r\n") + 4)
    assert row.preview.startswith("Good morning.")
    assert b'"Bob"' in row.envelope
    assert row.bodystructure.startswith(b'("text" "plain"')
    assert (row.email_id, row.thread_id) == (done.email_id, done.thread_id)
    assert account.read(lambda r: messages.raw(r, row)) == raw


def test_counters_follow(account: MailAccount):
    account.append(letter("a"))
    account.append(letter("b"), flags=("\\Seen", "\\Deleted"))
    status = account.read(lambda r: mailboxes.status(r, account.box()))
    assert (status.messages, status.unseen, status.deleted, status.uidnext) == (2, 1, 1, 3)
    assert status.size == len(letter("a")) + len(letter("b"))


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\xff\xfe", b"no header at all", b"\r\n\r\n", letter("x", "\x00" * 50), b"A:" * 70_000]
)
def test_any_octets_come_back(account: MailAccount, raw: bytes):
    account.append(raw)
    assert account.read(lambda r: messages.raw(r, 1)) == raw
    account.index()
    assert account.verify() == []


def test_an_envelope_is_delivered_once_whatever_became_of_it(account: MailAccount):
    first = account.append(letter("a"), envelope_id="source 1, message 2")
    again = account.append(letter("a"), envelope_id="source 1, message 2")
    other = account.append(letter("a"), envelope_id="source 1, message 3", box="Junk")
    assert (again.duplicate, again.uid, again.email_id, again.thread_id) == (
        True,
        first.uid,
        first.email_id,
        first.thread_id,
    )
    assert not other.duplicate
    inbox = account.box()
    account.write(lambda w: expunge.remove(w, inbox, [1]))
    assert account.append(letter("a"), envelope_id="source 1, message 2").duplicate
    assert account.uids() == []


def test_the_same_octets_are_kept_once(account: MailAccount):
    first, second = account.append(letter("a")), account.append(letter("a"), box="Junk")
    assert first.email_id == second.email_id
    assert first.thread_id == second.thread_id
    assert account.read(lambda r: r.raw("SELECT count(*), sum(holders) FROM content").fetchone()) == (1, 2)


def test_attachments_are_marked(account: MailAccount):
    account.append(ATTACHED)
    assert account.rows()[0].flags == {"$HasAttachment"}


def test_large_octets_lie_beside_the_database(account: MailAccount):
    raw = letter("big", "x" * 5000)
    account.append(raw, object_size=10)
    (stored,) = (account.path.parent / "objects").rglob("*.zst")
    assert {path.stat().st_mode & 0o077 for path in (stored, account.path)} == {0}
    assert account.read(lambda r: messages.raw(r, 1)) == raw
    assert account.verify() == []


def test_over_quota_changes_nothing(account: MailAccount):
    account.append(letter("a"))
    account.write(lambda w: quota.set_limit(w, len(letter("a")) + 10))
    with pytest.raises(OverQuota):
        account.append(letter("b"))
    assert account.uids() == [1]
    account.write(lambda w: quota.set_limit(w, None))
    account.append(letter("b"))


def test_limits(account: MailAccount):
    with pytest.raises(TooBig):
        append.prepare(b"x" * 11, limit=10)
    prepared = append.prepare(letter())
    with pytest.raises(NoSuchMailbox):
        account.write(lambda w: append.append(w, 99, prepared))
    for flags in (["not an atom"], ["x" * 101], ["a(b"], [f"k{n}" for n in range(65)], [""]):
        with pytest.raises(TooManyKeywords):
            account.append(letter(), flags=flags)
    assert account.uids() == []
    assert account.verify() == []


def test_unknown_system_flags_are_not_kept(account: MailAccount):
    account.append(letter(), flags=("\\Recent", "\\Strange", "\\sEEN"))
    assert account.rows()[0].flags == {"\\Seen"}


def test_dates_far_away(account: MailAccount):
    for year in (1, 1600, 1969, 2106, 9999):
        account.append(letter(f"{year}", date=f"1 Jan {year:04} 00:00:00 +0000"), at=datetime(year, 1, 2, tzinfo=UTC))
    assert [row.internaldate.year for row in account.rows()] == [1, 1600, 1969, 2106, 9999]
