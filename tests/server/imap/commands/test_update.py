"""UPDATE over real sockets (RFC 5267 §4.3)."""

import pytest

from server.imap import result_context
from tests.fakes.imap_house import message


async def test_there_are_so_many_and_cancelling_makes_room(house):
    client = await house.signed_in(mailbox="INBOX")
    for _ in range(result_context.CONTEXTS):
        (line,) = await client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL")
        assert line.endswith(b" COUNT 0")
    refused, found = await client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL")
    assert refused.startswith(b"* NO [NOUPDATE ")
    assert found.endswith(b" COUNT 0")
    await client.ok('CANCELUPDATE "t3" "t4"')
    assert len(await client.ok("UID SEARCH RETURN (UPDATE COUNT) ALL")) == 1
    house.append(message())
    lines = await client.ok("NOOP")
    assert len([line for line in lines if b" ADDTO (0 1)" in line]) == result_context.CONTEXTS - 1


async def test_a_result_that_is_too_large_is_not_followed(house, monkeypatch):
    monkeypatch.setattr(result_context, "RESULTS", 1)
    monkeypatch.setattr("server.imap.commands.update.RESULTS", 1)
    for n in range(2):
        house.append(message(f"{n}"))
    client = await house.signed_in(mailbox="INBOX")
    refused, _ = await client.ok("UID SEARCH RETURN (UPDATE ALL) ALL")
    assert refused.startswith(b"* NO [NOUPDATE ")


async def test_idle_tells_it_and_another_selection_ends_it(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("UID SORT RETURN (UPDATE ALL) (REVERSE ARRIVAL) UTF-8 UNSEEN")
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"
    house.append(message("One"))
    assert await client.line() == b"* 1 EXISTS"
    assert (await client.line()).endswith(b") UID ADDTO (1 1)")
    other = await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS (\\Seen)")
    assert (await client.line()).startswith(b"* 1 FETCH (UID 1 FLAGS (\\Seen)")
    assert (await client.line()).endswith(b") UID REMOVEFROM (1 1)")
    client.send(b"DONE\r\n")
    assert (await client.line()).startswith(b"i OK")
    await client.ok("SELECT INBOX")
    house.append(message("Two"))
    assert await client.ok("NOOP") == [b"* 2 EXISTS"]


@pytest.mark.parametrize("enable", ["QRESYNC", "CONDSTORE"])
async def test_what_is_expunged_is_removed_before_it_is_told(house, enable):
    house.append(message("One"))
    client = await house.signed_in()
    await client.ok(f"ENABLE {enable}")
    await client.ok("SELECT INBOX")
    await client.ok("SEARCH RETURN (UPDATE ALL) ALL")
    await client.ok("STORE 1 +FLAGS (\\Deleted)")
    removed, gone, *_ = await client.ok("EXPUNGE")
    assert removed.endswith(b") REMOVEFROM (0 1)")
    assert gone == (b"* VANISHED 1" if enable == "QRESYNC" else b"* 1 EXPUNGE")


async def test_notify_tells_first_what_leaves_a_result(house):
    """RFC 5465 §3.1 has NOTIFY tell of what has gathered; RFC 5267 §4.3.4 has REMOVEFROM before the expunge."""
    for subject in ("One", "Two"):
        house.append(message(subject))
    client, other = await house.signed_in(mailbox="INBOX"), await house.signed_in(mailbox="INBOX")
    await client.ok("SEARCH RETURN (UPDATE ALL) ALL")
    await other.ok("STORE 1 +FLAGS (\\Deleted)")
    await other.ok("EXPUNGE")
    removed, gone = await client.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
    assert removed.endswith(b") REMOVEFROM (0 1)")
    assert gone == b"* 1 EXPUNGE"
    house.append(message("Three"))
    assert await client.line() == b"* 2 EXISTS"
    assert (await client.line()).endswith(b") ADDTO (0 2)")


async def test_large_results_are_told_alike(house, monkeypatch):
    """They are gone through on another thread."""
    monkeypatch.setattr(result_context, "LARGE", 1)
    for subject in ("One", "Two"):
        house.append(message(subject))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 UNDELETED")
    house.append(message("Three"))
    come, added = await client.ok("NOOP")
    assert come == b"* 3 EXISTS"
    assert added.endswith(b") ADDTO (2 3)")
    lines = [*await client.ok("STORE 2 +FLAGS (\\Deleted)"), *await client.ok("NOOP"), *await client.ok("EXPUNGE")]
    assert [line.partition(b") ")[2] for line in lines if b"ESEARCH" in line] == [b"REMOVEFROM (1 2)"]
    assert b"* 2 EXPUNGE" in lines
