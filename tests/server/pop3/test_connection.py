"""POP3 over sockets, on a real store."""

import asyncio
import base64
import contextlib
import random
from dataclasses import replace

import pytest

from server.accounts.pop3_choice import Choice, Deleted
from server.config import Limits
from server.db.errors import DatabaseFull
from server.pop3 import connection as serving
from server.pop3 import maildrop, session
from server.store import expunge, mailboxes, octet_stream
from tests.fakes.pop3_house import ADDRESS, PASSWORD, TOKEN, message


async def test_a_whole_session(house):
    await house.fill(message(1), message(2))
    client = await house.connect()
    sizes = [len(message(1)), len(message(2))]
    assert await client.sign_in() == f"+OK 2 messages ({sum(sizes)} octets)"
    assert await client.say("STAT") == f"+OK 2 {sum(sizes)}"
    assert await client.lines("LIST") == [f"1 {sizes[0]}", f"2 {sizes[1]}"]
    first = await client.lines("UIDL")
    assert await client.say("RETR 1") == f"+OK {sizes[0]} octets"
    lines = await client.rest()
    assert b"".join(line[1:] if line.startswith(b".") else line for line in lines) == message(1)
    assert (await client.lines("TOP 2 1"))[-2:] == ["", "line one of 2"]
    assert await client.say("DELE 1") == "+OK message 1 deleted"
    assert await client.say("QUIT") == "+OK bye"
    assert await client.ended()
    assert len(await house.uids()) == 1
    again = await house.signed_in()
    second = await again.lines("UIDL")
    # RFC 1939 §7: the unique id of a message is the same in every session.
    assert second[0].split()[1] == first[1].split()[1]


async def test_nothing_is_deleted_without_quit(house):
    await house.fill(message(1))
    client = await house.signed_in()
    assert (await client.say("DELE 1")).startswith("+OK")
    client.writer.close()
    await asyncio.sleep(0.05)
    assert len(await house.uids()) == 1


async def test_reset(house):
    await house.fill(message(1))
    client = await house.signed_in()
    await client.say("DELE 1")
    await client.say("RSET")
    await client.say("QUIT")
    assert len(await house.uids()) == 1


async def test_one_session_a_maildrop(house):
    first = await house.signed_in()
    second = await house.connect()
    assert await second.sign_in() == "-ERR [IN-USE] another session has this maildrop"
    other = await house.connect()
    assert (await other.sign_in(name="bert@example.org")).startswith("+OK 0")
    await first.say("QUIT")
    assert await first.ended()
    assert (await second.sign_in()).startswith("+OK")


async def test_the_lock_holds_between_processes(house):
    import subprocess
    import sys

    lock = house.settings.run_dir / "pop3" / "1.lock"
    lock.parent.mkdir(parents=True)
    code = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        client = await house.connect()
        assert "[IN-USE]" in await client.sign_in()
        other.kill()
        other.wait()
    assert (await client.sign_in()).startswith("+OK")


async def test_a_broken_connection_frees_the_maildrop(house):
    first = await house.signed_in()
    first.writer.transport.abort()
    async with asyncio.timeout(10):
        while (await (await house.connect()).sign_in()).startswith("-ERR"):
            await asyncio.sleep(0.02)


async def test_wrong_password(house):
    client = await house.connect()
    assert await client.sign_in("wrong") == "-ERR [AUTH] sign-in failed"
    assert (await client.sign_in()).startswith("+OK")
    assert house.authenticator.asked == [(ADDRESS, "pop3", "127.0.0.1")] * 2


async def test_many_wrong_passwords_end_the_connection(house):
    client = await house.connect()
    for _ in range(5):
        assert (await client.sign_in("wrong")).startswith("-ERR")
    assert await client.ended()


async def test_throttled(house):
    house.authenticator.throttled = True
    assert await (await house.connect()).sign_in() == "-ERR [SYS/TEMP] too many tries, wait 7 s"


@pytest.mark.parametrize(
    ("mechanism", "answer"),
    [
        ("PLAIN", f"\0{ADDRESS}\0{PASSWORD}"),
        ("XOAUTH2", f"user={ADDRESS}\x01auth=Bearer {TOKEN}\x01\x01"),
        ("OAUTHBEARER", f"n,a={ADDRESS},\x01auth=Bearer {TOKEN}\x01\x01"),
    ],
)
async def test_auth_in_one_step_and_in_two(house, mechanism, answer):
    encoded = base64.b64encode(answer.encode()).decode()
    client = await house.connect()
    assert (await client.say(f"AUTH {mechanism} {encoded}")).startswith("+OK")
    await client.say("QUIT")
    assert await client.ended()
    client = await house.connect()
    assert await client.say(f"AUTH {mechanism}") == "+ "
    assert (await client.say(encoded)).startswith("+OK")


async def test_token_as_password(house):
    assert (await (await house.connect()).sign_in(TOKEN)).startswith("+OK")


async def test_token_without_a_name(house):
    encoded = base64.b64encode(f"n,,\x01auth=Bearer {TOKEN}\x01\x01".encode()).decode()
    assert (await (await house.connect()).say(f"AUTH OAUTHBEARER {encoded}")).startswith("+OK")


async def test_wrong_token(house):
    client = await house.connect()
    bad = base64.b64encode(f"user={ADDRESS}\x01auth=Bearer wrong\x01\x01".encode()).decode()
    assert (await client.say(f"AUTH XOAUTH2 {bad}")).startswith("+ ey")
    assert await client.say("AQ==") == "-ERR [AUTH] sign-in failed"


async def test_a_sign_in_that_has_ended_ends_the_session_without_deleting(house):
    await house.fill(message(1))
    client = await house.signed_in()
    assert (await client.say("DELE 1")).startswith("+OK")
    house.authenticator.end_all()
    assert await client.ended()
    assert len(await house.uids()) == 1
    assert (await (await house.connect()).sign_in()).startswith("+OK")
    assert len(house.authenticator.watched) == 1


async def test_pipelining(house):
    await house.fill(*(message(n) for n in range(1, 6)))
    client = await house.connect()
    batch = f"USER {ADDRESS}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nNOOP\r\nRETR 3\r\nRETR 3\r\nRETR 9\r\nTOP 5 0\r\nDELE 2\r\nQUIT\r\n"
    client.writer.write(batch.encode())
    async with asyncio.timeout(10):
        everything = await client.reader.read()
    starts = [line for line in everything.split(b"\r\n") if line.startswith((b"+OK", b"-ERR"))]
    size = len(message(1))
    octets = b"+OK %d octets" % size
    assert starts[2:] == [
        b"+OK 5 %d" % (5 * size), octets, b"+OK", octets, octets, b"-ERR no such message", octets, b"+OK message 2 deleted", b"+OK bye",
    ]  # fmt: skip
    assert everything.count(b"\r\n.\r\n") == 4
    assert len(await house.uids()) == 4


async def test_pipelined_messages_are_read_together(house, monkeypatch):
    await house.fill(*(message(n) for n in range(1, 101)))
    client = await house.signed_in()
    reads, real = [], maildrop.octets
    monkeypatch.setattr(maildrop, "octets", lambda r, drop, uids: reads.append(len(uids)) or real(r, drop, uids))
    client.writer.write(b"".join(b"RETR %d\r\n" % n for n in range(1, 101)))
    for n in range(1, 101):
        assert (await client.line()).startswith(b"+OK")
        assert b"Subject: message %d\r\n" % n in await client.rest()
    assert sum(reads) == 100
    assert len(reads) <= 10


async def test_memory_is_bounded_by_octets_too(house, monkeypatch):
    monkeypatch.setattr(serving, "BATCH_OCTETS", 100)
    await house.fill(message(1), message(2), message(3))
    client = await house.signed_in()
    client.writer.write(b"RETR 1\r\nRETR 2\r\nRETR 3\r\n")
    for _ in range(3):
        assert (await client.line()).startswith(b"+OK")
        await client.rest()


async def test_a_large_message(house):
    raw = message(1, (b"." * 76 + b"\r\n") * 40_000)
    await house.fill(raw)
    client = await house.signed_in()
    assert await client.say("RETR 1") == f"+OK {len(raw)} octets"
    assert b"".join(line[1:] if line.startswith(b".") else line for line in await client.rest()) == raw


async def test_mail_that_arrives_later_waits_for_the_next_session(house):
    await house.fill(message(1))
    client = await house.signed_in()
    await house.fill(message(2))
    assert (await client.say("STAT")).startswith("+OK 1 ")
    assert (await client.say("RETR 2")).startswith("-ERR")


async def test_a_message_that_another_client_removed(house):
    await house.fill(message(1), message(2))
    client = await house.signed_in()
    uids = await house.uids()
    await house.store.write(1, lambda w: expunge.remove(w, mailboxes.by_name(w, "INBOX").id, uids[:1]))
    assert (await client.say("RETR 1")).startswith("-ERR this message has been removed")
    await client.say("DELE 1")
    await client.say("DELE 2")
    assert await client.say("QUIT") == "+OK bye"
    assert await house.uids() == []


async def test_deleting_fails(house, monkeypatch):
    await house.fill(message(1))
    client = await house.signed_in()
    await client.say("DELE 1")

    def full(w, drop, uids, becomes, now):
        raise DatabaseFull("secret path")

    monkeypatch.setattr(maildrop, "delete", full)
    assert await client.say("QUIT") == "-ERR [SYS/TEMP] some deleted messages not removed"
    assert len(await house.uids()) == 1


async def test_a_renewed_mailbox_is_not_touched(house):
    await house.fill(message(1))
    client = await house.signed_in()
    drop = await house.store.read(1, maildrop.snapshot)
    renewed = replace(drop, uidvalidity=drop.uidvalidity + 1)
    assert not await house.store.write(1, lambda w: maildrop.delete(w, renewed, [1], Deleted.REMOVED, now=0))
    assert (await client.say("STAT")).startswith("+OK 1 ")


async def test_an_exception_tells_nothing(house, monkeypatch):
    def broken(r, choice):
        raise RuntimeError("secret path")

    monkeypatch.setattr(maildrop, "snapshot", broken)
    client = await house.connect()
    assert await client.sign_in() == "-ERR [SYS/TEMP] internal error, try later"
    assert await client.ended()
    monkeypatch.undo()
    assert (await (await house.connect()).sign_in()).startswith("+OK")


async def test_t126_long_lists_do_not_gather(house, monkeypatch):
    """A hundred lists of a large maildrop are asked for in a few octets."""
    monkeypatch.setattr(serving, "BATCH_OCTETS", 2_000)
    await house.fill(*(message(n) for n in range(60)))
    client = await house.signed_in()
    flushed = []
    original = serving.Connection._flush

    async def flush(self):
        flushed.append(sum(len(action.data) for action in self._pending))
        await original(self)

    monkeypatch.setattr(serving.Connection, "_flush", flush)
    client.writer.write(b"UIDL\r\n" * 40)
    for _ in range(40):
        assert (await client.line()).startswith(b"+OK")
        assert len(await client.rest()) == 60
    assert max(flushed) < 4_000


async def test_a_list_of_many_messages(house, monkeypatch):
    await house.fill(*(message(n) for n in range(30)))
    monkeypatch.setattr(session, "ROWS_AT_ONCE", 7)
    client = await house.signed_in()
    client.writer.write(b"DELE 2\r\nLIST\r\nDELE 3\r\nUIDL\r\nNOOP\r\n")
    assert (await client.line()).startswith(b"+OK message 2")
    assert (await client.line()).startswith(b"+OK scan")
    assert [int(line.split()[0]) for line in await client.rest()] == [1, *range(3, 31)]
    assert (await client.line()).startswith(b"+OK message 3")
    assert (await client.line()).startswith(b"+OK unique")
    assert [int(line.split()[0]) for line in await client.rest()] == [1, *range(4, 31)]
    assert await client.line() == b"+OK\r\n"


class TestLargeMessages:
    """Above a size nothing is held whole."""

    @pytest.fixture(autouse=True)
    def _everything_is_large(self, monkeypatch):
        monkeypatch.setattr(serving, "BATCH_OCTETS", 100)
        monkeypatch.setattr(octet_stream, "PIECE", 1000)

    async def test_piece_by_piece(self, house):
        body = b"".join(b".%d %s\r\n" % (n, b"x" * (n % 90)) for n in range(2_000))
        raw = message(1, body)
        await house.fill(raw, message(2))
        client = await house.signed_in()
        client.writer.write(b"RETR 1\r\nTOP 1 3\r\nTOP 1 0\r\nRETR 2\r\n")
        assert await client.line() == b"+OK %d octets\r\n" % len(raw)
        assert b"".join(line[line.startswith(b".") :] for line in await client.rest()) == raw
        assert await client.line() == b"+OK %d octets\r\n" % len(raw)
        assert (await client.rest())[-4:] == [b"\r\n", b"..0 \r\n", b"..1 x\r\n", b"..2 xx\r\n"]
        await client.line()
        assert (await client.rest())[-1] == b"\r\n"
        await client.line()
        assert b"Subject: message 2\r\n" in await client.rest()

    async def test_top_reads_no_more_than_it_needs(self, house, monkeypatch):
        await house.fill(message(1, b"line\r\n" * 10_000))
        client = await house.signed_in()
        pieces, real = [], octet_stream.OctetStream.read
        monkeypatch.setattr(octet_stream.OctetStream, "read", lambda self: pieces.append(1) or real(self))
        assert len(await client.lines("TOP 1 10")) == 4 + 10
        assert len(pieces) == 1

    async def test_an_object_beside_the_database(self, house):
        raw = message(1, random.Random(7).randbytes(600_000).hex().encode() + b"\r\n")
        await house.fill(raw)
        assert list(house.store.folder(1).rglob("*.zst"))
        client = await house.signed_in()
        await client.say("RETR 1")
        assert b"".join(await client.rest()) == raw

    async def test_one_that_another_client_removed(self, house):
        await house.fill(message(1), message(2))
        client = await house.signed_in()
        await house.remove(1)
        assert (await client.say("RETR 1")).startswith("-ERR this message has been removed")
        assert (await client.say("RETR 2")).startswith("+OK")


class TestChoice:
    """What an account shows, and what becomes of what is taken and deleted."""

    async def test_another_mailbox(self, house):
        await house.fill(message(1))
        await house.fill(message(2), message(3), mailbox="Archive")
        house.choices.made[1] = Choice(mailbox="Archive")
        client = await house.signed_in()
        assert (await client.say("STAT")).startswith("+OK 2 ")
        await client.say("DELE 1")
        await client.say("QUIT")
        assert [len(await house.uids(mailbox=name)) for name in ("INBOX", "Archive")] == [1, 1]

    async def test_one_label_has_the_unique_ids_of_the_whole(self, house):
        await house.fill(message(1))
        await house.fill(message(2), flags=("ToDo", "\\Seen"))
        await house.fill(message(3), flags=("ToDoLater",))
        client = await house.signed_in()
        whole = [line.split()[1] for line in await client.lines("UIDL")]
        await client.say("QUIT")
        assert await client.ended()
        house.choices.made[1] = Choice(label="todo")
        client = await house.signed_in()
        assert await client.lines("UIDL") == [f"1 {whole[1]}"]
        assert "message 2" in " ".join(await client.lines("TOP 1 0"))

    async def test_a_label_that_nobody_has(self, house):
        await house.fill(message(1))
        house.choices.made[1] = Choice(label="unheard")
        assert await (await house.connect()).sign_in() == "+OK 0 messages (0 octets)"

    async def test_mailboxes_never_share_unique_ids(self, house):
        await house.fill(message(1))
        await house.fill(message(2), mailbox="Archive")
        found = []
        for name in ("INBOX", "Archive"):
            house.choices.made[1] = Choice(mailbox=name)
            client = await house.signed_in()
            found += [line.split()[1] for line in await client.lines("UIDL")]
            await client.say("QUIT")
            assert await client.ended()
        assert len(set(found)) == 2

    async def test_a_mailbox_that_is_gone(self, house):
        house.choices.made[1] = Choice(mailbox="Lists/gone")
        client = await house.connect()
        assert await client.sign_in() == "-ERR [SYS/PERM] the mailbox chosen for POP3 is gone"
        house.choices.made.clear()
        # The lock is free again.
        assert (await client.sign_in()).startswith("+OK")

    @pytest.mark.parametrize(
        ("becomes", "source", "target"),
        [
            (Deleted.TRASH, "INBOX", "Trash"), (Deleted.ARCHIVE, "INBOX", "Archive"), (Deleted.ARCHIVE, "Archive", "Trash"),
            (Deleted.TRASH, "Trash", None), (Deleted.REMOVED, "INBOX", None),
        ],
    )  # fmt: skip
    async def test_what_becomes_of_deleted_mail(self, house, becomes, source, target):
        await house.fill(message(1), message(2), mailbox=source)
        house.choices.made[1] = Choice(mailbox=source, deleted=becomes)
        client = await house.signed_in()
        await client.say("DELE 2")
        assert await client.say("QUIT") == "+OK bye"
        assert len(await house.uids(mailbox=source)) == 1
        for other in {"INBOX", "Archive", "Trash"} - {source}:
            assert len(await house.uids(mailbox=other)) == (other == target)

    async def test_expire_is_announced(self, house):
        house.choices.made[2] = Choice(days=3)
        client = await house.connect()
        assert "EXPIRE 3 USER" in await client.lines("CAPA")
        await client.sign_in()
        assert "EXPIRE NEVER" in await client.lines("CAPA")

    async def test_what_was_taken_is_remembered_however_the_session_ends(self, house):
        house.choices.made[1] = Choice(days=3)
        await house.fill(*(message(n) for n in range(1, 5)))
        uids = await house.uids()
        client = await house.signed_in()
        await client.lines("RETR 1")
        await client.lines("TOP 2 100")
        client.writer.transport.abort()
        await house.until_free()
        assert await house.taken() == {uids[0]: house.now()}
        house.clock.advance(100)
        client = await house.signed_in()
        await client.lines("RETR 1")
        await client.lines("RETR 3")
        await client.say("QUIT")
        assert await client.ended()
        # The first time counts.
        assert await house.taken() == {uids[0]: house.now() - 100, uids[2]: house.now()}

    async def test_nothing_is_remembered_where_mail_stays(self, house):
        await house.fill(message(1))
        client = await house.signed_in()
        await client.lines("RETR 1")
        await client.say("QUIT")
        assert await client.ended()
        assert await house.taken() == {}

    async def test_many_are_noted_on_the_way(self, house, monkeypatch):
        monkeypatch.setattr(serving, "REMEMBER_AFTER", 2)
        house.choices.made[1] = Choice(days=3)
        await house.fill(message(1), message(2), message(3))
        client = await house.signed_in()
        for number in (1, 2, 3):
            await client.lines(f"RETR {number}")
        await client.say("NOOP")
        assert len(await house.taken()) == 2


class TestUtf8:
    """RFC 6856 §2.1."""

    RAW = "From: b@remote.test\r\nSubject: grüß dich\r\n\r\n8 bit: ä\r\n".encode()

    async def test_a_header_in_utf8_goes_as_it_is_to_who_asks(self, house):
        await house.fill(self.RAW)
        client = await house.connect()
        assert (await client.say("UTF8")).startswith("+OK")
        await client.sign_in()
        await client.say("RETR 1")
        assert b"".join(await client.rest()) == self.RAW

    async def test_and_in_ascii_to_others(self, house):
        await house.fill(self.RAW)
        client = await house.signed_in()
        await client.say("RETR 1")
        lines = await client.rest()
        assert lines[1].startswith(b"Subject: =?utf-8?")
        assert lines[-1] == "8 bit: ä\r\n".encode()


class TestLimits:
    @pytest.fixture
    def limits(self):
        return Limits(login_timeout=0.2, pop3_idle_timeout=0.3, write_timeout=0.3, connections_per_local_address=3)

    async def test_slow_to_sign_in(self, house):
        client = await house.connect()
        await client.say("USER anna")
        assert await client.ended()

    @pytest.mark.parametrize("signs_in", [False, True])
    async def test_t102_octet_by_octet_is_not_patience_without_end(self, house, signs_in):
        client = await (house.signed_in() if signs_in else house.connect())
        ended = asyncio.create_task(client.reader.read())
        while not ended.done():
            client.writer.write(b"N")
            await asyncio.sleep(0.05)
        with contextlib.suppress(ConnectionResetError):  # what was written after the end
            assert await ended == b""

    async def test_idle(self, house):
        await house.fill(message(1))
        client = await house.signed_in()
        await client.say("DELE 1")
        assert await client.ended()
        # RFC 1939 §3: no UPDATE state after a time-out.
        assert len(await house.uids()) == 1

    async def test_a_client_that_does_not_read(self, house):
        await house.fill(message(1, b"x" * 10_000_000 + b"\r\n"))
        client = await house.signed_in()
        client.writer.transport.pause_reading()
        client.writer.write(b"RETR 1\r\n" * 5)
        async with asyncio.timeout(10):
            while len(house.listener.sessions):
                await asyncio.sleep(0.02)

    async def test_too_many_connections(self, house):
        clients = [await house.connect() for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
        assert await reader.read() == b"-ERR [SYS/TEMP] too many connections\r\n"
        writer.close()
        await clients[0].say("QUIT")
        assert await clients[0].ended()
        await house.connect()

    @pytest.mark.parametrize("junk", [b"A" * 50_000, b"A" * 50_000 + b"\r\n", b"\x16\x03\x01" + b"\xff" * 30_000])
    async def test_endless_line(self, house, junk):
        client = await house.connect()
        client.writer.write(junk)
        assert (await client.line()) == b"-ERR command line too long\r\n"


class TestTls:
    @pytest.fixture
    def plain_allowed(self):
        return False

    async def test_stls(self, house, trust):
        client = await house.connect()
        assert "STLS" in await client.lines("CAPA")
        assert (await client.say(f"USER {ADDRESS}")).startswith("-ERR")
        assert (await client.say("STLS")).startswith("+OK")
        await client.start_tls(trust)
        assert "STLS" not in await client.lines("CAPA")
        assert (await client.sign_in()).startswith("+OK")
        await client.say("QUIT")

    async def test_implicit(self, house, trust):
        client = await house.connect(tls=trust)
        assert (await client.sign_in()).startswith("+OK")
        await client.say("QUIT")

    async def test_what_was_sent_ahead_of_tls_is_dropped(self, house, trust):
        """security.md T097: the plain text behind STLS must not be taken for the user's own words."""
        client = await house.connect()
        client.writer.write(b"STLS\r\nCAPA\r\nQUIT\r\n")
        assert (await client.line()).startswith(b"+OK begin")
        await client.start_tls(trust)
        # Would CAPA or QUIT have survived, this answer would not be the first.
        assert await client.say(f"USER {ADDRESS}") == "+OK name taken, send PASS"

    async def test_no_handshake(self, house):
        client = await house.connect()
        await client.say("STLS")
        client.writer.write(b"USER anna\r\n" * 10)
        async with asyncio.timeout(10):
            await client.reader.read()
            while len(house.listener.sessions):
                await asyncio.sleep(0.02)


class TestDrain:
    async def test_idle_clients_are_let_go(self, house):
        client = await house.signed_in()
        await house.listener.close(5)
        assert await client.ended()

    async def test_a_reply_under_way_is_finished(self, house, monkeypatch):
        await house.fill(message(1))
        client = await house.signed_in()
        await client.say("DELE 1")
        gate, real = asyncio.Event(), house.store.write

        async def slow(account, fn):
            gate.set()
            await asyncio.sleep(0.1)
            return await real(account, fn)

        monkeypatch.setattr(house.store, "write", slow)
        client.writer.write(b"QUIT\r\n")
        await gate.wait()
        await house.listener.close(5)
        assert await client.line() == b"+OK bye\r\n"
        assert await house.uids() == []

    async def test_stubborn_ones_are_cut(self, house):
        await house.fill(message(1, b"x" * 10_000_000 + b"\r\n"))
        client = await house.signed_in()
        client.writer.transport.pause_reading()
        client.writer.write(b"RETR 1\r\n" * 3)
        await asyncio.sleep(0.05)
        await house.listener.close(0.1)
        async with asyncio.timeout(10):
            while len(house.listener.sessions):
                await asyncio.sleep(0.02)
