import pytest

from server.config import Settings
from server.notify.bus import SilentBus
from server.store import append, mailboxes, subjects
from server.store.query import All, Flag
from server.store.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.imap_house import message


@pytest.fixture
def account(tmp_path):
    made = Store(Settings(data=tmp_path), SilentBus(), FakeClock())
    yield made
    made.close()


def test_one_thread_for_each_subject(account):
    def fill(w):
        inbox = mailboxes.by_name(w, "INBOX").id
        for minute, subject in ((5, "Lunch"), (1, "Re: Report"), (3, "report"), (9, "RE: lunch"), (7, "")):
            raw = message(subject, date=f"Sun, 1 Nov 2026 12:{minute:02}:00 +0000")
            append.append(w, inbox, append.prepare(raw), flags=["\\Flagged"] if minute == 9 else [])
        return inbox

    inbox = account.write_now(1, fill)

    def shape(query):
        found = account.read_now(1, lambda r: subjects.threads(r, inbox, query))
        return [(node.uid, [child.uid for child in node.children]) for node in found]

    assert shape(All()) == [(2, [3]), (1, [4]), (5, [])]
    assert shape(Flag("\\Flagged")) == [(4, [])]
