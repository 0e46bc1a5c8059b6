"""What random clients at one mailbox found (tests/stress): changes that a client would never have heard of."""

import re

from server.imap.handler import Context
from server.notify.local import LocalBus
from server.store import expunge
from tests.fakes.imap_house import message


async def two(house, *, enable="", messages=3):
    for number in range(messages):
        house.append(message(f"Letter {number}"))
    ours, theirs = await house.signed_in(), await house.signed_in(mailbox="INBOX")
    if enable:
        await ours.ok(f"ENABLE {enable}")
    opened = await ours.ok("SELECT INBOX")
    return ours, theirs, opened


def told(lines, pattern):
    return [match for line in lines if (match := re.fullmatch(pattern, line))]


async def test_what_a_silent_store_covers_up_is_told(house):
    ours, theirs, _ = await two(house)
    await theirs.ok("STORE 1 +FLAGS (\\Seen)")
    lines = await ours.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert lines == [b"* 1 FETCH (UID 1 FLAGS (\\Flagged \\Seen))"]
    # What nobody else touched stays silent.
    assert await ours.ok("STORE 2 +FLAGS.SILENT (\\Flagged)") == []
    assert await ours.ok("NOOP") == []


async def test_a_client_that_keeps_modseqs_can_come_back_after_every_fetch(house):
    """Message 1 is gone at a lower mod-sequence than what FETCH tells of message 2, and may not be told (RFC 7162 §1)."""
    ours, theirs, opened = await two(house, enable="QRESYNC")
    (highest,) = told(opened, rb"\* OK \[HIGHESTMODSEQ (\d+)\].*")
    await theirs.ok("STORE 1 +FLAGS (\\Deleted)")
    await theirs.ok("EXPUNGE")
    await theirs.ok("STORE 1 +FLAGS (\\Seen)")
    lines = await ours.ok("FETCH 2 (FLAGS MODSEQ)")
    (held,) = told(lines, rb"\* OK \[HIGHESTMODSEQ (\d+)\].*")
    assert int(held[1]) <= int(highest[1])
    assert await ours.ok("NOOP") == [b"* VANISHED 1"]


async def test_modseqs_are_told_with_all_that_came_before_them(house, monkeypatch):
    """The word of another process may be late; what FETCH and STORE tell is not ahead of the rest."""
    ours, theirs, _ = await two(house, enable="CONDSTORE")
    monkeypatch.setattr(LocalBus, "_wake", lambda *_: None)
    await theirs.ok("STORE 3 +FLAGS (\\Seen)")
    lines = await ours.ok("FETCH 1 (MODSEQ)")
    assert told(lines, rb"\* 3 FETCH \(UID 3 FLAGS \(\\Seen\) MODSEQ .*")
    await theirs.ok("STORE 2 +FLAGS (\\Seen)")
    lines = await ours.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
    assert told(lines, rb"\* 2 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ .*")


async def test_resynchronising_names_what_is_expunged_at_the_same_moment(house, monkeypatch):
    ours, theirs, opened = await two(house, enable="QRESYNC")
    (validity,) = told(opened, rb"\* OK \[UIDVALIDITY (\d+)\].*")
    (highest,) = told(opened, rb"\* OK \[HIGHESTMODSEQ (\d+)\].*")
    await ours.ok("UNSELECT")
    house.append(message("New"))
    load_view = Context.load_view

    async def late(ctx):
        house.store.write_now(house.ann, lambda w: expunge.remove(w, ctx.view.mailbox_id, [4]))
        return await load_view(ctx)

    monkeypatch.setattr(Context, "load_view", late)
    lines = await ours.ok(f"SELECT INBOX (QRESYNC ({validity[1].decode()} {highest[1].decode()}))")
    assert b"* 4 EXISTS" in lines
    assert told(lines, rb"\* 4 FETCH \(UID 4 .*")
    monkeypatch.undo()
    assert await ours.ok("NOOP") == [b"* VANISHED 4"]
    assert theirs


async def test_an_expunge_is_not_ahead_of_flags_that_were_not_wanted(house):
    """RFC 7162 §3.2.7 names the highest mod-sequence; a client that comes back with it must hear of the flags (RFC 5465 §5)."""
    ours, theirs, opened = await two(house, enable="QRESYNC")
    (validity,) = told(opened, rb"\* OK \[UIDVALIDITY (\d+)\].*")
    await ours.ok("NOTIFY SET (selected (MessageNew MessageExpunge))")
    await ours.ok("STORE 1 +FLAGS (\\Deleted)")
    await theirs.ok("STORE 2 +FLAGS (\\Seen)")
    lines, answer = await ours.ask("EXPUNGE")
    assert b"* VANISHED 1" in lines
    named = re.match(rb"OK \[HIGHESTMODSEQ (\d+)\]", answer)
    await ours.ok("UNSELECT")
    resumed = await ours.ok(f"SELECT INBOX (QRESYNC ({validity[1].decode()} {named[1].decode()}))")
    assert told(resumed, rb"\* 1 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ .*")


async def test_an_expunge_names_the_highest_where_everything_is_told(house):
    ours, theirs, _ = await two(house, enable="QRESYNC")
    await ours.ok("STORE 1 +FLAGS (\\Deleted)")
    await theirs.ok("STORE 2 +FLAGS (\\Seen)")
    lines, answer = await ours.ask("EXPUNGE")
    assert b"* VANISHED 1" in lines
    (status,) = await ours.ok("STATUS INBOX (HIGHESTMODSEQ)")
    assert status == b'* STATUS "INBOX" (HIGHESTMODSEQ %b)' % re.match(rb"OK \[HIGHESTMODSEQ (\d+)\]", answer)[1]


async def test_closing_is_not_ahead_of_what_was_never_told(house, monkeypatch):
    ours, theirs, opened = await two(house, enable="QRESYNC")
    (validity,) = told(opened, rb"\* OK \[UIDVALIDITY (\d+)\].*")
    await ours.ok("STORE 1 +FLAGS (\\Deleted)")
    monkeypatch.setattr(LocalBus, "_wake", lambda *_: None)
    await theirs.ok("STORE 2 +FLAGS (\\Seen)")
    _, answer = await ours.ask("CLOSE")
    named = re.match(rb"OK \[HIGHESTMODSEQ (\d+)\]", answer)
    resumed = await ours.ok(f"SELECT INBOX (QRESYNC ({validity[1].decode()} {named[1].decode()}))")
    assert b"* VANISHED (EARLIER) 1" in resumed
    assert told(resumed, rb"\* 1 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ .*")


async def test_closing_names_the_highest_where_everything_was_told(house):
    ours, _, _ = await two(house, enable="QRESYNC")
    await ours.ok("STORE 1 +FLAGS (\\Deleted)")
    _, answer = await ours.ask("CLOSE")
    (status,) = await ours.ok("STATUS INBOX (HIGHESTMODSEQ)")
    assert status == b'* STATUS "INBOX" (HIGHESTMODSEQ %b)' % re.match(rb"OK \[HIGHESTMODSEQ (\d+)\]", answer)[1]


async def test_the_modseq_of_a_search_is_told_with_all_that_came_before_it(house, monkeypatch):
    ours, theirs, _ = await two(house, enable="CONDSTORE")
    monkeypatch.setattr(LocalBus, "_wake", lambda *_: None)
    await theirs.ok("STORE 2 +FLAGS (\\Seen)")
    lines = await ours.ok("UID SEARCH MODSEQ 1")
    assert told(lines, rb"\* SEARCH 1 2 3 \(MODSEQ \d+\)")
    assert told(lines, rb"\* 2 FETCH \(UID 2 FLAGS \(\\Seen\) MODSEQ .*")


async def test_modseqs_cost_no_second_look_where_nothing_has_changed(house, monkeypatch):
    ours, _, _ = await two(house, enable="CONDSTORE")
    await ours.ok("FETCH 1 (MODSEQ)")
    reads = []
    read = house.store.read

    async def counted(account, fn):
        reads.append(account)
        return await read(account, fn)

    monkeypatch.setattr(house.store, "read", counted)
    await ours.ok("FETCH 1:3 (FLAGS MODSEQ)")
    await ours.ok("FETCH 1:3 (MODSEQ ENVELOPE)")
    assert len(reads) == 2
