"""Fuzzy matching over a real mailbox (RFC 6203)."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store import query as q
from server.store.errors import QueryTooComplex
from server.store.search import search, search_scored
from server.store.sort import sort, sort_scored
from tests.fakes.mail_account import MailAccount, letter


@pytest.fixture(params=["indexed", "not yet indexed", "half"], scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[MailAccount]:
    account = MailAccount(tmp_path_factory.mktemp("mail"))
    account.append(letter("Hello world", "greetings", sender="Ann Müller <ann@example.org>"))  # 1
    account.append(letter("Other", "We need your help with the receipt"))  # 2
    account.append(letter("IMAP is broken", "the break of IMAP"))  # 3
    if request.param == "half":
        account.index()
    account.append(letter("会议记录", "下一步：讨论预算。"))  # 4
    account.append(letter("Trip", "From Zürich by train, déjà vu, said helo twice"))  # 5
    account.append(letter("Nothing", "here"))  # 6
    account.append(letter("Hello in the trash", "hello"), box="Trash")
    if request.param == "indexed":
        account.index()
    yield account
    account.close()


def find(account: MailAccount, query: q.Query) -> list[int]:
    return account.read(lambda r: search(r, 1, query))


def scored(account: MailAccount, query: q.Query) -> dict[int, int]:
    return dict(account.read(lambda r: search_scored(r, 1, query)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q.Text("Helo"), [1, 2, 5]),  # RFC 6203 §4: hello, help
        (q.Body("Helo"), [2, 5]),
        (q.Field("subject", "Helo"), [1]),
        (q.Header("Subject", "Helo"), [1]),
        (q.Text("receit"), [2]),
        (q.Text("recieptt"), [2]),
        (q.Text("broken imap"), [3]),
        (q.Text("imap brokn"), [3]),
        (q.Text("zurich"), [5]),
        (q.Text("deja"), [5]),
        (q.Field("from", "muller"), [1]),
        (q.Text("会议"), [4]),
        (q.Text("预算 会议"), [4]),
        (q.Text("会记"), []),
        (q.Text("hxyz"), []),
        (q.Text("qqqqqqqq"), []),
        (q.And((q.Field("subject", "broken imap"), q.Body("break"))), [3]),
        (q.Or(q.Body("receit"), q.Text("预算")), [2, 4]),
        (q.Not(q.Text("Helo")), [1, 2, 3, 4, 6]),  # what is left out is left out as written
        (q.Larger(0), [1, 2, 3, 4, 5, 6]),
        (q.Flag("\\Seen"), []),
        (q.Text(""), [1, 2, 3, 4, 5, 6]),
    ],
    ids=repr,
)
def test_found(mail: MailAccount, query: q.Query, expected: list[int]):
    assert find(mail, q.Fuzzy(query)) == expected


def test_only_what_is_marked_is_fuzzy(mail: MailAccount):
    assert find(mail, q.And((q.Fuzzy(q.Text("Helo")), q.Text("helo")))) == [5]
    assert find(mail, q.Text("Helo")) == [5]


def test_the_better_match_has_the_higher_score(mail: MailAccount):
    found = scored(mail, q.Fuzzy(q.Text("hello")))
    assert found[1] == 100
    assert found[1] > found[5] > 0
    found = scored(mail, q.Fuzzy(q.Text("helo")))
    assert found[5] > found[2]
    assert set(found) == {1, 2, 5}
    assert all(1 <= score <= 100 for score in found.values())
    # The term as a whole before its words apart.
    assert scored(mail, q.Fuzzy(q.Body("break of")))[3] > scored(mail, q.Fuzzy(q.Body("of break")))[3]


def test_without_anything_fuzzy_in_it_every_score_is_full(mail: MailAccount):
    assert scored(mail, q.Fuzzy(q.Larger(0))) == dict.fromkeys(range(1, 7), 100)


def test_sorted_by_relevancy(mail: MailAccount):
    query = q.Fuzzy(q.Text("Helo"))
    scores = scored(mail, query)
    best = sorted(scores, key=lambda uid: (-scores[uid], uid))
    assert mail.read(lambda r: sort(r, 1, query, [("relevancy", False)])) == best
    worst = sorted(scores, key=lambda uid: (scores[uid], uid))
    assert mail.read(lambda r: sort(r, 1, query, [("relevancy", True)])) == worst
    assert mail.read(lambda r: sort(r, 1, query, [("relevancy", False)], offset=1, limit=1)) == best[1:2]
    assert mail.read(lambda r: sort_scored(r, 1, query, [("subject", True), ("relevancy", False)])) == [
        (uid, scores[uid]) for uid in (5, 2, 1)
    ]


def test_too_many_terms(mail: MailAccount):
    find(mail, q.Fuzzy(q.And(tuple(q.Text(f"word{n}") for n in range(10)))))
    with pytest.raises(QueryTooComplex):
        find(mail, q.Fuzzy(q.And(tuple(q.Text(f"word{n}") for n in range(11)))))


WORDS = st.text(st.sampled_from('abß 中文会%_*"'), max_size=9)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3), WORDS, st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_matches_as_written_matches_fuzzily(account: MailAccount, mails, term: str, indexed: bool):
    before = account.rows()[-1:]
    start = before[0].uid if before else 0
    for subject, body in mails:
        account.append(letter(f"s {subject} s", f"b{body}b", date=""))
    if indexed:
        account.index()
    here = q.Uids(((start + 1, start + len(mails)),))
    for leaf in (q.Text(term), q.Body(term), q.Field("subject", term)):
        exact = set(find(account, q.And((here, leaf))))
        fuzzy = scored(account, q.And((here, q.Fuzzy(leaf))))
        assert exact <= set(fuzzy)
        assert all(1 <= score <= 100 for score in fuzzy.values())
