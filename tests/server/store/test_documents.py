"""Documents are found by their words: at once where they are cheap, a little later where they are not, and nothing is made worse by one."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.document.kind import Kind
from server.document.process import Closed, DocumentProcess, Reading
from server.store import collect, expunge, index, unread
from server.store import query as q
from server.store.documents import DocumentWork
from server.store.fold import fold
from server.store.search import search
from tests.fakes.documents import ODT, SHEET, SLIDES, WORD, docx, letter_with, odt, pdf, pptx, xlsx
from tests.fakes.mail_account import BORN, MailAccount, letter

PDF = "application/pdf"


class OneAccount:
    """A store of one account."""

    def __init__(self, account: MailAccount) -> None:
        self._account = account

    def read_now(self, account: int, fn):
        assert account == 1
        return self._account.read(fn)

    def write_now(self, account: int, fn):
        assert account == 1
        return self._account.write(fn)


class Reads:
    """Stands for the process: answers as told, remembers what it was asked."""

    def __init__(self, *answers: Reading | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Kind] = []

    def read(self, kind: Kind, octets: bytes, characters: int) -> Reading:
        self.asked.append(kind)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def work(account: MailAccount, reads: Reads, now: Callable[[], float] = lambda: BORN) -> DocumentWork:
    return DocumentWork(OneAccount(account), reads, now)


def find(account: MailAccount, query: q.Query) -> list[int]:
    return account.read(lambda r: search(r, 1, query))


def waiting(account: MailAccount) -> list[tuple[int, int]]:
    return account.read(lambda r: r.raw("SELECT content_id, tries FROM unread ORDER BY 1").fetchall())


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("kind", "octets", "words"),
    [
        (WORD, docx("a contract", ["Kauf", "vertrag"], "双方同意"), ("kaufvertrag", "双方", "core title")),
        (SHEET, xlsx(["Umsatz 合计"], [], ["4711.5"]), ("umsatz", "合计", "4711.5")),
        (SLIDES, pptx(["Roadmap"], ["备注在此"]), ("roadmap", "备注")),
        (ODT, odt(["Rech", "nung"], "発注書"), ("rechnung", "発注")),
        ("application/octet-stream", "这是合同的全文".encode("gbk"), ("合同", "的全文")),
        ("text/plain", "这是合同的全文".encode("gbk"), ("合同", "的全文")),
        ("text/plain", "Grüße aus 北京".encode("utf-16"), ("grüße", "北京")),
    ],
)
def test_cheap_documents_are_found_with_the_message(account: MailAccount, kind, octets, words, indexed: bool):
    account.append(letter_with((kind, "附件名.txt", octets)))
    account.append(letter("other"))
    if indexed:
        account.index()
    assert waiting(account) == []
    for word in (*words, "附件名", "see the attachment"):
        assert find(account, q.Text(word)) == [1]
        assert find(account, q.Body(word)) == [1]


def test_documents_of_an_enclosed_message(account: MailAccount):
    inner = letter_with((WORD, "inner.docx", docx("deep words")), subject="Inner")
    account.append(letter_with(("message/rfc822", "", inner)))
    for word in ("deep words", "inner.docx"):
        assert find(account, q.Body(word)) == [1]


@pytest.mark.parametrize("indexed", ["before", "after", "never"])
def test_a_pdf_is_found_after_it_was_read(account: MailAccount, indexed: str):
    account.append(letter_with((PDF, "x.pdf", pdf("x")), (WORD, "y.docx", docx("at once"))))
    account.append(letter("later mail", "already here"))
    if indexed == "before":
        account.index()
    assert find(account, q.Body("at once")) == [1]
    assert find(account, q.Body("合同")) == []
    reads = Reads(Reading("the 合同 of\nlast year", finished=True))
    chore = work(account, reads)
    assert chore.advance(1)
    assert not chore.advance(1)
    if indexed == "after":
        account.index()
    for word in ("合同", "同", "last year", "at once", "see the attachment", "x.pdf"):
        assert find(account, q.Body(word)) == [1]
    assert find(account, q.Text("already here")) == [2]
    assert reads.asked == [Kind.PDF]
    assert waiting(account) == []
    account.index()
    assert account.verify() == []


def test_a_real_pdf_by_the_real_process(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("Quarterly report\n季度报\n告全文"))))
    account.index()
    process = DocumentProcess()
    try:
        assert DocumentWork(OneAccount(account), process, lambda: BORN).advance(1)
    finally:
        process.close()
    for word in ("quarterly", "季度", "报告", "季度报告全文"):
        assert find(account, q.Text(word)) == [1]


def test_a_large_office_document_is_read_afterwards_too(account: MailAccount):
    words = "".join(f"{n * 7919 % 1000003:x} " for n in range(200_000))
    account.append(letter_with((WORD, "large.docx", docx(words, "at the end"))))
    assert waiting(account) == [(1, 0)]
    assert work(account, Reads(Reading("at the end", finished=True))).advance(1)
    assert find(account, q.Body("at the end")) == [1]


def test_the_newest_message_first_and_each_content_once(account: MailAccount):
    for n in range(3):
        account.append(letter_with((PDF, f"{n}.pdf", pdf("x"))))
    account.append(letter_with((PDF, "0.pdf", pdf("x"))), box="Sent")
    reads = Reads(*(Reading(f"word{n}", finished=True) for n in range(3)))
    chore = work(account, reads)
    while chore.advance(1):
        pass
    assert len(reads.asked) == 3
    assert find(account, q.Body("word0")) == [3]


def test_one_that_kills_its_reader_is_given_up_after_two_tries_and_keeps_what_was_read(account: MailAccount):
    account.append(letter_with((PDF, "bad.pdf", pdf("x")), (PDF, "good.pdf", pdf("y"))))
    bad, good = Reading("half of it", finished=False), Reading("sound", finished=True)
    reads = Reads(bad, good, bad, good)
    chore = work(account, reads)
    assert chore.advance(1)
    assert waiting(account) == [(1, 1)]
    assert chore.advance(1)
    assert waiting(account) == []
    assert not chore.advance(1)
    for word in ("half of it", "sound"):
        assert find(account, q.Body(word)) == [1]


def test_a_message_of_slow_documents_does_not_hold_up_the_others(account: MailAccount):
    account.append(letter_with(*((PDF, f"{n}.pdf", pdf("x")) for n in range(5))))
    moments = iter(range(0, 10_000, 50))
    reads = Reads(*(Reading(f"part{n % 2}", finished=True) for n in range(4)))
    chore = DocumentWork(OneAccount(account), reads, lambda: BORN, lambda: float(next(moments)))
    while chore.advance(1):
        pass
    assert len(reads.asked) == 4  # two a try
    assert find(account, q.Body("part1")) == [1]
    assert waiting(account) == []


def test_one_that_kills_the_house_is_given_up_too(account: MailAccount):
    account.append(letter_with((PDF, "bad.pdf", pdf("x"))))
    for moment in (BORN, BORN + unread.HELD):
        assert account.write(lambda w, m=moment: unread.claim(w, m)) is not None  # and here the house went down
    reads = Reads(Reading("", finished=False))
    later = BORN + 2 * unread.HELD
    assert work(account, reads, lambda: later).advance(1)
    assert waiting(account) == []


def test_no_two_processes_read_the_same(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    assert account.write(lambda w: unread.claim(w, BORN)) == (1, 1)
    assert not work(account, Reads()).advance(1)
    assert account.read(lambda r: unread.waits(r, BORN + unread.HELD))


def test_a_house_that_closes_counts_no_try(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    assert not work(account, Reads(Closed())).advance(1)
    assert waiting(account) == [(1, 0)]
    assert work(account, Reads(Reading("words", finished=True))).advance(1)


def test_a_message_that_goes_meanwhile(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    account.index()

    class Expunges(Reads):
        def read(self, kind, octets, characters):
            account.write(lambda w: expunge.remove(w, 1, [1]))
            account.write(collect.collect)
            return Reading("words", finished=True)

    assert work(account, Expunges()).advance(1)
    assert waiting(account) == []
    assert account.verify() == []


def test_after_it_was_read_it_leaves_the_indexes_without_a_trace(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    account.index()
    work(account, Reads(Reading("unmistakable 唯一", finished=True))).advance(1)
    account.write(lambda w: expunge.remove(w, 1, [1]))
    account.write(collect.collect)
    for table, term in (("trigram", '"nmi"'), ("bigram", '"552f4e00"')):
        sql = f"SELECT rowid FROM {table} WHERE {table} MATCH ?"
        assert account.read(lambda r, s=sql, t=term: r.raw(s, (t,)).fetchall()) == []


def test_verify_notices_text_that_the_index_has_not_and_repair_brings_it(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    account.index()
    account.write(lambda w: w.raw("UPDATE folded SET body = body || ? ", (fold("\nbehind the back 背后"),)))
    assert {finding.kind for finding in account.verify()} == {"index"}
    account.verify(repair=True)
    assert account.verify() == []
    assert find(account, q.Body("behind the")) == [1]
    assert find(account, q.Body("背后")) == [1]


def test_a_lost_text_is_read_again_with_its_documents(account: MailAccount):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    work(account, Reads(Reading("words", finished=True))).advance(1)
    account.write(lambda w: w.raw("DELETE FROM folded"))
    account.verify(repair=True)
    assert waiting(account) == [(1, 0)]
    assert work(account, Reads(Reading("words", finished=True))).advance(1)
    assert find(account, q.Body("words")) == [1]


def test_mail_of_an_older_installation_is_taken_up(account: MailAccount, tmp_path: Path):
    account.append(letter_with((PDF, "x.pdf", pdf("x"))))
    account.append(letter("no attachment"))
    account.append(letter_with((WORD, "y.docx", docx("y"))))
    account.index()
    account.close()
    with closing(sqlite3.connect(account.path)) as db:  # as it was before there was this table
        db.executescript("DROP TABLE unread; DELETE FROM schema_version WHERE owner = 'unread';")
        db.execute("UPDATE folded SET body = 'old words'")
        db.execute("INSERT INTO trigram(trigram) VALUES ('rebuild')")
        db.commit()
    older = MailAccount(tmp_path)
    assert waiting(older) == [(1, 0), (3, 0)]
    chore = work(older, Reads(Reading("of the pdf", finished=True)))
    while chore.advance(1):
        pass
    assert find(older, q.Body("of the pdf")) == [1]
    assert find(older, q.Body("y.docx")) == [3]
    older.close()


WORDS = st.text(st.sampled_from("abß 中文会議𠮷%_*"), min_size=1, max_size=12)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3), WORDS, st.sampled_from(["before", "after", "never"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_the_messages_whose_text_has_the_term(account: MailAccount, mails, term: str, indexed: str):
    """Whenever the index came, before the documents were read or after, the answer is that of a scan."""
    before = account.rows()[-1:]
    start = before[0].uid + 1 if before else 1
    for n, (own, _) in enumerate(mails):
        account.append(letter_with((PDF, f"{start + n}.pdf", pdf(f"{start + n}")), text=own, subject="s"))
    if indexed == "before":
        account.index()
    chore = work(account, Reads(*(Reading(attached, finished=True) for _, attached in reversed(mails))))
    while chore.advance(1):
        pass
    if indexed == "after":
        account.index()
    bodies = account.read(
        lambda r: r.raw(
            "SELECT uid, body FROM placement JOIN folded USING (content_id) WHERE mailbox_id = 1 AND uid >= ?", (start,)
        ).fetchall()
    )
    assert len(bodies) == len(mails)
    for (_, attached), (_, body) in zip(mails, sorted(bodies), strict=True):
        assert fold(attached) in body
    wanted = sorted(uid for uid, body in bodies if fold(term) in body)
    here = q.Uids(((start, start + len(mails)),))
    assert find(account, q.And((here, q.Body(term)))) == wanted


def test_a_killed_replacement_has_not_happened(account: MailAccount):
    account.append(letter("one", "old words"))
    account.index()

    def half(w):
        index.replace(w, 1, "new words")
        raise LookupError

    with pytest.raises(LookupError):
        account.write(half)
    assert find(account, q.Body("old words")) == [1]
    assert find(account, q.Body("new words")) == []
    assert account.verify() == []
