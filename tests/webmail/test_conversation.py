from datetime import UTC, datetime, timedelta

import pytest

from webmail import conversation
from webmail.envelope import Envelope, Fetched

START = datetime(2026, 11, 1, tzinfo=UTC)


def message(uid, *, thread="", subject="", reply_to="", mid=""):
    envelope = Envelope(subject=subject, in_reply_to=reply_to, message_id=mid or f"<{uid}@x>")
    return Fetched(uid, arrived=START + timedelta(minutes=uid), thread_id=thread, envelope=envelope)


def grouped(order, messages, more=()):
    return [one.uids for one in conversation.group(order, {m.uid: m for m in messages}, more)]


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Re: a", ("a", True)),
        ("AW: Re[2]: Fwd: A  b", ("a b", True)),
        ("回复：你好", ("你好", True)),
        ("Report", ("report", False)),
        ("re", ("re", False)),
        ("", ("", False)),
    ],
)
def test_base_subjects(subject, base):
    assert conversation.base_subject(subject) == base


def test_prefixes_without_end_end():
    assert conversation.base_subject("Re: " * 5000)[1]


def test_the_server_decides_where_it_says():
    messages = [message(1, thread="T1"), message(2, thread="T2"), message(3, thread="T1")]
    assert grouped([3, 2, 1], messages) == [(3, 1), (2,)]


def test_without_a_thread_id_replies_join_what_they_answer():
    messages = [
        message(1, subject="Plan"),
        message(2, subject="Other"),
        message(3, subject="Re: Plan", reply_to="<1@x>"),
        message(4, subject="AW: plan", reply_to="<gone@x>"),
    ]
    assert grouped([4, 3, 2, 1], messages) == [(4, 3, 1), (2,)]


def test_the_same_subject_alone_joins_nothing():
    assert grouped([2, 1], [message(1, subject="Invoice"), message(2, subject="Invoice")]) == [(2,), (1,)]


def test_members_from_outside_are_counted():
    more = [message(1, thread="T1")]
    assert grouped([5], [message(5, thread="T1")], more) == [(5, 1)]


def test_a_conversation_shown_on_an_earlier_page_is_left_out():
    newer = [message(9, thread="T1")]
    assert grouped([5, 4], [message(5, thread="T1"), message(4, thread="T2")], newer) == [(4,)]


def test_uids_that_the_server_did_not_give_are_left_out():
    assert grouped([7, 5], [message(5)]) == [(5,)]


@pytest.mark.parametrize("tail", [" " * 200_000, "[" + "1" * 200_000, " [1]" + " " * 200_000])
def test_t076_a_subject_of_blanks_is_read_in_one_pass(tail):
    assert conversation.base_subject("re" + tail + "x")[1] is False
    assert conversation.base_subject("Re: AW [2] : Hello" + " " * 10) == ("hello", True)
