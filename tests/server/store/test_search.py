from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store import predicate
from server.store import query as q
from server.store.errors import QueryTooComplex
from server.store.fold import fold
from server.store.search import search
from tests.fakes.mail_account import BORN, MailAccount, letter

NOW = datetime.fromtimestamp(BORN, UTC)


def find(account: MailAccount, query: q.Query, box: str = "INBOX") -> list[int]:
    number = account.box(box)
    return account.read(lambda r: search(r, number, query, now=NOW))


@pytest.fixture(params=["indexed", "not yet indexed", "half"], scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[MailAccount]:
    account = MailAccount(tmp_path_factory.mktemp("mail"))
    account.append(
        letter("Quarterly Report", "The numbers of Zürich are fine.", sender="Ann Müller <ann@example.org>"),
        flags=("\\Seen",),
    )
    account.append(
        letter(
            "会议记录", "下一步：讨论预算。", sender="王小明 <wang@example.cn>", date="Wed, 31 Jan 2024 23:30:00 -0800"
        )
    )
    if request.param == "half":
        account.index()
    account.append(
        letter(
            "お知らせ",
            '配送について。50% off_now "quoted" 100*?[x]',
            to="Carol <carol@example.net>\r\nCc: dan@example.net",
        ),
        flags=("\\Flagged", "Work"),
    )
    account.append(
        letter(
            "Re: Quarterly Report",
            "Straße and STRASSE; ｶﾞ",
            extra="X-Kind: Blue Letter\r\nX-Empty:\r\nDKIM-Signature: v=1; b=abcdefghij",
            date="",
        ),
        at=datetime(2024, 3, 1, tzinfo=UTC),
    )
    if request.param == "indexed":
        account.index()
    yield account
    account.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (q.All(), [1, 2, 3, 4]),
        (q.Text("quarterly report"), [1, 4]),
        (q.Text("REPORT"), [1, 4]),
        (q.Text("zürich"), [1]),
        (q.Text("ZÜRICH"), [1]),
        (q.Body("zurich"), []),
        (q.Body("report"), []),
        (q.Text("会议"), [2]),
        (q.Text("议记"), [2]),
        (q.Text("会记"), []),
        (q.Body("会议"), []),
        (q.Body("预算"), [2]),
        (q.Body("预"), [2]),
        (q.Body("算"), [2]),
        (q.Body("讨论预"), [2]),
        (q.Body("步：讨"), [2]),
        (q.Body("。"), [2, 3]),
        (q.Body("配送"), [3]),
        (q.Text("知ら"), [3]),
        (q.Body("50% off_now"), [3]),
        (q.Body("50_"), []),
        (q.Body("%"), [3]),
        (q.Body("_n"), [3]),
        (q.Body('"quoted"'), [3]),
        (q.Body("100*?[x]"), [3]),
        (q.Body("100*?[y]"), []),
        (q.Body("strasse and straße"), [4]),
        (q.Body("ガ"), [4]),
        (q.Body(""), [1, 2, 3, 4]),
        (q.Text("zz"), []),
        (q.Field("from", "müller"), [1]),
        (q.Field("from", "王小"), [2]),
        (q.Field("from", "ann@"), [1, 3, 4]),
        (q.Field("to", "carol"), [3]),
        (q.Field("cc", "dan@example"), [3]),
        (q.Field("cc", "da"), [3]),
        (q.Field("cc", ""), [1, 2, 3, 4]),
        (q.Field("bcc", "carol"), []),
        (q.Field("subject", "会议记"), [2]),
        (q.Field("subject", "re: q"), [4]),
        (q.Header("X-Kind", "blue"), [4]),
        (q.Header("x-kind", "Letter"), [4]),
        (q.Header("X-Kind", "quarterly"), []),
        (q.Header("X-Kin", "blue"), []),
        (q.Header("X-Empty", ""), [4]),
        (q.Header("X-Empty", "b"), []),
        (q.Header("X-None", ""), []),
        (q.Header("Subject", "会"), [2]),
        (q.Header("dkim-signature", "CDEFG"), [4]),
        (q.Header("dkim-signature", ""), [4]),
        (q.Flag("\\Seen"), [1]),
        (q.Flag("\\SEEN", present=False), [2, 3, 4]),
        (q.Flag("\\Flagged"), [3]),
        (q.Flag("\\Flagged", present=False), [1, 2, 4]),
        (q.Flag("\\Deleted"), []),
        (q.Flag("work"), [3]),
        (q.Flag("wor"), []),
        (q.Flag("work", present=False), [1, 2, 4]),
        (q.Flag("unknown", present=False), [1, 2, 3, 4]),
        (q.Larger(0), [1, 2, 3, 4]),
        (q.Smaller(0), []),
        (q.Uids(((2, 3),)), [2, 3]),
        (q.Uids(()), []),
        (q.Uids(tuple((n, n) for n in range(3, 60))), [3, 4]),
        (q.Not(q.Uids(tuple((n, n) for n in range(3, 60)))), [1, 2]),
        (q.Not(q.Text("report")), [2, 3]),
        (q.Or(q.Text("会议"), q.Flag("Work")), [2, 3]),
        (q.And(()), [1, 2, 3, 4]),
        (q.And((q.Text("report"), q.Flag("\\Seen"))), [1]),
        (q.And((q.Text("report"), q.Not(q.Flag("\\Seen")))), [4]),
        (q.Not(q.Or(q.Body("预"), q.Not(q.Field("from", "ann")))), [1, 3, 4]),
        # The day that the sender wrote, whatever the zone; without a Date field the day of arrival.
        (q.Sent("on", date(2024, 1, 31)), [2]),
        (q.Sent("on", date(2024, 2, 1)), []),
        (q.Sent("before", date(2024, 1, 31)), [1, 3]),
        (q.Sent("since", date(2024, 1, 31)), [2, 4]),
        (q.Sent("on", date(2024, 3, 1)), [4]),
        (q.Internal("on", date(2024, 3, 1)), [4]),
        (q.Internal("before", date(2024, 3, 1)), [1, 2, 3]),
        (q.Internal("since", date(2024, 3, 1)), [4]),
        (q.SaveDate("on", NOW.date()), [1, 2, 3, 4]),
        (q.SaveDate("before", NOW.date()), []),
        (q.Older(0), [1, 2, 3]),
        (q.Younger(10), [1, 2, 3, 4]),
        (q.Younger(-1), [4]),
        (q.Modseq(1), [1, 2, 3, 4]),
        (q.Modseq(4), [3, 4]),
        (q.ThreadId("T1"), [1, 4]),
        (q.ThreadId("T99"), []),
        (q.ThreadId("x"), []),
        (q.EmailId("M00"), []),
        (q.EmailId("M" + "z" * 32), []),
    ],
    ids=repr,
)
def test_found(mail: MailAccount, query: q.Query, expected: list[int]):
    assert find(mail, query) == expected


@pytest.mark.parametrize("flag", ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "work", "unknown"])
@pytest.mark.parametrize("present", [True, False])
def test_not_is_the_rest(mail: MailAccount, flag: str, *, present: bool):
    leaf = q.Flag(flag, present=present)
    rest = [uid for uid in find(mail, q.All()) if uid not in find(mail, leaf)]
    assert find(mail, q.Not(leaf)) == rest
    assert find(mail, q.Not(q.And((leaf,)))) == rest
    assert find(mail, q.Not(q.And((leaf, q.All())))) == rest
    assert find(mail, q.Not(q.Or(leaf, leaf))) == rest


def test_by_object_ids(mail: MailAccount):
    for row in mail.rows():
        assert find(mail, q.EmailId(row.email_id)) == [row.uid]
        assert row.uid in find(mail, q.ThreadId(row.thread_id))


def test_only_this_mailbox(mail: MailAccount):
    mail.append(letter("Quarterly Report"), box="Sent")
    assert find(mail, q.Text("quarterly"), "Sent") == [1]
    assert find(mail, q.Text("quarterly")) == [1, 4]
    assert find(mail, q.All(), "Junk") == []


def test_a_long_term_and_a_long_text(account: MailAccount):
    words = " ".join(f"word{n}" for n in range(3000))
    account.append(letter("long", words))
    account.append(letter("short", "word1 word2"))
    account.index()
    assert find(account, q.Body("word2998 word2999")) == [1]
    assert find(account, q.Body(words[5000:9000])) == [1]
    assert find(account, q.Body(words[5000:9000] + "x")) == []


def test_text_in_an_encoded_header_and_in_html(account: MailAccount):
    account.append(
        b"Subject: =?utf-8?B?5Lya6K6u6K6w5b2V?=\r\nContent-Type: text/html; charset=gb2312\r\n\r\n<p>\xb1\xb1<b>\xbe\xa9</b></p>"
    )
    account.index()
    assert find(account, q.Field("subject", "会议记录")) == [1]
    assert find(account, q.Body("北京")) == [1]
    assert find(account, q.Text("=?utf-8")) == []


def test_limits(account: MailAccount):
    deep: q.Query = q.All()
    for _ in range(101):
        deep = q.Not(deep)
    with pytest.raises(QueryTooComplex):
        find(account, deep)
    with pytest.raises(QueryTooComplex):
        find(account, q.And(tuple(q.Larger(n) for n in range(101))))
    find(account, q.And(tuple(q.Text(f"w{n}") for n in range(100))))
    nested: q.Query = q.Text("x")
    for _ in range(99):
        nested = q.Or(q.Larger(1), nested)
    find(account, nested)


WORDS = st.text(st.sampled_from('abß 中文会議𠮷%_*"Ａ'), max_size=12)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), WORDS, st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_the_texts_that_hold_the_term(account: MailAccount, mails, term: str, indexed: bool):
    """The answer is that of a scan, whatever index was asked."""
    before = account.rows()[-1:]
    start = before[0].uid + 1 if before else 1
    for subject, body in mails:
        account.append(letter("s " + subject + " s", "b" + body + "b", date=""))
    if indexed:
        account.index()
    wanted = fold(term)
    in_body = [start + n for n, (_, body) in enumerate(mails) if wanted in fold("b" + body + "b")]
    in_subject = [start + n for n, (subject, _) in enumerate(mails) if wanted in fold("s " + subject + " s").strip()]
    here = q.Uids(((start, start + len(mails)),))
    if wanted.strip() == wanted and "  " not in wanted:
        assert find(account, q.And((here, q.Body(term)))) == in_body
        if all("  " not in subject for subject, _ in mails):
            assert find(account, q.And((here, q.Field("subject", term)))) == in_subject


@given(
    st.lists(st.integers(1, 200), unique=True),
    st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), max_size=30),
)
def test_within_ranges(uids: list[int], ranges: list[tuple[int, int]]):
    uids = sorted(uids)
    expected = [uid for uid in uids if any(min(pair) <= uid <= max(pair) for pair in ranges)]
    assert predicate.within(uids, tuple(ranges)) == expected


def test_lines_of_a_header():
    lines = "\nsubject: one\nx-a: two three\nx-a: four\n"
    assert predicate.field_holds(lines, "x-a", "three")
    assert predicate.field_holds(lines, "x-a", "four")
    assert not predicate.field_holds(lines, "x-a", "one")
    assert not predicate.field_holds(lines, "a", "two")
    assert not predicate.field_holds("", "a", "two")


def test_cheap_questions_use_their_index(account: MailAccount):
    """The planner, told what a grown account looks like, walks through no mailbox for these."""
    account.fill(1)
    expected = {
        q.Flag("\\Seen", present=False): "placement_unseen",
        q.Flag("\\Flagged"): "placement_flagged",
        q.Flag("\\Deleted"): "placement_deleted",
        q.Sent("on", NOW.date()): "placement_sent",
        q.Internal("on", NOW.date()): "placement_arrival",
        q.Text("rare word"): "ix_placement_content_id",
        q.Text("中文"): "ix_placement_content_id",
    }
    account.index()
    for query, index in expected.items():
        plan = account.read(lambda r, query=query: explain(r, query))
        assert index in plan, (query, plan)


def explain(r, query: q.Query) -> str:
    from sqlalchemy import select
    from sqlalchemy.dialects import sqlite

    from server.store.schema import placement

    condition = predicate.Compiler(r, 1, now=NOW + timedelta()).compile(query)
    statement = select(placement.c.uid).where(placement.c.mailbox_id == 1, condition).order_by(placement.c.uid)
    sql = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    return " / ".join(row[3] for row in r.raw("EXPLAIN QUERY PLAN " + sql).fetchall())
