"""Results that are kept up to date, by the client that applies what it is told (RFC 5267 §4.3)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imap.result_context import ResultContext, can_follow
from server.imap.selected import Selected
from server.imap.syntax.sequence import SequenceSet
from server.store import append, expunge, flags, mailboxes, search, sort
from server.store import query as q
from tests.fakes.mail_account import MailAccount, letter

PREPARED = [append.prepare(letter(f"{name} {n}")) for n, name in enumerate(["apple", "pear", "fig", "date"])]
QUERIES = [q.All(), q.Flag("\\Seen"), q.Flag("\\Seen", present=False), q.Not(q.Field("subject", "pear"))]
CRITERIA = [(), (("subject", False),), (("subject", True), ("size", False)), (("arrival", True),)]
LINE = re.compile(rb'\* ESEARCH \(TAG "t"\)( UID)?(( REMOVEFROM \(.*?\))?( ADDTO \(.*?\))?)')
ITEM = re.compile(rb"(REMOVEFROM|ADDTO) \((.*?)\)")


class Client:
    """Applies EXISTS, EXPUNGE and ESEARCH lines in the order they come."""

    def __init__(self, uids, results, *, uid):
        self.uids, self.results, self._uid = uids, results, uid

    def hear(self, data, known):
        for line in data.split(b"\r\n"):
            if match := re.fullmatch(rb"\* (\d+) EXISTS", line):
                # EXPUNGE comes first, and what it has not taken away yet is told later: the new ones stand behind all others.
                new = [which for which in known if which not in self.uids]
                self.uids = [*self.uids, *new][: int(match[1])]
            elif match := re.fullmatch(rb"\* (\d+) EXPUNGE", line):
                assert self.uids[int(match[1]) - 1] not in self.results, "expunged before it was removed"
                del self.uids[int(match[1]) - 1]
            elif line.startswith(b"* ESEARCH"):
                match = LINE.fullmatch(line)
                assert bool(match[1]) == self._uid
                for name, pairs in ITEM.findall(match[2]):
                    words = pairs.split(b" ")
                    for position, numbers in zip(words[::2], words[1::2], strict=True):
                        self._apply(name, int(position), self._expand(numbers))

    def _expand(self, numbers):
        found = [n for low, high in SequenceSet.parse(numbers).ranges for n in range(low, high + 1)]
        return found if self._uid else [self.uids[n - 1] for n in found]

    def _apply(self, name, position, uids):
        if name == b"REMOVEFROM":
            if position:
                assert self.results[position - 1 : position - 1 + len(uids)] == uids
                del self.results[position - 1 : position - 1 + len(uids)]
            else:
                assert set(uids) <= set(self.results)
                self.results = [uid for uid in self.results if uid not in uids]
        elif position:
            self.results[position - 1 : position - 1] = uids
        else:
            assert not set(uids) & set(self.results)
            self.results = sorted([*self.results, *uids])


steps = st.tuples(
    st.sampled_from(["append", "append", "seen", "seen", "expunge", "look", "tell", "tell by number"]),
    st.integers(0, 7),
    st.booleans(),
)


def opened(account):
    found = account.read(lambda r: mailboxes.status(r, account.box()))
    view = Selected(
        mailbox_id=account.box(), name="INBOX", uidvalidity=found.uidvalidity, uidnext=found.uidnext,
        modseq=found.highestmodseq, exists=found.messages, read_only=False,
    )  # fmt: skip
    account.read(view.load)
    return view


def ask(account, query, criteria):
    box = account.box()
    if criteria:
        return account.read(lambda r: sort.sort(r, box, query, criteria))
    return account.read(lambda r: search.search(r, box, query))


def do(account, what, number, flag):
    box, present = account.box(), account.uids()
    chosen = present[number % len(present) :][: 1 + number % 3] if present else []

    def act(w):
        if what == "append":
            append.append(w, box, PREPARED[number % 4], flags=["\\Seen"] if flag else [])
        elif what == "seen":
            flags.store_flags(w, box, chosen, "add" if flag else "remove", ["\\Seen"])
        else:
            flags.store_flags(w, box, chosen, "add", ["\\Deleted"])
            expunge.expunge(w, box, chosen)

    account.write(act)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(QUERIES), st.sampled_from(CRITERIA), st.booleans(), st.lists(steps, max_size=25))
def test_a_client_that_applies_what_it_is_told_has_the_result(tmp_path_factory, query, criteria, uid, plan):
    account = MailAccount(tmp_path_factory.mktemp("results"))
    try:
        for n in range(6):
            do(account, "append", n, n % 2 == 0)
        view = opened(account)
        found = ask(account, query, criteria)
        client = Client(list(view.uids), list(found), uid=uid)
        context = ResultContext(b"t", view, found, query, uid=uid, criteria=criteria)

        def look(reader):
            view.refresh(reader)
            context.look(reader, view)

        def tell(*, expunged):
            account.read(look)
            data = view.report(
                expunge=expunged, modseq=False, vanished=False, leaving=lambda gone: context.leaving(view, gone)
            )
            client.hear(data + context.report(view), list(view.uids))

        for what, number, flag in plan:
            if what == "look":
                account.read(look)
            elif what.startswith("tell"):
                tell(expunged=what == "tell")
            else:
                do(account, what, number, flag)
        tell(expunged=True)
        assert client.results == ask(account, query, criteria)
        assert client.uids == account.uids()
    finally:
        account.close()


@pytest.mark.parametrize(
    ("key", "criteria", "can"),
    [
        (q.All(), (("subject", False),), True),
        (q.And((q.Flag("\\Seen"), q.Not(q.Body("x")))), (), True),
        (q.Older(60), (), False),
        (q.Or(q.All(), q.Not(q.Younger(60))), (), False),
        (q.ThreadId("T1"), (), False),
        (q.Fuzzy(q.Body("x")), (), False),
        (q.All(), (("relevancy", False),), False),
    ],
)
def test_what_the_time_changes_is_not_kept_up_to_date(key, criteria, can):
    assert can_follow(key, criteria) == can
