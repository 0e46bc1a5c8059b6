import threading

import pytest

from tests.webmail.mail_rooms import letter, rooms
from webmail import live
from webmail.live import LOOK_AGAIN, Event, Hub, Tab
from webmail.mail_error import MailUnavailable, SignInExpired
from webmail.views.events import written

PATIENCE = 20


def test_a_tab_that_does_not_read_is_told_to_look_again():
    tab = Tab(lambda one: None)
    for number in range(live.QUEUE_SIZE + 5):
        tab.put(Event("changed", {"n": number}))
    assert tab.get(0) == LOOK_AGAIN
    assert tab.get(0) is None
    tab.put(Event("x"))
    assert tab.get(0) == Event("x")


def test_an_event_is_one_line_of_data():
    assert (
        written(Event("changed", {"mailbox": "a\r\nb: c", "n": "周"}))
        == 'event: changed\ndata: {"mailbox": "a\\r\\nb: c", "n": "\\u5468"}\n\n'
    )


def until(tab, wanted):
    """Read events until one fits."""
    for _ in range(PATIENCE):
        event = tab.get(1)
        if event is not None and wanted(event):
            return event
    raise AssertionError("no such event")


@pytest.fixture
def place(tmp_path):
    with rooms(tmp_path) as made:
        yield made


@pytest.fixture
def hub():
    made = Hub(limit=2)
    yield made
    made.close()


@pytest.fixture
def ready(monkeypatch):
    """Set when the watcher stands in IDLE."""
    found = threading.Event()
    original = live.Inbox.wait

    def wait(self, seconds=2.0):
        found.set()
        return original(self, 2.0)

    monkeypatch.setattr(live.Inbox, "wait", wait)
    return found


def test_arrivals_flags_and_counts_are_told(place, hub, ready):
    tab = hub.open_tab("k", place.mail)
    assert ready.wait(PATIENCE)
    uid = place.house.append(letter("New"))
    event = until(tab, lambda e: e.name == "changed")
    assert event.data["mailbox"] == "INBOX"
    assert event.data["unseen"] == 1
    assert event.data["arrived"] == 1
    other = place.mail()
    other.select("INBOX")
    other.store([uid], ["\\Seen", "\\Flagged"], add=True)
    event = until(tab, lambda e: e.name == "changed" and e.data["unseen"] == 0)
    assert set(event.data["flags"][str(uid)]) >= {"\\Seen", "\\Flagged"}
    other.close()
    tab.close()


def test_a_letter_that_comes_while_the_mailboxes_are_counted_is_told(place, hub, ready, monkeypatch):
    """Told at the end of the counting command, after its own mailbox was counted, and never again."""
    count, puts = live.mailbox_list.load, iter([letter("In between")])

    def load(mail):
        counted = count(mail)
        for raw in puts:
            place.house.append(raw)
            mail.run(b"NOOP")
        return counted

    monkeypatch.setattr(live.mailbox_list, "load", load)
    tab = hub.open_tab("k", place.mail)
    event = until(tab, lambda e: e.name == "changed")
    assert event.data["arrived"] == 1
    tab.close()


def test_nobody_has_all_the_streams():
    """Each holds a thread, for everybody in the house."""

    def connect():
        raise MailUnavailable("not today")

    hub = Hub(limit=4, each=2)
    mine = [hub.open_tab(f"session {n}", connect, owner=1) for n in range(3)]
    assert [tab is not None for tab in mine] == [True, True, False], "other sessions of one person are no other person"
    theirs = hub.open_tab("session 9", connect, owner=2)
    assert theirs is not None
    mine[0].close()
    assert hub.open_tab("session 0", connect, owner=1) is not None
    hub.close()


def test_one_watcher_for_all_tabs_of_a_session(place, hub, ready):
    opened = []

    def connect():
        opened.append(1)
        return place.mail()

    first, second = hub.open_tab("k", connect), hub.open_tab("k", connect)
    assert hub.open_tab("k", connect) is None
    assert ready.wait(PATIENCE)
    place.house.append(letter())
    for tab in (first, second):
        until(tab, lambda e: e.name == "changed")
    assert len(opened) == 1
    first.close()
    first.close()
    third = hub.open_tab("k", connect)
    assert third is not None
    third.close()
    second.close()


def test_a_session_that_ended_is_told(hub):
    def connect():
        raise SignInExpired("gone")

    tab = hub.open_tab("k", connect)
    assert until(tab, lambda e: e.name == "signed-out")
    tab.close()


def test_a_broken_connection_is_opened_again(place, hub, ready, monkeypatch):
    monkeypatch.setattr(live, "RETRY_SECONDS", (0.01,))
    tries = []

    def connect():
        tries.append(1)
        if len(tries) < 3:
            raise MailUnavailable("not yet")
        return place.mail()

    tab = hub.open_tab("k", connect)
    assert until(tab, lambda e: e == LOOK_AGAIN)
    assert len(tries) == 3
    tab.close()


def test_a_server_without_idle_is_asked_now_and_then(place):
    mail = place.mail()
    mail.capabilities = frozenset({"IMAP4REV1"})
    inbox = live.Inbox(mail)
    assert not inbox.wait(0.01)
    place.house.append(letter())
    assert inbox.wait(0.3)
    assert inbox.changed_flags() == {}
    mail.close()
