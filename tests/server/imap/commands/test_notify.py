"""NOTIFY over real sockets: what comes without a command, from other clients and other processes (RFC 5465)."""

import asyncio

import pytest

from server.config import Limits
from server.db.errors import DatabaseBusy
from server.imap import watch
from server.imap.commands import listening
from server.notify.bus import LocalBus
from server.store import append, mailboxes
from server.store.store import Store
from tests.fakes.imap_house import House, message

BOTH = "MessageNew MessageExpunge"


@pytest.fixture
async def hurried(tmp_path, monkeypatch):
    """A house in which half a minute is a moment."""
    monkeypatch.setattr(listening, "LOOK", 0.05)
    running = await House(tmp_path, limits=Limits(imap_idle_timeout=0.5)).start()
    yield running
    await running.stop()


async def test_what_another_process_does_is_told(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok(f"NOTIFY SET (selected ({BOTH})) (personal ({BOTH}))")
    bus = LocalBus(house.settings.run_dir, asyncio.get_running_loop())
    store = Store(house.settings, bus, house.clock)
    ready = append.prepare(message())
    try:
        for name in ("Drafts", "INBOX"):
            await store.write(house.ann, lambda w, name=name: append.append(w, mailboxes.by_name(w, name).id, ready))
            expected = b"* 1 EXISTS" if name == "INBOX" else b'* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)'
            assert await client.line() == expected
    finally:
        store.close()
        bus.close()


async def test_a_lost_wake_is_made_up_for(hurried, monkeypatch):
    client = await hurried.signed_in(mailbox="INBOX")
    await client.ok(f"NOTIFY SET (selected ({BOTH})) (mailboxes Drafts ({BOTH}))")
    monkeypatch.setattr(hurried.bus, "publish", lambda *_: None)
    hurried.append(message(), "Drafts")
    assert await client.line() == b'* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)'
    hurried.append(message())
    assert await client.line() == b"* 1 EXISTS"


async def test_whoever_only_listens_is_sent_away_some_time(hurried):
    client = await hurried.signed_in()
    await client.ok(f"NOTIFY SET (personal ({BOTH}))")
    assert (await client.line()).startswith(b"* BYE Too long")


async def test_vanished_and_mod_sequences(house):
    house.append(message("One"))
    client = await house.signed_in()
    await client.ok("ENABLE QRESYNC IMAP4rev2")
    await client.ok("SELECT INBOX")
    await client.ok(f'NOTIFY SET (selected ({BOTH} FlagChange)) (mailboxes "台北" ({BOTH}))')
    other = await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    line = await client.line()
    assert line.startswith(b"* 1 FETCH (UID 1 FLAGS (\\Deleted) MODSEQ (")
    await other.ok("EXPUNGE")
    assert await client.line() == b"* VANISHED 1"
    ready = append.prepare(message())
    await house.store.write(house.ann, lambda w: append.append(w, mailboxes.create(w, "台北").id, ready))
    line = await client.line()
    assert line.startswith('* STATUS "台北" (UIDVALIDITY '.encode())
    assert b" UIDNEXT 2 MESSAGES 1 HIGHESTMODSEQ " in line


async def test_of_its_own_messages_a_client_hears_the_number_only(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("NOTIFY SET (selected (MessageNew (UID PREVIEW) MessageExpunge))")
    raw = message()
    lines = await client.ok(b"APPEND INBOX {%d+}\r\n%b" % (len(raw), raw))
    assert lines == [b"* 1 EXISTS", b"* 1 RECENT"]
    house.append(message("Two"))
    assert await client.line() == b"* 2 EXISTS"
    assert await client.line() == b'* 2 FETCH (UID 2 PREVIEW "Some words.")'
    assert await client.ok("UID COPY 1:2 INBOX") == [b"* 4 EXISTS", b"* 3 RECENT"]
    house.append(message("Three"))
    assert await client.line() == b"* 5 EXISTS"
    assert (await client.line()).startswith(b"* 5 FETCH (UID 5 ")
    assert await client.ok("UID FETCH 2 (FLAGS)") == [b"* 2 FETCH (UID 2 FLAGS ())"]  # nothing was marked as seen


async def test_idle_tells_the_same_and_what_was_delayed(house):
    for n in range(2):
        house.append(message(f"{n}"))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok(f"NOTIFY SET (selected-delayed ({BOTH})) (mailboxes Drafts ({BOTH}))")
    other = await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await other.ok("EXPUNGE")
    house.append(message("New"))
    assert await client.line() == b"* 3 EXISTS"
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"
    assert await client.line() == b"* 1 EXPUNGE"
    house.append(message(), "Drafts")
    assert await client.line() == b'* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)'
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    await other.ok("EXPUNGE")
    assert await client.line() == b"* 1 EXPUNGE"
    client.send(b"DONE\r\n")
    assert (await client.line()).startswith(b"i OK")


async def test_noop_tells_all_of_it_before_its_answer(house):
    client = await house.signed_in()
    await client.ok(f"NOTIFY SET (personal ({BOTH}))")
    client.send(b"a NOOP\r\n")
    await client.answer(b"a")
    other = await house.signed_in()
    raw = message()
    async with asyncio.timeout(10):
        await other.ok(b"APPEND Drafts {%d+}\r\n%b" % (len(raw), raw))
        lines = await client.ok("NOOP")
    assert lines == [b'* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)']


async def test_its_own_expunges_are_told_to_a_client_that_wants_no_news(house):
    for n in range(3):
        house.append(message(f"{n}"))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("NOTIFY NONE")
    await client.ok("STORE 2 +FLAGS (\\Deleted)")
    assert await client.ok("EXPUNGE") == [b"* 2 EXPUNGE"]
    house.append(message("Late"))
    assert await client.ok("NOOP") == []
    assert await client.ok("SELECT INBOX") != []
    assert await client.ok("UID SEARCH ALL") == [b"* SEARCH 1 3 4"]


async def test_flags_that_were_not_wanted_are_told_once_they_are(house):
    for n in range(2):
        house.append(message(f"{n}"))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok(f"NOTIFY SET (selected ({BOTH}))")
    other = await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS (\\Seen)")
    house.append(message("Three"))
    assert await client.line() == b"* 3 EXISTS"
    assert await client.ok(f"NOTIFY SET (selected ({BOTH} FlagChange))") == [b"* 1 FETCH (UID 1 FLAGS (\\Seen))"]


async def test_too_many_mailboxes_are_refused_and_given_up(house, monkeypatch):
    monkeypatch.setattr(watch, "WATCHED", 6)
    client = await house.signed_in()
    await client.ok(f"NOTIFY SET (personal ({BOTH} MailboxName))")
    other = await house.signed_in()
    await other.ok("CREATE more")
    assert (await client.line()).startswith(b"* OK [NOTIFICATIONOVERFLOW] ")
    _, answer = await client.ask(f"NOTIFY SET (personal ({BOTH}))")
    assert answer.startswith(b"NO [NOTIFICATIONOVERFLOW] ")
    house.append(message(), "more")
    assert await client.ok("NOOP") == []


async def test_a_mailbox_that_is_left_is_watched_again(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok(f"NOTIFY SET (personal ({BOTH}))")
    house.append(message())
    house.append(message(), "Drafts")
    assert await client.line() == b'* STATUS "Drafts" (UIDNEXT 2 MESSAGES 1)'
    await client.ok("UNSELECT")
    assert await client.line() == b'* STATUS "INBOX" (UIDNEXT 2 MESSAGES 1)'


async def test_a_deleted_mailbox_ends_the_connection_that_has_it_open(house):
    other = await house.signed_in()
    await other.ok("CREATE doomed")
    client = await house.signed_in(mailbox="doomed")
    await client.ok(f"NOTIFY SET (selected ({BOTH}))")
    await other.ok("DELETE doomed")
    assert await client.line() == b"* BYE The mailbox was deleted"


async def test_a_store_that_is_busy_once_loses_nothing(hurried, monkeypatch):
    client = await hurried.signed_in()
    await client.ok(f"NOTIFY SET (personal ({BOTH}))")
    failed = asyncio.Event()
    look = watch.Watch.look
    loop = asyncio.get_running_loop()

    def fail(*_):
        loop.call_soon_threadsafe(failed.set)
        raise DatabaseBusy

    monkeypatch.setattr(watch.Watch, "look", fail)
    hurried.append(message())
    async with asyncio.timeout(10):
        await failed.wait()
    monkeypatch.setattr(watch.Watch, "look", look)
    assert await client.line() == b'* STATUS "INBOX" (UIDNEXT 2 MESSAGES 1)'


async def test_who_signs_in_next_on_a_connection_hears_nothing_of_it(house):
    client = await house.signed_in()
    await client.ok(f"NOTIFY SET (personal ({BOTH}))")
    await client.ok("UNAUTHENTICATE")
    await client.ok('LOGIN ann@example.org "correct horse"')
    house.append(message())
    assert await client.ok("NOOP") == []


async def test_a_subscription_to_a_mailbox_of_another_is_not_called_missing(house):
    house.share("Plans", "lr")
    name = b'"Other Users/ann@example.org/Plans"'
    client, other = await house.signed_in("bob"), await house.signed_in("bob")
    await client.ok("NOTIFY SET (subscribed (SubscriptionChange)) (personal (SubscriptionChange))")
    await other.ok(b"SUBSCRIBE " + name)
    assert await client.line() == rb'* LIST (\Subscribed) "/" ' + name
    await client.ok("NOTIFY SET (personal (SubscriptionChange))")
    await other.ok(b"UNSUBSCRIBE " + name)
    await other.ok("UNSUBSCRIBE Drafts")
    assert await client.line() == rb'* LIST (\HasNoChildren \Drafts) "/" "Drafts"'
