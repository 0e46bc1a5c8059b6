from server.imap.syntax.thread_response import thread_list
from server.mail import thread
from server.store import copy, expunge, flags, threads
from server.store import query as q
from tests.fakes.mail_account import MailAccount, letter

EVERY = q.All()


def date(n: int) -> str:
    return f"Mon, 01 Jan 2024 {n // 60:02}:{n % 60:02}:00 +0000"


def references(account: MailAccount, query: q.Query = EVERY, **how) -> str:
    uids, columns = account.read(lambda r: threads.read(r, 1, query, **how))
    return thread_list(thread.references(columns), uids).decode()


def by_subject(account: MailAccount, query: q.Query = EVERY) -> str:
    uids, columns = account.read(lambda r: threads.read(r, 1, query))
    return thread_list(thread.ordered_subject(columns), uids).decode()


def test_an_empty_mailbox(account: MailAccount):
    assert references(account) == by_subject(account) == ""


def test_trees(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("b", message_id="2@x", date=date(2)))
    account.append(letter("Re: a", message_id="3@x", references=["1@x"], date=date(3)))
    account.append(letter("Re: a", message_id="4@x", references=["1@x"], date=date(4)))
    account.append(letter("Re: a", message_id="5@x", references=["1@x", "3@x"], date=date(5)))
    assert references(account) == "(1 (3 5)(4))(2)"
    assert references(account, before=4) == "(1 3)(2)"


def test_ordered_by_the_first_message_not_by_arrival(account: MailAccount):
    account.append(letter("late", message_id="1@x", date=date(9)))
    account.append(letter("early", message_id="2@x", date=date(1)))
    account.append(letter("at its arrival", message_id="3@x", date=""))
    assert references(account) == "(3)(2)(1)"


def test_only_the_messages_asked_for_count(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("Re: a", message_id="2@x", references=["1@x"], date=date(2)))
    account.append(letter("Re: a", message_id="3@x", references=["1@x", "2@x"], date=date(3)))
    account.append(letter("Re: a", message_id="4@x", references=["1@x", "2@x"], date=date(4)))
    assert references(account) == "(1 2 (3)(4))"
    assert references(account, q.Uids(((1, 1), (3, 4)))) == "(1 (3)(4))"
    assert references(account, q.Uids(((3, 4),))) == "((3)(4))"
    account.write(lambda w: expunge.remove(w, 1, [1]))
    assert references(account) == "(2 (3)(4))"


def test_all_the_references_count_and_the_nearest_most(account: MailAccount):
    account.append(letter("other words", message_id="3@x", references=["1@x", "2@x"], date=date(3)))
    account.append(letter("more", message_id="2@x", references=["1@x"], date=date(2)))
    account.append(letter("again", message_id="1@x", date=date(1)))
    account.append(letter("and", message_id="4@x", references=["1@x", "gone@x"], date=date(4)))
    assert references(account) == "(3 (2 1)(4))"


def test_in_reply_to_counts_where_there_are_no_references(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("b", message_id="2@x", date=date(2)))
    account.append(letter("c", extra="In-Reply-To: <1@x> <2@x>", date=date(3)))
    account.append(letter("d", references=["2@x"], extra="In-Reply-To: <1@x>", date=date(4)))
    account.append(letter("e", references=["not an id"], extra="In-Reply-To: Bob's <2@x>", date=date(5)))
    assert references(account) == "(1 3)(2 (4)(5))"


def test_quoting_of_an_id_makes_no_difference(account: MailAccount):
    account.append(letter("a", message_id='"1"@x', date=date(1)))
    account.append(letter("b", references=["1@x"], date=date(2)))
    account.append(letter("c", message_id="A@x", date=date(3)))
    account.append(letter("d", references=["a@x"], date=date(4)))
    assert references(account) == "(1 2)(3)(4)"


def test_subjects_gather(account: MailAccount):
    account.append(letter("Re: Plan", message_id="1@x", date=date(1)))
    account.append(letter("[list] plan", message_id="2@x", date=date(2)))
    account.append(letter("Plan (fwd)", message_id="3@x", date=date(3)))
    account.append(letter("Re:", date=date(4)))
    account.append(letter("", date=date(5)))
    assert references(account) == "(2 (1)(3))(4)(5)"


def test_a_long_chain_keeps_its_first_and_nearest(account: MailAccount):
    chain = [f"{n}@x" for n in range(300)]
    account.append(letter("a", message_id="0@x", date=date(1)))
    account.append(letter("b", message_id="299@x", date=date(2)))
    account.append(letter("c", references=chain, date=date(3)))
    assert references(account) == "(1 2 3)"
    assert references(account, q.Uids(((1, 1), (3, 3)))) == "(1 3)"


def test_many_at_a_time(account: MailAccount, monkeypatch):
    for n in range(7):
        account.append(letter(f"{n}", message_id=f"{n}@x", references=["0@x"] if n > 4 else [], date=date(n)))
    whole = references(account)
    for size in (1, 2, 7, 8):
        monkeypatch.setattr(threads, "AT_ONCE", size)
        assert references(account) == whole == "(1 (6)(7))(2)(3)(4)(5)"


def test_a_copy_is_a_message_of_its_own(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("b", references=["1@x"], date=date(2)))
    account.write(lambda w: copy.copy(w, 1, [1, 2], 1))
    assert references(account) == "((1 (2)(4))(3))"


def test_a_message_whose_row_is_lost_is_alone(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("b", references=["1@x"], date=date(2)))
    account.write(lambda w: w.raw("DELETE FROM lineage WHERE content_id = 1"))
    assert references(account) == "(1)(2)"


def test_by_subject(account: MailAccount):
    account.append(letter("a", sender="x@x", date=date(1)))
    account.append(letter("b", date=date(2)))
    account.append(letter("Re: A", sender="y@x", date=date(3)))
    account.append(letter("[fwd: a]", date=date(0)))
    account.append(letter("b" * 250 + "1", date=date(4)))
    account.append(letter("b" * 250 + "2", date=date(5)))
    assert by_subject(account) == "(4 (1)(3))(2)(5)(6)"
    assert by_subject(account, q.Uids(((1, 3),))) == "(1 3)(2)"


def test_pages_of_conversations(account: MailAccount):
    for n in range(12):
        account.append(
            letter(f"t{n % 4}", message_id=f"{n}@x", references=[f"{n % 4}@x"] if n > 3 else [], date=date(n))
        )
    account.append(letter("elsewhere", message_id="e@x", references=["0@x"], date=date(50)), box="Sent")
    account.write(lambda w: flags.store_flags(w, 1, [12, 8], "add", ["\\Seen"]))
    first = account.read(lambda r: threads.page(r, 1, limit=3))
    assert [(line.newest_uid, line.messages, line.unseen) for line in first] == [(12, 3, 1), (11, 3, 3), (10, 3, 3)]
    second = account.read(lambda r: threads.page(r, 1, limit=3, before=(first[-1].newest, first[-1].newest_uid)))
    assert [line.newest_uid for line in second] == [9]
    assert len({line.thread_id for line in first + second}) == 4


def test_pages_when_dates_are_equal(account: MailAccount):
    for n in range(7):
        account.append(letter(f"t{n}", message_id=f"{n}@x"))
    seen, before = [], None
    while page := account.read(lambda r, before=before: threads.page(r, 1, limit=2, before=before)):
        seen += [line.newest_uid for line in page]
        before = (page[-1].newest, page[-1].newest_uid)
    assert seen == [7, 6, 5, 4, 3, 2, 1]
