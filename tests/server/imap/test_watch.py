"""What a watch tells, against what is true: a client that keeps books by it alone always ends with the account as it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imap import watch as watching
from server.imap.picture import Annotated, Differences
from server.imap.syntax.mailbox_filter import MailboxFilter, Scope
from server.imap.syntax.notify import EventGroup
from server.imap.watch import TooManyWatched, Watch
from server.store import annotations, append, expunge, flags, mailboxes, messages, standing
from server.store.errors import StoreError
from tests.fakes.mail_account import MailAccount, letter

ALL = frozenset({"MESSAGENEW", "MESSAGEEXPUNGE", "FLAGCHANGE", "MAILBOXNAME", "SUBSCRIPTIONCHANGE"})
COUNTS = frozenset({"MESSAGENEW", "MESSAGEEXPUNGE"})
NAMES = ["INBOX", "Drafts", "a", "a/b", "a/b/c", "b", "c"]
PREPARED = append.prepare(letter())


def group(scope, *names, events=ALL):
    return EventGroup(MailboxFilter(scope, names), events)


def begun(account, *groups):
    watch = Watch(groups)
    account.read(watch.begin)
    return watch


def look(account, watch, selected=None):
    return account.read(lambda r: watch.look(r, selected))


def listed(found):
    return [(one.name, one.old_name, one.mailbox is not None) for one in found.listed]


class Books:
    """A client's: mailboxes with their counters, and subscriptions."""

    def __init__(self, account, watch):
        self._account, self._watch = account, watch
        now = account.read(standing.all_mailboxes)
        self.counters = {one.name: (one.uidvalidity, one.uidnext, one.messages, one.unseen) for one in now}
        self.subscribed = set(account.read(standing.subscriptions))

    def hear(self):
        found = look(self._account, self._watch)
        for one in found.listed:
            if one.old_name is not None:
                for name in [n for n in self.counters if n == one.old_name or n.startswith(one.old_name + "/")]:
                    self.counters[one.name + name.removeprefix(one.old_name)] = self.counters.pop(name)
        for one in found.listed:
            if one.mailbox is None:
                self.counters.pop(one.name, None)
            else:
                self.counters.setdefault(one.name, (one.mailbox.uidvalidity, 1, 0, 0))
            (self.subscribed.add if one.is_subscribed else self.subscribed.discard)(one.name)
        for one in found.counted:
            uidvalidity, uidnext, count, unseen = self.counters[one.mailbox.name]
            if one.is_unknown:
                uidvalidity = one.mailbox.uidvalidity
            if one.counts:
                uidnext, count = one.mailbox.uidnext, one.mailbox.messages
            if one.unseen:
                unseen = one.mailbox.unseen
            self.counters[one.mailbox.name] = (uidvalidity, uidnext, count, unseen)


@st.composite
def steps(draw):
    what = draw(st.sampled_from(["append", "expunge", "seen", "create", "delete", "rename", "subscribe", "hear"]))
    return what, draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES)), draw(st.booleans())


def do(account, step):
    what, name, other, flag = step

    def act(w):
        if what == "create":
            mailboxes.create(w, name)
        elif what == "delete":
            mailboxes.delete(w, name)
        elif what == "rename":
            mailboxes.rename(w, name, other)
        elif what == "subscribe":
            mailboxes.subscribe(w, name, flag)
        else:
            number = mailboxes.by_name(w, name).id
            if what == "append":
                append.append(w, number, PREPARED, flags=["\\Seen"] if flag else [])
                return
            present = messages.uids(w, number)[:1]
            flags.store_flags(w, number, present, "add" if flag else "remove", ["\\Seen"])
            if what == "expunge":
                flags.store_flags(w, number, present, "add", ["\\Deleted"])
                expunge.expunge(w, number, None)

    try:
        account.write(act)
    except StoreError:
        return


@settings(max_examples=60, deadline=None)
@given(st.lists(steps(), max_size=25))
def test_whoever_keeps_books_by_what_is_told_ends_with_the_truth(tmp_path_factory, plan):
    account = MailAccount(tmp_path_factory.mktemp("books"))
    try:
        books = Books(account, begun(account, group(Scope.PERSONAL)))
        for step in plan:
            if step[0] == "hear":
                books.hear()
            else:
                do(account, step)
        books.hear()
        now = account.read(standing.all_mailboxes)
        assert books.counters == {one.name: (one.uidvalidity, one.uidnext, one.messages, one.unseen) for one in now}
        assert books.subscribed == account.read(standing.subscriptions)
        assert listed(look(account, books._watch)) == []
    finally:
        account.close()


@pytest.fixture
def account(tmp_path):
    mail = MailAccount(tmp_path)
    yield mail
    mail.close()


def test_only_what_the_filters_mean_is_told(account):
    account.write(lambda w: mailboxes.create(w, "Lists/a"))
    account.write(lambda w: mailboxes.create(w, "Listsnot"))
    watch = begun(account, group(Scope.SUBTREE, "Lists"), group(Scope.MAILBOXES, "inbox", "Later", "//"))
    account.write(lambda w: mailboxes.create(w, "Later"))
    for name in ("Lists/a", "Listsnot", "INBOX", "Drafts", "Later"):
        account.append(letter(), box=name)
    found = look(account, watch)
    assert [one.mailbox.name for one in found.counted] == ["INBOX", "Later", "Lists/a"]
    assert listed(found) == [("Later", None, True)]


def test_groups_add_up(account):
    watch = begun(account, group(Scope.MAILBOXES, "INBOX", events=frozenset()), group(Scope.PERSONAL, events=COUNTS))
    account.append(letter())
    (one,) = look(account, watch).counted
    assert one.events == COUNTS


def test_subscribed_is_the_list_as_it_is(account):
    account.write(lambda w: mailboxes.create(w, "a"))
    watch = begun(account, group(Scope.SUBSCRIBED, events=COUNTS))
    account.append(letter(), box="a")
    assert look(account, watch).counted == ()
    account.write(lambda w: mailboxes.subscribe(w, "a", subscribed=True))
    (one,) = look(account, watch).counted
    assert (one.mailbox.name, one.is_unknown) == ("a", True)
    account.append(letter(), box="a")
    (one,) = look(account, watch).counted
    assert (one.mailbox.messages, one.is_unknown) == (2, False)


def test_children_of_what_is_renamed_are_not_told_one_by_one(account):
    for name in ("a/b/c", "x"):
        account.write(lambda w, name=name: mailboxes.create(w, name))
    watch = begun(account, group(Scope.PERSONAL, events=frozenset({"MAILBOXNAME"})))
    account.write(lambda w: mailboxes.rename(w, "a/b", "x/y"))
    assert listed(look(account, watch)) == [("x/y", "a/b", True), ("a", None, True), ("x", None, True)]


def test_a_rename_is_told_by_its_old_name_or_its_new_one(account):
    account.write(lambda w: mailboxes.create(w, "in/a"))
    account.write(lambda w: mailboxes.create(w, "out/b"))
    watch = begun(account, group(Scope.SUBTREE, "in", events=frozenset({"MAILBOXNAME"})))
    account.write(lambda w: mailboxes.rename(w, "in/a", "out/a"))
    assert listed(look(account, watch)) == [("out/a", "in/a", True), ("in", None, True)]
    account.write(lambda w: mailboxes.rename(w, "out/b", "in/b"))
    assert listed(look(account, watch)) == [("in/b", "out/b", True), ("in", None, True)]


def test_another_mailbox_of_the_same_name_tells_its_uidvalidity(account):
    account.write(lambda w: mailboxes.create(w, "a"))
    watch = begun(account, group(Scope.MAILBOXES, "a", events=COUNTS))
    account.write(lambda w: mailboxes.delete(w, "a"))
    account.write(lambda w: mailboxes.create(w, "a"))
    (one,) = look(account, watch).counted
    assert one.is_unknown


def test_the_selected_mailbox_is_told_once_it_is_left(account):
    watch = begun(account, group(Scope.PERSONAL, events=COUNTS))
    account.append(letter())
    assert look(account, watch, account.box()).counted == ()
    watch.leave_selected()
    (one,) = look(account, watch).counted
    assert one.mailbox.messages == 1


def test_what_the_client_does_itself_is_not_told_but_what_others_did_before_is(account):
    watch = begun(account, group(Scope.PERSONAL))

    def own(fn):
        _, done = account.write(watch.noting(fn, None))
        watch.note(done)

    own(lambda w: mailboxes.create(w, "mine"))
    own(lambda w: mailboxes.subscribe(w, "mine", subscribed=True))
    own(lambda w: append.append(w, mailboxes.by_name(w, "mine").id, PREPARED))
    own(lambda w: mailboxes.rename(w, "mine", "ours"))
    assert look(account, watch) == Differences()
    account.append(letter())
    account.write(lambda w: mailboxes.subscribe(w, "ours", subscribed=False))
    own(lambda w: append.append(w, mailboxes.by_name(w, "INBOX").id, PREPARED))
    found = look(account, watch)
    assert [(one.mailbox.name, one.mailbox.messages) for one in found.counted] == [("INBOX", 2)]
    assert listed(found) == [("ours", None, True)]
    own(lambda w: mailboxes.delete(w, "ours"))
    assert look(account, watch) == Differences()


def test_annotations_are_told_by_name_and_one_s_own_are_not(account, monkeypatch):
    mailbox, server = frozenset({"MAILBOXMETADATACHANGE"}), frozenset({"SERVERMETADATACHANGE"})
    watch = begun(account, group(Scope.SUBTREE, "Drafts", events=mailbox), group(Scope.MAILBOXES, "x", events=server))
    drafts = account.box("Drafts")
    _, own = account.write(watch.noting(lambda w: annotations.put(w, drafts, {"/shared/own": b"1"}), None))
    watch.note(own)
    account.write(lambda w: annotations.put(w, account.box(), {"/shared/elsewhere": b"1"}))
    account.write(lambda w: annotations.put(w, drafts, {"/shared/a": b"1", "/shared/b": None}))
    account.write(lambda w: annotations.put(w, None, {"/private/c": b"1"}))
    assert look(account, watch).annotated == (Annotated("Drafts", ("/shared/a",)), Annotated("", ("/private/c",)))
    account.write(lambda w: annotations.put(w, drafts, {"/shared/a": None}))
    assert look(account, watch).annotated == (Annotated("Drafts", ("/shared/a",)),)
    monkeypatch.setattr(annotations, "CHANGES", 1)
    account.write(lambda w: annotations.put(w, drafts, {"/shared/a": b"2"}))
    with pytest.raises(TooManyWatched):
        look(account, watch)


def test_what_is_kept_in_mind_has_a_bound(account, monkeypatch):
    monkeypatch.setattr(watching, "WATCHED", 6)
    few = begun(account, group(Scope.MAILBOXES, "INBOX", events=COUNTS))
    watch = begun(account, group(Scope.PERSONAL, events=COUNTS))
    account.write(lambda w: mailboxes.create(w, "one too many"))
    account.append(letter())
    with pytest.raises(TooManyWatched):
        look(account, watch)
    with pytest.raises(TooManyWatched):
        begun(account, group(Scope.PERSONAL, events=frozenset({"MAILBOXNAME"})))
    assert len(look(account, few).counted) == 1
