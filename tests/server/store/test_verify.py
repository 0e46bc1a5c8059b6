import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.store import expunge
from server.store import query as q
from server.store.audit import ORPHAN_AGE
from server.store.search import search
from server.store.verify import verify
from tests.fakes.mail_account import MailAccount, letter

NOW = 2_000_000_000


@pytest.fixture
def mail(account: MailAccount) -> MailAccount:
    account.fill(6)
    account.append(letter("会议记录", "large"), object_size=10, box="Sent")
    account.write(lambda w: expunge.remove(w, 1, [2, 3]))
    account.index()
    return account


def spoil(account: MailAccount, *statements: str) -> None:
    account.close()
    with closing(sqlite3.connect(account.path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()


def kinds(account: MailAccount, **how) -> set[tuple[str, bool]]:
    return {(finding.kind, finding.repaired) for finding in account.verify(now=NOW, **how)}


def test_nothing_wrong(mail: MailAccount, tmp_path: Path):
    assert mail.verify(now=NOW) == []
    assert mail.verify(now=NOW, repair=True) == []
    assert verify(tmp_path / "none" / "mail.db") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE mailbox SET messages = messages + 1", "counters"),
        ("UPDATE mailbox SET unseen = 0", "counters"),
        ("UPDATE mailbox SET deleted = 7", "counters"),
        ("UPDATE mailbox SET size = size - 1", "counters"),
        ("UPDATE mailbox SET highestmodseq = 1", "counters"),
        ("UPDATE state SET modseq = 1", "counters"),
        ("UPDATE mailbox SET uidnext = 4", "uids"),
        ("UPDATE mailbox SET uidnext = 9 WHERE id = 1", "uids"),
        ("DELETE FROM vanished", "uids"),
        ("INSERT INTO vanished VALUES (1, 1, 4, 5)", "uids"),
        ("UPDATE content SET holders = 5", "holders"),
        ("UPDATE content SET holders = 0", "holders"),
        ("DELETE FROM facet WHERE content_id = 4", "texts"),
        ("DELETE FROM folded WHERE content_id = 4", "texts"),
        ("DELETE FROM lineage WHERE content_id = 4", "texts"),
        ("INSERT INTO trigram(trigram) VALUES ('delete-all')", "index"),
        ("INSERT INTO bigram(bigram) VALUES ('delete-all')", "index"),
    ],
)
def test_found_and_mended(mail: MailAccount, statement: str, kind: str):
    before = [(row.uid, row.flags, row.email_id) for row in mail.rows()]
    spoil(mail, statement)
    assert (kind, False) in kinds(mail)
    assert (kind, True) in kinds(mail, repair=True)
    assert mail.verify(now=NOW) == []
    assert [(row.uid, row.flags, row.email_id) for row in mail.rows()] == before
    assert mail.read(lambda r: search(r, 1, q.Text("number 4"))) == [5]
    assert mail.read(lambda r: search(r, mail.box("Sent"), q.Text("会议"))) == [1]


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM octets WHERE content_id = 4", "UPDATE octets SET data = x'00' WHERE content_id = 4",
     "UPDATE octets SET data = (SELECT data FROM octets WHERE content_id = 5) WHERE content_id = 4"],
)  # fmt: skip
def test_lost_octets_stay_reported(mail: MailAccount, statement: str):
    spoil(mail, statement)
    assert kinds(mail, repair=True) == {("octets", False)}
    assert kinds(mail) == {("octets", False)}
    assert [row.uid for row in mail.rows()] == [1, 4, 5, 6]


def test_a_lost_object_stays_reported(mail: MailAccount):
    for path in (mail.path.parent / "objects").rglob("*.zst"):
        path.unlink()
    assert kinds(mail, repair=True) == {("octets", False)}


def test_a_changed_object_is_noticed(mail: MailAccount):
    for path in (mail.path.parent / "objects").rglob("*.zst"):
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
    assert ("octets", False) in kinds(mail)


def test_orphans_are_removed_only_when_old(mail: MailAccount):
    folder = mail.path.parent / "objects" / "ab"
    folder.mkdir(parents=True, exist_ok=True)
    young, old, half = (
        folder / ("ab" * 32 + ".zst"),
        folder / ("abcd" * 16 + ".zst"),
        folder / ("abef" * 16 + ".zst.1.2.tmp"),
    )
    for path, age in ((young, ORPHAN_AGE - 10), (old, ORPHAN_AGE + 10), (half, ORPHAN_AGE + 10)):
        path.write_bytes(b"x")
        os.utime(path, (NOW - age, NOW - age))
    assert {finding.subject for finding in mail.verify(now=NOW)} == {old.name, half.name}
    assert kinds(mail, repair=True) == {("orphan", True)}
    assert young.exists()
    assert not old.exists()
    assert not half.exists()
    assert mail.verify(now=NOW) == []


def test_rows_that_point_nowhere(mail: MailAccount):
    spoil(mail, "UPDATE placement SET content_id = 99 WHERE mailbox_id = 1 AND uid = 4")
    assert ("file", False) in kinds(mail)


def test_a_damaged_page_is_reported_and_nobody_raises(mail: MailAccount):
    mail.close()
    with closing(sqlite3.connect(mail.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(mail.path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 12] = b"\xff" * 12
    mail.path.write_bytes(data)
    found = mail.verify(now=NOW, repair=True)
    assert found
    assert not any(finding.repaired for finding in found if finding.kind == "file")


def test_no_database_at_all(tmp_path: Path):
    path = tmp_path / "mail.db"
    path.write_bytes(b"something else" * 1000)
    (finding,) = verify(path)
    assert (finding.kind, finding.repaired) == ("file", False)
    assert path.read_bytes().startswith(b"something else")


def test_what_cannot_be_read_does_not_keep_the_rest_from_being_mended(mail: MailAccount):
    spoil(mail, "UPDATE octets SET data = x'00' WHERE content_id = 1")
    spoil(mail, "DELETE FROM facet")
    assert {("octets", False), ("texts", True), ("texts", False)} <= kinds(mail, repair=True)
    assert kinds(mail) == {("octets", False), ("texts", False)}


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("INSERT INTO acl VALUES (1, 7, 0, 'lr!')", [(1, 7, "lr")]),
        ("INSERT INTO acl VALUES (1, 7, 0, '')", []),
        ("INSERT INTO acl VALUES (1, 7, 1, 'Q')", []),
        ("INSERT INTO acl VALUES (4711, 7, 0, 'lr')", []),
    ],
)
def test_lists_are_checked_and_mended(mail: MailAccount, statement: str, left: list[tuple[int, int, str]]):
    spoil(mail, "INSERT INTO acl VALUES (1, 8, 0, 'lrs')", statement)
    assert ("acl", False) in kinds(mail)
    assert ("acl", True) in kinds(mail, repair=True)
    assert mail.verify(now=NOW) == []
    rows = mail.read(lambda r: r.raw("SELECT mailbox_id, grantee, rights FROM acl ORDER BY grantee").fetchall())
    assert rows == [*left, (1, 8, "lrs")]
