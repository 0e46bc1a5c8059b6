"""The view against a client that believes every line it is told: numbers must mean the same on both sides at all times."""

import itertools
import re
from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.config import Settings
from server.imap.selected import Selected
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.sequence import SequenceSet
from server.notify.bus import SilentBus
from server.store import append, expunge, flags, mailboxes, messages
from server.store.errors import NoSuchMailbox
from server.store.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.imap_house import message

READY = append.prepare(message())
ACCOUNT = 1
SERIAL = itertools.count()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(Settings(data=tmp_path_factory.mktemp("data")), SilentBus(), FakeClock())
    yield made
    made.close()


class Desk:
    """One mailbox, one view of it, and the client's own idea of that view."""

    def __init__(self, store, name, present):
        self._store = store
        self.mailbox = self._write(lambda w: mailboxes.create(w, name)).id
        for _ in range(present):
            self.append()
        found = self._read(lambda r: mailboxes.status(r, self.mailbox))
        self.view = Selected(
            mailbox_id=self.mailbox, name=name, uidvalidity=found.uidvalidity, uidnext=found.uidnext,
            modseq=found.highestmodseq, exists=found.messages, read_only=False,
        )  # fmt: skip
        self.client = list(self.uids())

    def _read(self, fn):
        return self._store.read_now(ACCOUNT, fn)

    def _write(self, fn):
        return self._store.write_now(ACCOUNT, fn)

    def uids(self):
        return self._read(lambda r: messages.uids(r, self.mailbox))

    def append(self):
        return self._write(lambda w: append.append(w, self.mailbox, READY).uid)

    def remove(self, which):
        uids = self.uids()
        if uids:
            uid = uids[which % len(uids)]
            self._write(lambda w: expunge.remove(w, self.mailbox, [uid]))

    def flag(self, which, *, own=False):
        uids = self.uids()
        if uids:
            uid = uids[which % len(uids)]
            op = "add" if which % 2 else "remove"
            result = self._write(lambda w: flags.store_flags(w, self.mailbox, [uid], op, ["\\Seen"]))
            if own:
                self.view.note_own((u, modseq) for u, _, modseq in result.changed)

    def load(self):
        if not self.view.loaded:
            self._read(self.view.load)

    def refresh(self):
        self._read(self.view.refresh)

    def report(self, *, expunge, vanished=False):
        """Take the report as a client would, line by line. One that hears VANISHED has asked for every uid before."""
        if vanished and None in self.client:
            self.load()
            self.client = list(self.view.uids[: len(self.client)])
        text = self.view.report(expunge=expunge, modseq=False, vanished=vanished)
        for line in text.decode().splitlines():
            self._hear(line)
        return text

    def _hear(self, line):
        if match := re.fullmatch(r"\* (\d+) EXPUNGE", line):
            del self.client[int(match[1]) - 1]
        elif match := re.fullmatch(r"\* (\d+) EXISTS", line):
            assert int(match[1]) >= len(self.client), "EXISTS never takes messages away"
            self.client += [None] * (int(match[1]) - len(self.client))
        elif match := re.fullmatch(r"\* (\d+) FETCH \(UID (\d+) FLAGS .*\)", line):
            number, uid = int(match[1]), int(match[2])
            assert self.client[number - 1] in {None, uid}
            self.client[number - 1] = uid
        elif match := re.fullmatch(r"\* VANISHED (.*)", line):
            # RFC 7162 §3.2.10: each uid is one message less, also one whose uid was not asked for since its EXISTS.
            for low, high in SequenceSet.parse(match[1].encode()).resolve(0):
                for uid in range(low, high + 1):
                    self.client.remove(uid if uid in self.client else None)
        else:
            pytest.fail(line)

    def check(self):
        """Every number the client may use means the message it thinks of."""
        assert len(self.client) == self.view.exists
        self.load()
        for number, uid in enumerate(self.client, 1):
            if uid is not None:
                assert self.view.number(uid) == number
                assert self.view.uids_at(self.view.positions(SequenceSet(((number, number),)), uid=False)) == [uid]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "remove", "flag", "own", "load", "quiet", "full", "vanished", "refresh"]),
        st.integers(0, 50),
    ),
    max_size=25,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, present=st.integers(0, 6))
def test_numbers_are_never_stale(store, steps, present):
    desk = Desk(store, f"box{next(SERIAL)}", present)
    for step, which in steps:
        if step == "append":
            desk.append()
        elif step == "remove":
            desk.remove(which)
        elif step in {"flag", "own"}:
            desk.flag(which, own=step == "own")
        elif step == "load":
            desk.load()
        elif step == "refresh":
            desk.refresh()
        else:
            desk.refresh()
            desk.report(expunge=step != "quiet", vanished=step == "vanished")
            desk.check()
    desk.refresh()
    desk.report(expunge=True)
    desk.check()
    assert desk.view.uids == desk.uids()
    assert not desk.view.has_news


def test_a_late_list_is_the_list_of_then(store):
    desk = Desk(store, "late", 5)
    desk.remove(1)
    desk.append()
    desk.load()
    assert desk.view.uids == array("I", [1, 2, 3, 4, 5])
    desk.refresh()
    assert desk.report(expunge=True) == b"* 2 EXPUNGE\r\n* 5 EXISTS\r\n"


def test_a_large_mailbox_is_selected_without_its_list(store):
    desk = Desk(store, "lazy", 3)
    desk.append()
    desk.refresh()
    assert not desk.view.loaded
    assert desk.report(expunge=True) == b"* 4 EXISTS\r\n"
    assert not desk.view.loaded


def test_a_message_that_came_and_went_unheard(store):
    desk = Desk(store, "unheard", 0)
    desk.append()
    desk.refresh()
    desk.remove(0)
    desk.refresh()
    assert desk.report(expunge=True) == b""
    assert desk.view.exists == 0


def test_own_changes_are_told_once(store):
    desk = Desk(store, "own", 2)
    desk.flag(1, own=True)
    desk.refresh()
    assert desk.report(expunge=True) == b""
    desk.flag(1)
    desk.flag(0)
    desk.flag(3)
    desk.refresh()
    assert desk.report(expunge=True) == b""  # nothing was changed by adding what was there


def test_sets(store):
    desk = Desk(store, "sets", 4)
    desk.remove(1)
    desk.load()
    view = desk.view

    def at(text, *, uid):
        return view.uids_at(view.positions(SequenceSet.parse(text), uid=uid))

    assert at(b"2:3", uid=False) == [2, 3]
    assert at(b"3:90", uid=True) == [3, 4]
    assert at(b"*", uid=True) == [4]
    assert at(b"90:*", uid=True) == [4]
    assert at(b"1:4294967295", uid=True) == [1, 2, 3, 4]
    assert view.uids_at(view.positions(SequenceSet.SAVED, uid=False, saved=((2, 3),))) == [2, 3]
    with pytest.raises(ProtocolError):
        at(b"3:5", uid=False)
    assert view.uid_ranges(SequenceSet.parse(b"3:9,12"), uid=False) == ((3, 4),)
    assert view.numbers([1, 4, 77]) == [1, 4]


@pytest.mark.parametrize("taken", [[], [0], [5, 9]])
@pytest.mark.parametrize("count", [1, 3, 30])
def test_numbers_of_few_and_of_many(store, taken, count):
    desk = Desk(store, f"numbers {len(taken)} {count}", 30)
    for which in taken:
        desk.remove(which)
    view = desk.view
    desk.refresh()
    desk.report(expunge=True)
    desk.load()
    asked = [31, *range(30, 30 - count, -1)]
    assert view.numbers(asked) == [number for number in map(view.number, asked) if number]
    assert len(view.numbers(list(range(1, 40)))) == 30 - len(taken)


def test_an_empty_mailbox(store):
    desk = Desk(store, "empty", 0)
    assert desk.view.loaded
    assert desk.view.positions(SequenceSet.parse(b"1:*"), uid=True) == []
    with pytest.raises(ProtocolError):
        desk.view.positions(SequenceSet.parse(b"1"), uid=False)


def test_a_mailbox_that_is_gone(store):
    desk = Desk(store, "gone", 1)
    store.write_now(ACCOUNT, lambda w: mailboxes.delete(w, "gone"))
    with pytest.raises(NoSuchMailbox):
        desk.refresh()
