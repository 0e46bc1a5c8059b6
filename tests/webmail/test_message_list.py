from datetime import UTC, datetime, timedelta

import pytest

from tests.webmail.mail_rooms import PNG, letter, rooms
from webmail import message_list
from webmail.conversation import Conversation
from webmail.envelope import Envelope, Fetched, Person
from webmail.imap_command import Value
from webmail.mail_error import MailRefused
from webmail.message_list import Cursor, Wish

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("list")) as made:
        for number in range(30):
            made.house.append(
                letter(f"Letter {number}", mid=f"<{number}@x>"),
                internaldate=START + timedelta(hours=number),
                flags=("\\Seen",) if number % 2 else (),
            )
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def subjects(page):
    return [int(row.message.envelope.subject.split()[-1]) for row in page.rows]


def test_pages_follow_each_other_newest_first(mail):
    first = message_list.page(mail, "INBOX", Wish(), size=12)
    assert subjects(first) == list(range(29, 17, -1))
    assert first.total == 30
    second = message_list.page(mail, "INBOX", Wish(), first.cursor, size=12)
    third = message_list.page(mail, "INBOX", Wish(), second.cursor, size=12)
    assert subjects(second) + subjects(third) == list(range(17, -1, -1))
    assert third.cursor is None


def test_the_end_of_a_page_is_found_again_after_arrivals_and_removals(mail):
    first = message_list.page(mail, "INBOX", Wish(), size=10)
    anchor = first.rows[-1].uid
    moved = Cursor(first.cursor.offset + 3, anchor)  # as if three had been archived since
    assert subjects(message_list.page(mail, "INBOX", Wish(), moved, size=5)) == [19, 18, 17, 16, 15]
    moved = Cursor(first.cursor.offset - 3, anchor)  # as if three had arrived
    assert subjects(message_list.page(mail, "INBOX", Wish(), moved, size=5)) == [19, 18, 17, 16, 15]
    lost = Cursor(10, 4_000_000)  # the anchor itself is gone: the place decides
    assert subjects(message_list.page(mail, "INBOX", Wish(), lost, size=5)) == [19, 18, 17, 16, 15]


@pytest.mark.parametrize(
    "capabilities",
    [{"IMAP4REV1"}, {"IMAP4REV1", "SORT"}, {"IMAP4REV1", "SORT", "ESORT", "ESEARCH", "PARTIAL", "PREVIEW"}],
)
def test_every_server_gives_the_same_page(mail, capabilities):
    mail.capabilities, mail.own = frozenset(capabilities), False
    first = message_list.page(mail, "INBOX", Wish(), size=12)
    assert subjects(first) == list(range(29, 17, -1))
    assert subjects(message_list.page(mail, "INBOX", Wish(), first.cursor, size=12)) == list(range(17, 5, -1))
    assert subjects(message_list.page(mail, "INBOX", Wish(order="oldest"), size=3)) == [0, 1, 2]


def test_filters_and_orders(mail):
    assert all(number % 2 == 0 for number in subjects(message_list.page(mail, "INBOX", Wish(filter="unread"))))
    assert subjects(message_list.page(mail, "INBOX", Wish(order="oldest"), size=3)) == [0, 1, 2]
    assert message_list.page(mail, "INBOX", Wish(filter="starred")).rows == ()
    assert message_list.page(mail, "INBOX", Wish(filter="files")).rows == ()
    assert len(message_list.page(mail, "INBOX", Wish(order="sender"), size=5).rows) == 5
    wanted = Wish(filter="unread", tokens=("SUBJECT", Value("Letter 4")))
    assert subjects(message_list.page(mail, "INBOX", wanted)) == [4]


def test_conversations_are_counted_beyond_the_page(place):
    house = place.house
    house.append(letter("Plan", sender="Mara <mara@x.example>", mid="<p1@x>"), "Archive", internaldate=START)
    for number in range(5):
        house.append(
            letter(f"Noise {number}", mid=f"<n{number}@x>"), "Archive", internaldate=START + timedelta(hours=1 + number)
        )
    house.append(
        letter("Re: Plan", sender="陈立 <chen@x.example>", mid="<p2@x>", reply_to="<p1@x>"),
        "Archive",
        internaldate=START + timedelta(days=1),
        flags=("\\Seen",),
    )
    mail = place.mail()
    first = message_list.page(mail, "Archive", Wish(), size=3)
    top = first.rows[0]
    assert top.count == 2
    assert [person.name for person in top.people] == ["Mara", "陈立"]
    assert top.unread
    second = message_list.page(mail, "Archive", Wish(), first.cursor, size=10)
    assert "Plan" not in [row.message.envelope.subject for row in second.rows]
    mail.close()


def test_a_deleted_message_is_not_shown(place):
    place.house.append(letter("Marked"), "Junk", flags=("\\Deleted",))
    mail = place.mail()
    assert message_list.page(mail, "Junk", Wish()).rows == ()
    mail.close()


def test_attachments_are_marked_with_and_without_the_keyword(place):
    place.house.append(letter("Files", files=[("a.png", "image/png", PNG)]), "Sent")
    mail = place.mail()
    (row,) = message_list.page(mail, "Sent", Wish(role="sent")).rows
    assert row.attachment
    assert row.outgoing
    assert [person.email for person in row.people] == ["ann@example.org"]
    assert len(message_list.page(mail, "Sent", Wish(filter="files")).rows) == 1
    mail.own = False
    (row,) = message_list.page(mail, "Sent", Wish()).rows
    assert row.attachment
    assert len(message_list.page(mail, "Sent", Wish(filter="files")).rows) == 1
    mail.close()


def test_no_such_mailbox(mail):
    with pytest.raises(MailRefused):
        message_list.page(mail, "Nowhere", Wish())


@pytest.mark.parametrize(
    ("text", "cursor"),
    [
        ("50.251", Cursor(50, 251)),
        ("", Cursor()),
        ("x", Cursor()),
        ("-1.5", Cursor()),
        ("5", Cursor()),
        ("1.2.3", Cursor()),
        ("9" * 30 + ".1", Cursor()),
        ("٣.١", Cursor()),
    ],
)
def test_cursors_of_links(text, cursor):
    assert Cursor.parse(text) == cursor
    assert Cursor.parse(str(Cursor(7, 9))) == Cursor(7, 9)


def test_labels_are_what_a_person_set():
    flags = frozenset({"\\Seen", "$Junk", "NonJunk", "Travel", "invoices"})
    assert message_list.labels(flags) == ("invoices", "Travel")
    assert len(message_list.labels(frozenset(map(str, range(20))))) == 4


def test_any_of_is_a_balanced_tree():
    keys = message_list.any_of([("THREADID", f"T{n}") for n in range(50)])
    depth = deepest = 0
    open_keys = []
    for token in keys:
        if token == "OR":
            open_keys.append(2)
            depth = len(open_keys)
            deepest = max(deepest, depth)
        elif token == "THREADID":
            while open_keys:
                open_keys[-1] -= 1
                if open_keys[-1]:
                    break
                open_keys.pop()
    assert deepest <= 7
    assert keys.count("OR") == 49


def test_marks_of_a_row():
    message = Fetched(
        1,
        flags=frozenset({"\\Seen", "\\Flagged", "\\Answered", "$Forwarded"}),
        envelope=Envelope(from_=(Person("", "a@x"),)),
    )
    row = message_list.row(Conversation((message,)), "INBOX", 5)
    assert (row.unread, row.starred, row.answered, row.forwarded, row.key) == (False, True, True, True, "1")
