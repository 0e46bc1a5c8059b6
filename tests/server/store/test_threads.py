from server.store import expunge, flags, subjects, threads
from server.store import query as q
from server.store.threads import Node
from tests.fakes.mail_account import MailAccount, letter

EVERY = q.All()


def date(n: int) -> str:
    return f"Mon, 01 Jan 2024 {n // 60:02}:{n % 60:02}:00 +0000"


def shape(node: Node):
    return (node.uid, [shape(child) for child in node.children]) if node.children else node.uid


def trees(account: MailAccount, query: q.Query = EVERY):
    return [shape(node) for node in account.read(lambda r: threads.threads(r, 1, query))]


def test_trees(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("b", message_id="2@x", date=date(2)))
    account.append(letter("Re: a", message_id="3@x", references=["1@x"], date=date(3)))
    account.append(letter("Re: a", message_id="4@x", references=["1@x"], date=date(4)))
    account.append(letter("Re: a", message_id="5@x", references=["1@x", "3@x"], date=date(5)))
    assert trees(account) == [(1, [(3, [5]), 4]), 2]


def test_ordered_by_the_first_message_not_by_arrival(account: MailAccount):
    account.append(letter("late", message_id="1@x", date=date(9)))
    account.append(letter("early", message_id="2@x", date=date(1)))
    assert trees(account) == [2, 1]


def test_a_missing_parent(account: MailAccount):
    account.append(letter("a", message_id="1@x", date=date(1)))
    account.append(letter("Re: a", message_id="2@x", references=["1@x"], date=date(2)))
    account.append(letter("Re: a", message_id="3@x", references=["1@x", "2@x"], date=date(3)))
    assert trees(account, q.Uids(((1, 1), (3, 3)))) == [(1, [3])]
    account.write(lambda w: expunge.remove(w, 1, [1]))
    assert trees(account) == [(2, [3])]


def test_loops_and_answers_to_themselves_end(account: MailAccount):
    account.append(letter("a", message_id="1@x", references=["2@x"], date=date(1)))
    account.append(letter("b", message_id="2@x", references=["1@x"], date=date(2)))
    account.append(letter("c", message_id="1@x", references=["1@x"], date=date(3)))
    assert trees(account) == [(1, [2, 3])]


def test_deep_chains_are_flattened(account: MailAccount):
    for n in range(threads.DEEPEST + 30):
        account.append(letter("a", message_id=f"{n}@x", references=[f"{n - 1}@x"] if n else [], date=date(n)))
    (root,) = account.read(lambda r: threads.threads(r, 1, q.All()))
    depth, count, level = 0, 0, [root]
    while level:
        depth, count = depth + 1, count + len(level)
        level = [child for node in level for child in node.children]
    assert depth <= threads.DEEPEST + 2
    assert count == threads.DEEPEST + 30


def test_by_subject(account: MailAccount):
    account.append(letter("a", sender="x@x", date=date(1)))
    account.append(letter("b", date=date(2)))
    account.append(letter("Re: A", sender="y@x", date=date(3)))
    found = account.read(lambda r: subjects.threads(r, 1, q.All()))
    assert [shape(node) for node in found] == [(1, [3]), 2]


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
