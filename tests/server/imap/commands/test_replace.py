"""REPLACE over real sockets; the dialogue itself is tests/transcripts/imap/replace.txt."""

import re

from server.store import quota
from tests.fakes.imap_house import House, message


def literal(raw):
    return b"{%d+}\r\n" % len(raw) + raw


async def test_the_examples_of_rfc_8508(house):
    for subject in ("a", "b", "c", "draft"):
        house.append(message(subject), "Drafts")
    client = await house.signed_in(mailbox="Drafts")
    lines, status = await client.ask(b"REPLACE 4 Drafts (\\Seen \\Draft) " + literal(message("draft 2")))
    assert re.match(rb"\* OK \[APPENDUID [0-9]+ 5\] ", lines[0])
    assert lines[1:] == [b"* 4 EXPUNGE", b"* 4 EXISTS", b"* 1 RECENT"]
    assert status.startswith(b"OK")
    lines, _ = await client.ask(b"UID REPLACE 5 Drafts " + literal(message("draft 3")))
    assert lines[1:] == [b"* 4 EXPUNGE", b"* 4 EXISTS"]
    (line,) = await client.ok("UID SEARCH ALL")
    assert line == b"* SEARCH 1 2 3 6"


async def test_a_message_that_somebody_else_removed(house):
    house.append(message("old"))
    client, other = await house.signed_in(mailbox="INBOX"), await house.signed_in(mailbox="INBOX")
    await other.ok("UID MOVE 1 Trash")
    lines, status = await client.ask(b"REPLACE 1 INBOX " + literal(message("new")))
    assert status.startswith(b"NO [EXPUNGEISSUED]")
    assert lines == [b"* 1 EXPUNGE"]
    assert await client.ok("UID SEARCH ALL") == [b"* SEARCH"]


async def test_two_clients_replace_the_same_message(house):
    """One of them wins; there is one message afterwards, never none and never two."""
    house.append(message("old"))
    clients = [await house.signed_in(mailbox="INBOX") for _ in range(4)]
    for number, client in enumerate(clients):
        client.send(b"x UID REPLACE 1 INBOX " + literal(message(f"new {number}")) + b"\r\n")
    ends = [(await client.answer(b"x"))[1][:2] for client in clients]
    assert sorted(ends) == [b"NO"] * 3 + [b"OK"]
    (line,) = await clients[0].ok("STATUS INBOX (MESSAGES)")
    assert line == b'* STATUS "INBOX" (MESSAGES 1)'


async def test_at_a_full_quota_only_the_difference_counts(house):
    raw = message(body="x" * 5000)
    house.append(raw)
    house.store.write_now(house.ann, lambda w: quota.set_limit(w, len(raw)))
    client = await house.signed_in(mailbox="INBOX")
    _, status = await client.ask(b"APPEND INBOX " + literal(message()))
    assert status.startswith(b"NO [OVERQUOTA]")
    await client.ok(b"REPLACE 1 INBOX " + literal(message(body="y" * 5000)))
    lines, status = await client.ask(b"REPLACE 1 INBOX " + literal(message(body="y" * 5001)))
    assert (lines, status[:14]) == ([], b"NO [OVERQUOTA]")


async def test_with_qresync_it_is_as_a_uid_expunge(house):
    """RFC 8508 §4.5, RFC 7162 §3.2.9 and §3.2.10."""
    house.append(message("old"))
    client = await house.signed_in()
    await client.ok("ENABLE QRESYNC")
    await client.ok("SELECT INBOX")
    lines, status = await client.ask(b"UID REPLACE 1 INBOX " + literal(message("new")))
    assert lines[1:] == [b"* VANISHED 1", b"* 1 EXISTS", b"* 1 RECENT"]
    assert status.startswith(b"OK [HIGHESTMODSEQ ")


async def test_the_limits_of_append_hold(tmp_path):
    house = await House(tmp_path, message_size_limit=2_000_000).start()
    try:
        house.append(message("old"))
        client = await house.signed_in(mailbox="INBOX")
        for form in (b"REPLACE 1", b"UID REPLACE 1"):
            _, status = await client.ask(form + b" INBOX {2000001}")
            assert status.startswith(b"NO [TOOBIG]")
            _, status = await client.ask(form + b" INBOX {0+}\r\n")
            assert status == b"NO Cancelled"
        large = message(body="z" * 1_900_000)
        each = house.services.uploads._each
        others = [await house.signed_in(mailbox="INBOX") for _ in range(each)]
        for other in others:
            other.send(b"a UID REPLACE 1 INBOX {%d+}\r\n" % len(large))
        while house.services.uploads._busy[house.ann] < each:
            await client.ok("NOOP")
        client.send(b"b REPLACE 1 INBOX {%d}\r\n" % len(large))
        others[0].send(large + b"\r\n")
        assert (await others[0].answer(b"a"))[1].startswith(b"OK")
        assert await client.line() == b"+ Ready"
    finally:
        await house.stop()


async def test_it_belongs_to_the_selected_state(house):
    client = await house.signed_in()
    _, status = await client.ask(b"REPLACE 1 INBOX " + literal(message()))
    assert status.startswith(b"BAD")
