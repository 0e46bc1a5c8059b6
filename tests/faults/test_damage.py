"""Damaged mail: one message that cannot be read, an account whose database is damaged. It is named and isolated, and costs nobody else anything."""

import base64
import os
import random
import sqlite3
from contextlib import closing

import pytest
import zstandard
from structlog.testing import capture_logs

from server.store import append
from server.store import verify as audit
from tests.fakes import pop3_house
from tests.fakes.imap_house import House as ImapHouse
from tests.fakes.imap_house import message
from tests.fakes.mail_house import MailHouse
from tests.fakes.smtp_peer import Peer

LARGE = base64.encodebytes(random.Random(1).randbytes(1_200_000)).replace(b"\n", b"\r\n").decode()


def spoil(path, statement, *values):
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


def cut_off(path):
    """Replace the octets of message 2 by a frame that ends in the middle."""
    with closing(sqlite3.connect(path)) as db:
        (data,) = db.execute("SELECT data FROM octets WHERE content_id = 2").fetchone()
    spoil(path, "UPDATE octets SET data = ? WHERE content_id = 2", data[: len(data) // 2])


DAMAGES = {
    "no frame": lambda path: spoil(path, "UPDATE octets SET data = x'00112233' WHERE content_id = 2"),
    "a frame cut off": cut_off,
    "other octets": lambda path: spoil(
        path, "UPDATE octets SET data = ? WHERE content_id = 2", zstandard.compress(b"Subject: short\r\n\r\n")
    ),
    "none": lambda path: spoil(path, "DELETE FROM octets WHERE content_id = 2"),
}


@pytest.fixture
async def house(tmp_path):
    running = await ImapHouse(tmp_path).start()
    yield running
    await running.stop()


def database(house):
    return house.store.path(house.ann)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_imap_answers_all_other_messages(house, damage):
    for number in (1, 2, 3):
        house.append(message(f"Letter {number}"))
    DAMAGES[damage](database(house))
    client = await house.signed_in(mailbox="INBOX")
    with capture_logs() as logged:
        lines, status = await client.ask("FETCH 1:* (UID BODY.PEEK[])")
    assert status.startswith(b"NO [CORRUPTION] ")
    assert [line.split()[1] for line in lines] == [b"1", b"3"]
    (entry,) = [entry for entry in logged if entry["event"] == "octets_damaged"]
    assert (entry["account"], entry["mailbox"], entry["uids"]) == (house.ann, "INBOX", [2])
    # What is known of it is still told, and it can be deleted.
    assert (await client.ok("FETCH 2 (ENVELOPE)"))[0].startswith(b"* 2 FETCH (ENVELOPE ")
    await client.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    assert await client.ok("EXPUNGE") == [b"* 2 EXPUNGE"]


def lose_objects(house):
    for path in (database(house).parent / "objects").rglob("*.zst"):
        path.unlink()


def cut_objects(house):
    for path in (database(house).parent / "objects").rglob("*.zst"):
        os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("damage", [lose_objects, cut_objects])
async def test_imap_and_a_file_beside_the_database(house, damage):
    house.append(message("Large", LARGE))
    house.append(message("Small"))
    damage(house)
    client = await house.signed_in(mailbox="INBOX")
    lines, status = await client.ask("FETCH 1:* (BODY.PEEK[])")
    assert status.startswith(b"NO [CORRUPTION] ")
    assert len(lines) == 1
    assert b"Subject: Small" in lines[0]
    assert [finding.kind for finding in audit.verify(database(house))] == ["octets"]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_pop3_answers_all_other_messages(tmp_path, damage):
    async with pop3_house.open_house(tmp_path) as house:
        await house.fill(*(pop3_house.message(number) for number in (1, 2, 3)))
        DAMAGES[damage](house.store.path(1))
        client = await house.signed_in()
        assert (await client.lines("RETR 1"))[-1] == "last"
        assert await client.say("RETR 2") == "-ERR [SYS/PERM] this message is damaged and cannot be read"
        assert (await client.lines("RETR 3"))[-1] == "last"


async def test_pop3_never_ends_half_a_message_as_if_it_were_whole(tmp_path):
    async with pop3_house.open_house(tmp_path) as house:
        await house.fill(pop3_house.message(1, LARGE.encode()))
        for path in (house.store.path(1).parent / "objects").rglob("*.zst"):
            os.truncate(path, path.stat().st_size // 2)
        client = await house.signed_in()
        assert (await client.say("RETR 1")).startswith("+OK")
        assert not (await client.reader.read()).endswith(b"\r\n.\r\n")


def overwritten(path):
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 16] = b"\xff" * 16
    path.write_bytes(data)


def no_database(path):
    path.write_bytes(b"this is no database at all\n" * 1_000)


def truncated(path):
    os.truncate(path, 3 * 4096)


WRECKS = [overwritten, no_database, truncated]


def wreck(path, how):
    """As it is found after a crash of the disk: the log is gone as well."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    how(path)
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)


@pytest.mark.parametrize("how", WRECKS)
async def test_imap_of_a_wrecked_account(tmp_path, how):
    first = await ImapHouse(tmp_path).start()
    first.append(message("Letter"))
    first.append(message("Letter"), name="bob")
    path = first.store.path(first.ann)
    await first.stop()
    wreck(path, how)
    house = ImapHouse(tmp_path)
    house_people = (first.ann, first.bob)
    await _start_again(house, house_people)
    try:
        bob = await house.signed_in("bob", "INBOX")
        with capture_logs() as logged:
            ann = await house.connect()
            await ann.line()
            _, signed_in = await ann.ask('LOGIN ann@example.org "correct horse"')
            _, status = await ann.ask("SELECT INBOX")
        assert b"SERVERBUG" not in signed_in + status
        assert status.startswith((b"NO [CORRUPTION]", b"BAD")), status
        assert not [entry for entry in logged if entry["event"] in {"command_failed", "session_failed"}]
        assert len(await bob.ok("FETCH 1 (BODY.PEEK[])")) == 1
        assert house.append(message("More"), name="bob") == 2
    finally:
        await house.stop()
    assert [finding.kind for finding in audit.verify(path)][:1] == ["file"]


async def _start_again(house, people):
    from tests.fakes import imap_house

    made = imap_house._people
    imap_house._people = lambda _w: people
    try:
        await house.start()
    finally:
        imap_house._people = made


@pytest.mark.parametrize("how", WRECKS)
async def test_deliveries_to_a_wrecked_account(tmp_path, how):
    before = MailHouse(tmp_path)
    for account in (before.account("anna"), before.account("ben")):
        before.store.write_now(account, lambda w: append.append(w, 1, append.prepare(message("First"))))
    before.close()
    wreck(before.store.path(before.account("anna")), how)
    house = MailHouse(tmp_path)
    await house.start()
    try:
        peer = await Peer.connect(house.ports.lmtp)
        await peer.hello("LHLO")
        await peer.transaction("someone@far.test", "anna@ours.test", "ben@ours.test")
        refused = await peer.data(message("Second"))
        accepted = await peer.reply()
        assert refused.startswith("451 ")
        assert accepted.startswith("250 ")
        assert len(house.mail("ben")) == 2
        await peer.close()
    finally:
        await house.stop()


async def test_eio_at_any_write_is_never_a_250_for_lost_mail(tmp_path, monkeypatch):
    """The n-th commit fails as a disk does that returns EIO: who was told 250 has the message."""
    from server.db import database as databases

    house = MailHouse(tmp_path)
    await house.start()
    commit = databases.Database._commit
    count = 0

    def failing(self, *arguments, **options):
        nonlocal count
        if str(house.settings.accounts_dir) in str(self.path):
            count += 1
            if count % 3 == 0:
                raise sqlite3.OperationalError("disk I/O error")
        return commit(self, *arguments, **options)

    monkeypatch.setattr(databases.Database, "_commit", failing)
    try:
        accepted = 0
        for number in range(12):
            peer = await Peer.connect(house.ports.lmtp)
            await peer.hello("LHLO")
            await peer.transaction("someone@far.test", "anna@ours.test")
            answer = await peer.data(message(f"Letter {number}"))
            accepted += answer.startswith("250")
            assert answer.startswith(("250", "451")), answer
            await peer.close()
        assert 0 < accepted < 12
        assert len(house.mail("anna")) == accepted
    finally:
        monkeypatch.undo()
        await house.stop()
