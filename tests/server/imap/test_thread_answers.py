from server.imap.commands import search
from server.imap.thread_answers import Question, ThreadAnswers
from server.store.model import Status
from tests.fakes.imap_house import message


def status(uidnext: int, messages: int, unseen: int = 0) -> Status:
    return Status(
        messages=messages, uidnext=uidnext, uidvalidity=1, unseen=unseen, deleted=0, size=1, highestmodseq=unseen + 1
    )


def question(mailbox_id: int = 1, *, owner: int = 1, uid: bool = True) -> Question:
    return Question(owner, mailbox_id, "REFERENCES", uid)


def test_an_answer_holds_while_the_messages_are_the_same():
    kept = ThreadAnswers()
    kept.put(question(), status(10, 5), b"(1)")
    assert kept.get(question(), status(10, 5, unseen=3)) == b"(1)"
    assert kept.get(question(), status(11, 5)) is None
    assert kept.get(question(), status(10, 4)) is None
    kept.put(question(), status(10, 4), b"(2)")
    assert kept.get(question(), status(10, 4)) == b"(2)"
    assert kept.get(question(), status(10, 5)) is None


def test_each_question_has_its_own():
    kept = ThreadAnswers()
    kept.put(question(), status(10, 5), b"(1)")
    for other in (question(2), question(owner=2), question(uid=False)):
        assert kept.get(other, status(10, 5)) is None


def test_the_oldest_goes_first():
    kept = ThreadAnswers(100)
    for number in (1, 2):
        kept.put(question(number), status(10, 5), b"x" * 50)
    assert kept.get(question(1), status(10, 5))
    kept.put(question(3), status(10, 5), b"x" * 40)
    assert [bool(kept.get(question(number), status(10, 5))) for number in (1, 2, 3)] == [True, False, True]
    kept.put(question(4), status(10, 5), b"x" * 101)
    assert kept.get(question(4), status(10, 5)) is None
    assert kept.get(question(1), status(10, 5))
    kept.put(question(5), status(10, 5), b"x" * 100)
    assert [bool(kept.get(question(number), status(10, 5))) for number in (1, 3, 5)] == [False, False, True]


async def test_what_is_answered_stays_true(house, monkeypatch):
    monkeypatch.setattr(search, "LARGE", 2)
    worked: list[int] = []
    whole = search._threads
    monkeypatch.setattr(search, "_threads", lambda *args: worked.append(1) or whole(*args))

    def add(number, *references):
        names = " ".join(f"<{n}@example.org>" for n in references)
        date = f"Sun, 1 Nov 2026 12:{number:02}:00 +0000"
        house.append(message(f"x{number}", message_id=f"<{number}@example.org>", references=names, date=date))

    add(1)
    add(2)
    add(3, 1)
    one, other = [await house.signed_in(mailbox="INBOX") for _ in range(2)]
    for _ in range(2):
        assert await one.ok("UID THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1 3)(2)"]
        assert await other.ok("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1 3)(2)"]
        assert await one.ok("UID THREAD ORDEREDSUBJECT UTF-8 ALL") == [b"* THREAD (1)(2)(3)"]
    assert len(worked) == 3
    assert await one.ok("UID THREAD REFERENCES UTF-8 2:3") == [b"* THREAD (2)(3)"]
    # Flags change nothing; a message that goes does, and so does what one client knows of and the other does not.
    await one.ok("UID STORE 1:2 +FLAGS.SILENT (\\Deleted)")
    assert await one.ok("UID THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1 3)(2)"]
    assert len(worked) == 4
    await one.ok("UID EXPUNGE 1")
    assert await one.ok("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1)(2)"]
    assert (await other.ok("THREAD REFERENCES UTF-8 ALL"))[-1] == b"* THREAD (2)(3)"
    assert await one.ok("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (1)(2)"]
    add(4, 2)
    assert (await other.ok("NOOP"))[-1].endswith(b"EXISTS")
    assert await other.ok("UID THREAD REFERENCES UTF-8 ALL") == [b"* THREAD (2 4)(3)"]
    assert (await one.ok("UID THREAD REFERENCES UTF-8 ALL"))[-1] == b"* THREAD (2 4)(3)"
