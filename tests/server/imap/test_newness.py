r"""\Recent (RFC 3501 §2.3.2, §6.3.1, §7.3.2): one session is the first to be told of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.newness import Heard, Recent
from server.store import mailboxes, recent
from tests.fakes.imap_house import message

RECENT = rb"\Recent"


def counted(lines):
    return [line for line in lines if line.endswith(b" RECENT")]


async def test_the_first_session_hears_that_it_is_new(house):
    house.append(message(), is_recent=True)
    house.append(message(), flags=("\\Seen",), is_recent=True)
    first, second = await house.signed_in(), await house.signed_in()
    assert await first.ok("STATUS INBOX (RECENT)") == [b'* STATUS "INBOX" (RECENT 2)']
    assert counted(await first.ok("SELECT INBOX")) == [b"* 2 RECENT"]
    assert counted(await second.ok("SELECT INBOX")) == [b"* 0 RECENT"]
    assert await first.ok("FETCH 1:2 FLAGS") == [
        b"* 1 FETCH (FLAGS (\\Recent))",
        b"* 2 FETCH (FLAGS (\\Recent \\Seen))",
    ]
    assert await first.ok("FETCH 1 (UID FLAGS INTERNALDATE)") != await second.ok("FETCH 1 (UID FLAGS INTERNALDATE)")
    assert await second.ok("FETCH 1:2 FLAGS") == [b"* 1 FETCH (FLAGS ())", b"* 2 FETCH (FLAGS (\\Seen))"]
    for key, found in (
        ("RECENT", b" 1 2"),
        ("NEW", b" 1"),
        ("OLD", b""),
        ("NOT RECENT", b""),
        ("OR NEW SEEN", b" 1 2"),
    ):
        assert await first.ok(f"SEARCH {key}") == [b"* SEARCH" + found]
    assert await second.ok("SEARCH OLD") == [b"* SEARCH 1 2"]
    assert await first.ok("STORE 1 +FLAGS (\\Flagged)") == [b"* 1 FETCH (FLAGS (\\Flagged \\Recent))"]
    assert b"* 1 FETCH (UID 1 FLAGS (\\Flagged))" in await second.ok("NOOP")
    assert await first.ok("STATUS INBOX (RECENT)") == [b'* STATUS "INBOX" (RECENT 0)']


async def test_examine_takes_nothing_away(house):
    house.append(message(), is_recent=True)
    client = await house.signed_in()
    for _ in range(2):
        assert counted(await client.ok("EXAMINE INBOX")) == [b"* 1 RECENT"]
        assert await client.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS (\\Recent))"]
    assert counted(await client.ok("SELECT INBOX")) == [b"* 1 RECENT"]
    assert counted(await client.ok("SELECT INBOX")) == [b"* 0 RECENT"]


async def test_what_comes_is_recent_where_it_is_heard_of_first(house):
    one, two = await house.signed_in(mailbox="INBOX"), await house.signed_in(mailbox="INBOX")
    house.append(message(), is_recent=True)
    told = [await one.ok("NOOP"), await two.ok("NOOP")]
    assert [b"* 1 EXISTS" in lines for lines in told] == [True, True]
    assert sorted(len(counted(lines)) for lines in told) == [0, 1]
    lines = await one.ok("UID COPY 1 INBOX")
    assert b"* 2 EXISTS" in lines
    await one.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await one.ok("EXPUNGE")
    assert await one.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS (\\Recent))"]


async def test_imap4rev2_knows_nothing_of_it(house):
    house.append(message(), is_recent=True)
    client = await house.signed_in()
    await client.ok("ENABLE IMAP4REV2")
    assert counted(await client.ok("SELECT INBOX")) == []
    assert await client.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS ())"]


async def test_it_is_written_down_at_the_end_of_a_session(house):
    house.append(message(), is_recent=True)
    client = await house.signed_in(mailbox="INBOX")
    client.send(b"a LOGOUT\r\n")
    while await client.line():
        pass
    box = house.store.read_now(house.ann, lambda r: mailboxes.by_name(r, "INBOX").id)
    assert house.store.read_now(house.ann, lambda r: recent.first(r, box)) == 2
    house.services.heard._first.clear()  # as a start of the program does
    assert counted(await (await house.signed_in()).ok("SELECT INBOX")) == [b"* 0 RECENT"]


def test_a_mailbox_that_goes_takes_it_along(house_store):
    store, account = house_store

    def act(w):
        box = mailboxes.create(w, "Short")
        recent.keep(w, box.id, 5)
        recent.keep(w, box.id, 3)
        kept = recent.first(w, box.id)
        mailboxes.delete(w, "Short")
        recent.keep(w, box.id, 9)
        return kept, recent.first(w, box.id)

    assert store.write_now(account, act) == (5, 1)


@pytest.fixture
def house_store(house):
    return house.store, house.ann


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=30))
def test_no_message_is_recent_twice(looks):
    """Sessions of one process that look in any order, while mail keeps coming."""
    heard, uidnext = Heard(), 1
    sessions = [Recent(1) for _ in range(4)]
    for who, more in looks:
        uidnext += more
        view = sessions[who]
        first = heard.claim((1, 1), view.through, uidnext)
        view.add(first, uidnext, uidnext - first)
        view.through = uidnext
    owners = [[uid for uid in range(1, uidnext) if uid in view] for view in sessions]
    assert [view.number for view in sessions] == [len(uids) for uids in owners]
    last = max((view.through for view in sessions), default=1)
    assert sorted(uid for uids in owners for uid in uids) == list(range(1, last))
