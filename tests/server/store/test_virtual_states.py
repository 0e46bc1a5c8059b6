"""Whatever happens to real mailboxes, directly or through virtual ones: at each look these are what their definition says."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.store import (
    audit,
    changes,
    collect,
    copy,
    expunge,
    flags,
    mailboxes,
    messages,
    virtual,
    virtual_origin,
    virtual_refresh,
)
from tests.fakes.mail_account import MailAccount, letter

REAL = ("INBOX", "Archive", "Trash", "Junk", "Box")
OUTSIDE = {"Trash", "Junk"}
VIEWS = {
    "All Mail": lambda names: True,
    "Unread": lambda names: "\\Seen" not in names,
    "Flagged": lambda names: "\\Flagged" in names,
    "Labels/blue": lambda names: "blue" in names,
}
FLAGS = ("\\Seen", "\\Flagged", "\\Deleted", "blue", "$Forwarded")

boxes = st.sampled_from(REAL)
views = st.sampled_from(sorted(VIEWS))
picks = st.sets(st.integers(0, 8), min_size=1, max_size=4)
names = st.sets(st.sampled_from(FLAGS), max_size=3)
ops = st.sampled_from(("add", "remove", "replace"))


class Views(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.account = MailAccount(Path(self.folder.name))
        self.seen = {name: ({}, 0, 0) for name in VIEWS}  # uid -> (email id, modseq), highest uid, highest modseq
        self.gone = {name: set() for name in VIEWS}
        self.letters = 0

    def teardown(self):
        self.account.close()
        self.folder.cleanup()

    @initialize(letters=st.integers(0, 6))
    def begin(self, letters):
        self.account.write(lambda w: mailboxes.create(w, "Box"))
        self.account.append(letter("labelled"), flags=["blue"])
        self.account.write(lambda w: virtual.arrange(w, wanted=True))
        for _ in range(letters):
            self.deliver("INBOX", set())

    def box(self, name):
        return self.account.read(lambda r: mailboxes.find(r, name))

    def some(self, name, picks):
        found = self.account.uids(name)
        return sorted({found[pick % len(found)] for pick in picks}) if found else []

    # -- real mailboxes

    @rule(box=boxes, flags=names)
    def deliver(self, box, flags):
        if self.box(box) is not None:
            self.letters += 1
            self.account.append(letter(f"Letter {self.letters % 5}", f"{self.letters % 5}"), box=box, flags=flags)

    @rule(box=boxes, picks=picks, op=ops, flags_=names)
    def flag(self, box, picks, op, flags_):
        if (found := self.box(box)) is not None:
            uids = self.some(box, picks)
            self.account.write(lambda w: flags.store_flags(w, found.id, uids, op, flags_))

    @rule(box=boxes, aims=boxes, picks=picks, moves=st.booleans())
    def copy(self, box, aims, picks, moves):
        source, aim = self.box(box), self.box(aims)
        if source is not None and aim is not None:
            uids = self.some(box, picks)
            act = copy.move if moves else copy.copy
            self.account.write(lambda w: act(w, source.id, uids, aim.id))

    @rule(box=boxes, picks=picks)
    def remove(self, box, picks):
        if (found := self.box(box)) is not None:
            uids = self.some(box, picks)
            self.account.write(lambda w: expunge.remove(w, found.id, uids))

    @rule()
    def delete_a_mailbox(self):
        if self.box("Box") is not None:
            self.account.write(lambda w: mailboxes.delete(w, "Box"))

    @rule()
    def make_it_anew(self):
        if self.box("Box") is None:
            self.account.write(lambda w: mailboxes.create(w, "Box"))

    @rule()
    def clear_up(self):
        while self.account.write(collect.collect):
            pass

    # -- through a virtual mailbox

    @rule(view=views, picks=picks, op=ops, flags_=names, since=st.none() | st.integers(0, 60))
    def flag_through(self, view, picks, op, flags_, since):
        number = self.account.box(view)
        uids = self.some(view, picks)
        self.account.write(lambda w: virtual_origin.store_flags(w, number, uids, op, flags_, unchanged_since=since))

    @rule(view=views, picks=picks)
    def read_through(self, view, picks):
        number = self.account.box(view)
        uids = self.some(view, picks)
        self.account.write(lambda w: virtual_origin.mark_seen(w, number, uids))

    @rule(view=views, picks=st.none() | picks)
    def expunge_through(self, view, picks):
        number = self.account.box(view)
        uids = None if picks is None else self.some(view, picks)
        went = self.account.write(lambda w: virtual_origin.expunge(w, number, uids))
        assert not set(went) & set(self.account.uids(view))

    @rule(view=views, aims=boxes, picks=picks, moves=st.booleans())
    def copy_out(self, view, aims, picks, moves):
        number, aim, uids = self.account.box(view), self.box(aims), self.some(view, picks)
        if aim is not None:
            act = virtual_origin.move_out if moves else virtual_origin.copy_out
            done = self.account.write(lambda w: act(w, number, uids, aim.id))
            if moves:
                assert not {uid for uid, _ in done.pairs} & set(self.account.uids(view))

    # -- looking

    @rule(view=views, limit=st.sampled_from((1, 3, virtual_refresh.BATCH)))
    def look(self, view, limit):
        number = self.account.box(view)
        while self.account.write(lambda w: virtual_refresh.refresh(w, [number], limit)):
            pass
        self.compare(view, number)

    def compare(self, view, number):
        assert self.account.read(lambda r: virtual_refresh.behind(r, [number])) == []
        highest = self.account.read(lambda r: mailboxes.status(r, number)).highestmodseq
        assert self.account.write(lambda w: virtual_refresh.refresh(w, [number])) is False
        assert self.account.read(lambda r: mailboxes.status(r, number)).highestmodseq == highest, (
            "a look changes nothing"
        )
        rows = self.account.rows(view)
        real = [
            row
            for box in self.account.read(mailboxes.list_all)
            if box.rule is None and box.name not in OUTSIDE
            for row in self.account.rows(box.name)
        ]
        assert sorted((r.email_id, r.thread_id, sorted(r.flags), r.size) for r in rows) == sorted(
            (r.email_id, r.thread_id, sorted(r.flags), r.size) for r in real if VIEWS[view](r.flags)
        )
        self.follow(view, number, rows, highest)

    def follow(self, view, number, rows, highest):
        """A client that keeps up by deltas sees the same."""
        known, uidnext, modseq = self.seen[view]
        delta = self.account.read(lambda r: changes.since(r, number, modseq))
        now = {row.uid: row.modseq for row in rows}
        assert delta.uidnext >= uidnext
        assert delta.highestmodseq >= modseq
        assert not set(now) & self.gone[view], "a uid came back"
        assert all(uid >= uidnext for uid in set(now) - set(known)), "a new message has an old uid"
        assert set(known) - set(now) == set(known) & set(delta.vanished)
        assert {uid for uid, at in now.items() if at > modseq} == {u for u, _, _ in delta.changed} | set(delta.new)
        self.gone[view] |= set(known) - set(now)
        self.seen[view] = (now, delta.uidnext, delta.highestmodseq)

    @precondition(lambda self: self.letters % 4 == 3)
    @rule()
    def all_looks(self):
        for view in VIEWS:
            self.look(view, virtual_refresh.BATCH)

    @invariant()
    def clean(self):
        checks = (audit.members, audit.counters, audit.uids, audit.holders, audit.contents)
        assert self.account.read(lambda r: [finding for check in checks for finding in check(r)]) == []

    @rule()
    def uids_by_gaps(self):
        for view in VIEWS:
            number = self.account.box(view)
            assert list(self.account.read(lambda r, n=number: messages.uids(r, n))) == [
                r.uid for r in self.account.rows(view)
            ]


Views.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
TestViews = Views.TestCase
