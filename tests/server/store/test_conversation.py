from datetime import UTC, datetime, timedelta

from server.store import collect, expunge
from tests.fakes.mail_account import MailAccount, letter

ANN, BOB, EVE = "Ann <ann@x>", "Bob <bob@x>", "Eve <eve@x>"


def thread(account: MailAccount, *args, **kwargs) -> str:
    return account.append(letter(*args, **kwargs)).thread_id


def test_by_references(account: MailAccount):
    first = thread(account, "plan", message_id="1@x")
    assert thread(account, "Re: plan", message_id="2@x", references=["1@x"]) == first
    assert thread(account, "quite another subject", message_id="3@x", references=["0@x", "2@x"]) == first
    assert thread(account, "plan", message_id="4@x") != first


def test_by_in_reply_to(account: MailAccount):
    first = thread(account, "plan", message_id="1@x")
    assert thread(account, "Re: plan", extra="In-Reply-To: <1@x>", sender=EVE) == first


def test_an_answer_that_arrives_before_its_question(account: MailAccount):
    answer = thread(account, "Re: plan", message_id="2@x", references=["1@x"])
    sibling = thread(account, "Re: plan (2)", message_id="3@x", references=["1@x"])
    assert thread(account, "plan", message_id="1@x") == answer == sibling


def test_the_nearest_relative_decides(account: MailAccount):
    far, near = thread(account, "a", message_id="far@x"), thread(account, "b", message_id="near@x")
    assert far != near
    assert thread(account, "c", message_id="c@x", references=["far@x", "near@x"]) == near


def test_sent_mail_joins_in(account: MailAccount):
    first = account.append(letter("plan", message_id="1@x", sender=ANN, to=BOB)).thread_id
    reply = letter("Re: plan", message_id="2@x", references=["1@x"], sender=BOB, to=ANN)
    assert account.append(reply, box="Sent").thread_id == first


def test_by_subject_between_the_same_people_only(account: MailAccount):
    first = thread(account, "plan", sender=ANN, to=BOB)
    assert thread(account, "Re: plan", sender=BOB, to=ANN) == first
    assert thread(account, "RE: [list] Plan", sender=BOB, to=f"{ANN}, {EVE}") == first
    assert thread(account, "Re: plan", sender=EVE, to=BOB) == first
    assert thread(account, "Re: plan", sender="mallory@x", to=BOB) != first
    assert thread(account, "Re: plan", sender="mallory@x", to=f"{BOB}, {ANN}") != first


def test_two_strangers_with_the_same_subject_stay_apart(account: MailAccount):
    ann = thread(account, "Hello", sender=ANN, to=BOB)
    eve = thread(account, "Re: Hello", sender=EVE, to=BOB)
    assert ann != eve
    assert thread(account, "Re: Hello", sender=BOB, to=ANN) == ann
    assert thread(account, "Re: Hello", sender=BOB, to=EVE) == eve


def test_notes_to_oneself(account: MailAccount):
    first = thread(account, "shopping", sender=ANN, to=ANN)
    assert thread(account, "Re: shopping", sender=ANN, to=ANN) == first
    assert thread(account, "Re: shopping", sender=ANN, to=BOB) != first


def test_what_is_no_reply_does_not_join_by_subject(account: MailAccount):
    assert thread(account, "report", sender=ANN, to=BOB) != thread(
        account, "report", sender=ANN, to=BOB, message_id="2@x"
    )
    assert thread(account, "", sender=ANN, to=BOB) != thread(account, "Re:", sender=BOB, to=ANN)


def test_old_mail_does_not_join_by_subject(account: MailAccount):
    first = thread(account, "plan", sender=ANN, to=BOB, date="1 Jan 2024 00:00:00 +0000")
    assert thread(account, "Re: plan", sender=BOB, to=ANN, date="1 Jun 2024 00:00:00 +0000") != first
    assert thread(account, "Re: plan", sender=BOB, to=ANN, date="20 Feb 2024 00:00:00 +0000", message_id="z@x") == first


def test_without_a_date_arrival_counts(account: MailAccount):
    start = datetime(2024, 1, 1, tzinfo=UTC)
    first = account.append(letter("plan", sender=ANN, to=BOB), at=start).thread_id
    late = letter("Re: plan", sender=BOB, to=ANN, date="")
    assert account.append(late, at=start + timedelta(days=100)).thread_id != first


def test_long_chains_hold_by_their_ends(account: MailAccount):
    names = [f"{n}@x" for n in range(80)]
    first = thread(account, "start", message_id=names[0])
    assert thread(account, "end", message_id="end@x", references=names) == first
    assert thread(account, "near the end", message_id="n@x", references=[names[75]]) == first


def test_numbers_of_ended_conversations_are_not_used_again(account: MailAccount):
    first = thread(account, "plan", message_id="1@x")
    account.write(lambda w: expunge.remove(w, 1, [1]))
    account.write(collect.collect)
    assert thread(account, "Re: plan", message_id="2@x", references=["1@x"]) != first


def test_the_same_octets_stay_in_their_conversation(account: MailAccount):
    first = account.append(letter("plan", message_id="1@x"))
    assert account.append(letter("plan", message_id="1@x"), box="Junk").thread_id == first.thread_id
