from datetime import UTC, date, datetime

import pytest

from tests.webmail.mail_rooms import letter, rooms
from webmail import mailbox_list, query, search
from webmail.mailbox_list import Mailbox


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("search")) as made:
        house = made.house
        house.append(letter("Drawings", "the long table\n"), internaldate=datetime(2026, 1, 1, tzinfo=UTC))
        house.append(letter("Drawings again", "another\n"), "Archive", internaldate=datetime(2026, 2, 1, tzinfo=UTC))
        house.append(letter("Drawings of spam"), "Junk", internaldate=datetime(2026, 3, 1, tzinfo=UTC))
        house.append(letter("旅行", "机票已经订好\n"), internaldate=datetime(2026, 4, 1, tzinfo=UTC))
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def find(mail, text, chosen=""):
    wanted = query.parse(text, date(2026, 11, 24))
    places = search.scope(mailbox_list.load(mail), wanted, chosen)
    return search.run(mail, places, wanted)


def subjects(found):
    return [row.message.envelope.subject for row in found.rows]


def test_all_mail_but_junk_and_trash_newest_first(mail):
    found = find(mail, "drawings")
    assert subjects(found) == ["Drawings again", "Drawings"]
    assert found.total == 2
    assert [row.mailbox for row in found.rows] == ["Archive", "INBOX"]


def test_one_folder_by_choice_or_by_operator(mail):
    assert subjects(find(mail, "drawings", "Archive")) == ["Drawings again"]
    assert subjects(find(mail, "in:junk drawings")) == ["Drawings of spam"]
    assert subjects(find(mail, "in:anywhere drawings")) == ["Drawings of spam", "Drawings again", "Drawings"]
    assert find(mail, "in:nowhere x").rows == ()


def test_words_of_two_chinese_characters(mail):
    assert subjects(find(mail, "机票")) == ["旅行"]
    assert subjects(find(mail, "subject:旅行 OR table")) == ["旅行", "Drawings"]


def test_rows_are_bounded_and_the_count_is_true(mail):
    wanted = query.parse("drawings", date(2026, 11, 24))
    found = search.run(mail, [Mailbox("INBOX"), Mailbox("Archive")], wanted, limit=1)
    assert len(found.rows) == 1
    assert found.total == 2


def test_a_mailbox_that_vanished_is_counted_not_fatal(mail):
    found = search.run(mail, [Mailbox("Vanished"), Mailbox("INBOX")], query.parse("table", date(2026, 11, 24)))
    assert found.refused == 1
    assert subjects(found) == ["Drawings"]


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "(",
        "((a OR",
        "-",
        "from:",
        "\\",
        "{9}",
        "in:",
        "a" * 600,
        "周" * 400,
        "is:unread is:read",
        "larger:1 smaller:2",
        "%00",
        "' OR 1=1 --",
        "NEAR/2",
        "*",
        "a NOT b AND",
    ],
)
def test_whatever_is_typed_the_server_can_read_it(mail, text):
    assert find(mail, text).refused == 0


def test_a_server_that_cannot_sort(mail):
    mail.capabilities = frozenset({"IMAP4REV1", "OBJECTID"})
    assert subjects(find(mail, "drawings")) == ["Drawings again", "Drawings"]
