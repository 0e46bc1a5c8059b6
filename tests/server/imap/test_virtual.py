"""Virtual mailboxes over real sockets: two clients, IDLE, QRESYNC, and a house that has none."""

import re
from datetime import UTC, datetime

import pytest

from server.delivery import local
from server.delivery.local import Filing
from server.store import append, virtual
from tests.fakes.clock import FakeClock
from tests.fakes.imap_house import House, message


def words(lines: list[bytes], name: bytes) -> list[bytes]:
    return [line for line in lines if re.match(rb"\* (\d+ )?" + name, line)]


async def idling(client) -> None:
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"


async def done(client) -> list[bytes]:
    client.send(b"DONE\r\n")
    return (await client.answer(b"i"))[0]


async def test_one_is_idle_on_unread_while_another_reads(house):
    first = await house.signed_in(mailbox="Unread")
    other = await house.signed_in(mailbox="INBOX")
    await idling(first)
    house.append(message("One"))
    assert await first.line() == b"* 1 EXISTS"
    house.append(message("Two"))
    assert await first.line() == b"* 2 EXISTS"
    await other.ok("NOOP")
    await other.ok("STORE 1 +FLAGS (\\Seen)")
    assert await first.line() == b"* 1 EXPUNGE"
    await other.ok("STORE 2 +FLAGS (\\Flagged)")
    assert await first.line() == b"* 1 FETCH (UID 2 FLAGS (\\Flagged))"
    await other.ok("STORE 1 -FLAGS (\\Seen)")
    assert await first.line() == b"* 2 EXISTS"
    assert await done(first) == []
    assert await first.ok("UID FETCH 1:* (FLAGS)") == [
        b"* 1 FETCH (UID 2 FLAGS (\\Flagged))",
        b"* 2 FETCH (UID 3 FLAGS ())",
    ]


async def test_many_watch_and_none_keeps_the_others_awake(house):
    """The refresh of one is news to the bus; it must be none to the next, or they would never rest."""
    clients = [await house.signed_in(mailbox=name) for name in ("All Mail", "Unread", "All Mail", "INBOX")]
    for client in clients:
        await idling(client)
    for n in range(3):
        house.append(message(f"{n}"))
    for client in clients:
        line = b""
        while line != b"* 3 EXISTS":
            line = await client.line()
    for client in clients:
        assert await done(client) == []
    modseq = house.store.read_now(house.ann, lambda r: r.raw("SELECT modseq FROM state").fetchone()[0])
    for client in clients:
        assert await client.ok("NOOP") == []
        assert await client.ok("CHECK") == []
    assert house.store.read_now(house.ann, lambda r: r.raw("SELECT modseq FROM state").fetchone()[0]) == modseq


async def test_qresync_of_a_virtual_mailbox(house):
    for n in range(4):
        house.append(message(f"{n}"), ("INBOX", "Archive")[n % 2], internaldate=datetime(2026, 11, 1 + n, tzinfo=UTC))
    client = await house.signed_in()
    await client.ok("ENABLE QRESYNC")
    lines = await client.ok("SELECT Unread")
    validity, modseq = (
        re.search(name + rb" (\d+)\]", b"\n".join(lines))[1].decode() for name in (b"UIDVALIDITY", b"HIGHESTMODSEQ")
    )
    await client.ok("UNSELECT")
    await client.ok("SELECT Archive")
    await client.ok("STORE 1 +FLAGS (\\Seen)")
    await client.ok("STORE 2 +FLAGS (work)")
    house.append(message("new"))
    lines = await client.ok(f"SELECT Unread (QRESYNC ({validity} {modseq}))")
    assert words(lines, b"VANISHED") == [b"* VANISHED (EARLIER) 2"]
    told = [re.search(rb"UID (\d+) FLAGS \((.*?)\) MODSEQ", line) for line in words(lines, b"FETCH")]
    assert [(m[1], m[2]) for m in told] == [(b"4", b"work"), (b"5", b"")]
    assert b"* 4 EXISTS" in lines
    client.send(b"x UID STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)\r\n")
    lines, status = await client.answer(b"x")
    assert status.startswith(b"OK [MODIFIED 1]")
    lines = await client.ok("UID STORE 1 +FLAGS (\\Seen)")
    assert [line.split(b" MODSEQ")[0] for line in words(lines, b"FETCH")] == [b"* 1 FETCH (UID 1 FLAGS (\\Seen)"]
    assert words(lines, b"VANISHED") == [b"* VANISHED 1"]
    await client.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
    client.send(b"y UID EXPUNGE 3\r\n")
    lines, status = await client.answer(b"y")
    assert status.startswith(b"OK [HIGHESTMODSEQ ")
    assert lines == [b"* VANISHED 3"]


async def test_search_sort_and_threads_are_those_of_any_mailbox(house):
    house.append(message("Plans", message_id="<1@x>", date="Sun, 1 Nov 2026 12:00:00 +0000"))
    house.append(
        message("Re: Plans", "Agreed.\r\n", message_id="<2@x>", in_reply_to="<1@x>"), "Sent", flags=("\\Seen",)
    )
    house.append(message("Other", "Agreed too.\r\n", message_id="<3@x>"), "Archive")
    client = await house.signed_in(mailbox="All Mail")
    lines = await client.ok("UID FETCH 1:* (ENVELOPE)")
    uid = {re.search(rb'"(Plans|Re: Plans|Other)"', line)[1]: re.search(rb"UID (\d+)", line)[1] for line in lines}
    plans, reply, other = uid[b"Plans"], uid[b"Re: Plans"], uid[b"Other"]
    assert set((await client.ok("UID SEARCH BODY agreed"))[0].split()[2:]) == {reply, other}
    assert (await client.ok("UID SORT (SUBJECT) UTF-8 ALL"))[0].split()[2:] == [other, plans, reply]
    threads = (await client.ok("UID THREAD REFERENCES UTF-8 ALL"))[0]
    assert b"(%b %b)" % (plans, reply) in threads
    assert b"(%b)" % other in threads


async def test_status_is_what_it_says_at_once(house):
    client = await house.signed_in()
    for n in range(3):
        house.append(message(f"{n}"))
        lines = await client.ok('STATUS "All Mail" (MESSAGES UNSEEN UIDNEXT MAILBOXID)')
        assert re.fullmatch(
            rb'\* STATUS "All Mail" \(MESSAGES %d UNSEEN %d UIDNEXT %d MAILBOXID \(F\d+\)\)' % (n + 1, n + 1, n + 2),
            lines[0],
        )
    lines = await client.ok('LIST (SUBSCRIBED) "" * RETURN (STATUS (MESSAGES))')
    assert not [line for line in lines if b"All Mail" in line], "listed, not subscribed"
    house.append(message("last"))
    lines = await client.ok('LIST "" (Un% All%) RETURN (STATUS (MESSAGES))')
    assert lines[1::2] == [b'* STATUS "All Mail" (MESSAGES 4)', b'* STATUS "Unread" (MESSAGES 4)']


async def test_examine_changes_nothing(house):
    house.append(message())
    client = await house.signed_in()
    await client.ok("EXAMINE Unread")
    assert b"NO [READ-ONLY]" in (await client.ask("STORE 1 +FLAGS (\\Seen)"))[1]
    await client.ok("FETCH 1 BODY[]")
    assert await client.ok("NOOP") == []
    await client.ok("CLOSE")
    await client.ok("SELECT Unread")
    await client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await client.ok("CLOSE")
    assert await client.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)']


async def test_replace_in_a_virtual_mailbox(house):
    house.append(message("Draft 1"), "Drafts", flags=("\\Seen",))
    client = await house.signed_in(mailbox="All Mail")
    raw = message("Draft 2")
    lines, status = await client.ask(b"REPLACE 1 Drafts (\\Seen) {%d+}\r\n%b" % (len(raw), raw))
    assert status.startswith(b"OK")
    assert lines[0].startswith(b"* OK [APPENDUID ")
    assert lines[1:] == [b"* 1 EXPUNGE", b"* 1 EXISTS"]
    assert (await client.ask(b"REPLACE 1 Flagged {%d+}\r\n%b" % (len(raw), raw)))[1].startswith(b"NO [CANNOT]")


async def test_a_search_of_several_mailboxes_finds_them_up_to_date(house):
    client = await house.signed_in()
    await client.ok('LIST "" *')
    house.append(message("Plans"), flags=("work",))
    await client.ok('LIST "" *')
    lines = await client.ok('ESEARCH IN (mailboxes ("All Mail" Labels Labels/work Flagged)) SUBJECT plans')
    assert [re.search(rb'MAILBOX "(.*?)"', line)[1] for line in lines] == [b"All Mail", b"Labels/work"]


async def test_who_is_notified_hears_of_virtual_mailboxes(house):
    client = await house.signed_in()
    await client.ok('LIST "" *')
    house.append(message())
    lines = await client.ok(
        "NOTIFY SET STATUS (mailboxes (Unread Archive) (MessageNew MessageExpunge FlagChange)) (selected none)"
    )
    assert any(line.startswith(b'* STATUS "Unread"') and b"MESSAGES 1 " in line for line in lines)
    other = await house.signed_in(mailbox="INBOX")
    house.append(message())
    line = await client.line()
    assert line.startswith(b'* STATUS "Unread"')
    assert b"MESSAGES 2" in line
    await other.ok("STORE 1 +FLAGS (\\Seen)")
    line = await client.line()
    assert line.startswith(b'* STATUS "Unread"')
    assert b"MESSAGES 1" in line


@pytest.fixture
async def plain(tmp_path):
    running = await House(tmp_path, virtual_mailboxes=False).start()
    yield running
    await running.stop()


async def test_a_house_without_them(plain, tmp_path):
    client = await plain.signed_in()
    assert len(await client.ok('LIST "" *')) == 6
    assert (await client.ask("SELECT Unread"))[1].startswith(b"NO [NONEXISTENT]")
    await client.ok("CREATE Unread")


async def test_they_go_when_the_house_has_none_any_more(plain):
    plain.append(message())
    plain.store.write_now(plain.ann, lambda w: virtual.arrange(w, wanted=True))
    client = await plain.signed_in(mailbox="All Mail")
    assert await client.ok("UID SEARCH ALL") == [b"* SEARCH 1"]
    lines = await client.ok('LIST "" *')
    assert b"* BYE The mailbox was deleted" in lines, "and whoever has one open must select something else"
    assert len(words(lines, b"LIST")) == 6
    other = await plain.signed_in()
    assert (await other.ask('SELECT "All Mail"'))[1].startswith(b"NO [NONEXISTENT]")
    assert await other.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 1)']


async def test_nothing_is_delivered_into_one(house):
    client = await house.signed_in()
    await client.ok('LIST "" *')
    now = FakeClock().now()
    filing = Filing(append.prepare(message()), "All Mail", junk=False, flags=(), internaldate=now, envelope_id=None)
    await local.file(house.store, house.ann, filing)
    assert await client.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 1)']


async def test_a_label_can_be_selected_before_it_is_listed(house):
    house.append(message(), flags=("work",))
    client = await house.signed_in()
    assert b"* 1 EXISTS" in await client.ok("SELECT Labels/work")
    assert (await client.ask("STATUS Labels (MESSAGES)"))[1].startswith(b"NO [NONEXISTENT]")
    assert (await client.ask("SELECT Labels/none"))[1].startswith(b"NO [NONEXISTENT]")


async def test_notify_says_of_a_name_what_list_says(house):
    """RFC 5465 §5.4: the attributes of a new mailbox; §6.2: STATUS is of what can be selected."""
    house.append(message("One"))
    client, other = await house.signed_in(), await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS (work)")
    await client.ok("NOTIFY SET (personal (MailboxName))")
    listed = words(await other.ok('LIST "" "*"'), b"LIST")
    told = [await client.line() for _ in range(5)]
    assert set(told) <= set(listed)
    assert rb'* LIST (\HasChildren \Noselect) "/" "Labels"' in told
    assert rb'* LIST (\HasNoChildren \Noinferiors) "/" "Labels/work"' in told
    counted = await client.ok("NOTIFY SET STATUS (personal (MessageNew MessageExpunge))")
    assert b'* STATUS "Labels/work" ' in b"\n".join(counted)
    assert not any(line.startswith(b'* STATUS "Labels" ') for line in counted)
