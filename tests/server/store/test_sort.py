from datetime import UTC, datetime

import pytest

from server.store import query as q
from server.store.sort import sort
from tests.fakes.mail_account import MailAccount, letter

EVERY = q.All()
APRIL, MAY, JUNE = (datetime(2024, month, 1, tzinfo=UTC) for month in (4, 5, 6))


@pytest.fixture
def mail(account: MailAccount) -> MailAccount:
    account.append(
        letter("banana", "x" * 50, sender="Zoe <a@x>", to="Bob <q@x>", date="3 Jan 2024 00:00:00 +0000"), at=MAY
    )
    account.append(letter("Re: Apple", "x", sender="Ann <c@x>", to="<p@x>", date="1 Jan 2024 00:00:00 +0000"), at=JUNE)
    account.append(
        letter("[list] apple", "x" * 50, sender="b@x", to="Al <r@x>", date="2 Jan 2024 00:00:00 +0000"), at=APRIL
    )
    account.append(letter("cherry", "x" * 50, sender="Ann <c@x>", to="Al <r@x>", date=""), at=APRIL)
    return account


def order(account: MailAccount, *criteria, query: q.Query = EVERY, **window) -> list[int]:
    return account.read(lambda r: sort(r, 1, query, criteria, **window))


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ([("arrival", False)], [3, 4, 1, 2]),
        ([("arrival", True)], [2, 1, 3, 4]),
        ([("date", False)], [2, 3, 1, 4]),
        ([("date", True)], [4, 1, 3, 2]),
        ([("subject", False)], [2, 3, 1, 4]),
        ([("subject", False), ("date", True)], [3, 2, 1, 4]),
        ([("from", False)], [1, 3, 2, 4]),
        ([("from", True), ("date", False)], [2, 4, 3, 1]),
        ([("to", False), ("arrival", False)], [2, 1, 3, 4]),
        ([("displayfrom", False)], [2, 4, 3, 1]),
        ([("displayto", True)], [2, 1, 3, 4]),
        ([("cc", False)], [1, 2, 3, 4]),
        ([], [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_order(mail: MailAccount, criteria, expected: list[int]):
    assert order(mail, *criteria) == expected


def test_by_size(mail: MailAccount):
    sizes = {row.uid: row.size for row in mail.rows()}
    assert order(mail, ("size", False)) == sorted(sizes, key=lambda uid: (sizes[uid], uid))
    assert order(mail, ("size", True)) == sorted(sizes, key=lambda uid: (-sizes[uid], uid))


def test_windows_are_parts_of_the_whole(mail: MailAccount):
    whole = order(mail, ("date", True))
    for offset in range(6):
        for limit in range(6):
            assert order(mail, ("date", True), offset=offset, limit=limit) == whole[offset : offset + limit]
    assert order(mail, ("date", True), offset=2) == whole[2:]


def test_only_what_matches(mail: MailAccount):
    assert order(mail, ("date", True), query=q.Field("subject", "apple")) == [3, 2]
    assert order(mail, ("subject", True), query=q.Field("subject", "an"), limit=5) == [1]


def test_a_page_reads_its_index(mail: MailAccount):
    for key, index in (("date", "placement_sent"), ("arrival", "placement_arrival")):
        plan = mail.read(lambda r, key=key: explain(r, key))
        assert index in plan
        assert "TEMP B-TREE FOR ORDER BY" not in plan


def explain(r, key: str) -> str:
    class Explaining:
        def tuples(self, statement):
            sql = str(statement.compile(compile_kwargs={"literal_binds": True}))
            return ((row[3],) for row in r.raw("EXPLAIN QUERY PLAN " + sql))

    return " / ".join(sort(Explaining(), 1, q.All(), [(key, True)], limit=50))


def test_letters_compare_as_capitals(account: MailAccount):
    """RFC 5051 §2: `[` and `_` stand between the capitals and the small letters, so they come after all of them."""
    for subject in ("[xyz]", "beta", "_", "Alpha", "zeta"):
        account.append(letter(subject))
    assert order(account, ("subject", False)) == [4, 2, 5, 1, 3]


def test_a_group_stands_by_its_name(account: MailAccount):
    """RFC 5256 §3 and RFC 5957 §3 compare what the envelope has first, and that is the group."""
    for to in ("m: zed@example.org;", "bob@example.org", "empty:;", "Zoe <ann@example.org>"):
        account.append(letter(to=to))
    assert order(account, ("to", False)) == [4, 2, 3, 1]
    assert order(account, ("displayto", False)) == [2, 3, 1, 4]
