"""Every message of the corpora, stored: its octets come back, lists need no second look, its own words find it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.imap.syntax.thread_response import thread_list
from server.mail import thread
from server.store import append, messages, sort, threads
from server.store import query as q
from server.store.search import search
from tests.fakes.mail_account import BORN, MailAccount

CORPORA = Path(os.environ.get("POSTHOUSE_CORPORA", "../shared/data"))
FILES = sorted(path for path in CORPORA.rglob("*.eml") if path.is_file())
WORD = re.compile(r"[^\W_]{4,12}")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailAccount]:
    mail = MailAccount(tmp_path_factory.mktemp("corpora"))
    yield mail
    mail.close()


@pytest.fixture(scope="module")
def octets(account: MailAccount) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for path in FILES:
        raw = path.read_bytes()
        found[account.append(raw).uid] = raw
    account.index()
    return found


def test_there_are_corpora():
    assert len(FILES) > 100, f"no corpora in {CORPORA}: set POSTHOUSE_CORPORA"


def test_octets_come_back(account: MailAccount, octets: dict[int, bytes]):
    for row in account.rows():
        assert account.read(lambda r, row=row: messages.raw(r, row)) == octets[row.uid]
        assert row.size == len(octets[row.uid])


def test_lists_have_what_they_need(account: MailAccount, octets: dict[int, bytes]):
    rows = account.rows()
    assert [row.uid for row in rows] == list(octets)
    for row in rows:
        assert row.envelope.startswith(b"(")
        assert row.bodystructure.startswith(b"(")
        assert "\n" not in row.preview


def test_each_message_is_found_by_a_word_of_its_text(account: MailAccount, octets: dict[int, bytes]):
    texts = account.read(
        lambda r: r.raw("SELECT p.uid, f.body FROM placement p JOIN folded f USING (content_id)").fetchall()
    )
    asked = 0
    for uid, text in texts:
        words = WORD.findall(text)
        if words:
            word = words[len(words) // 2]
            exact = sorted(other for other, body in texts if word in body)
            assert account.read(lambda r, word=word: search(r, 1, q.Body(word))) == exact
            assert uid in exact
            asked += 1
    assert asked > len(octets) // 2


def test_sorted_and_threaded_completely(account: MailAccount, octets: dict[int, bytes]):
    for key in sort.KEYS:
        assert sorted(account.read(lambda r, key=key: sort.sort(r, 1, q.All(), [(key, True)]))) == list(octets)
    uids, columns = account.read(lambda r: threads.read(r, 1, q.All()))
    for gather in (thread.references, thread.ordered_subject):
        found = [int(number) for number in re.findall(rb"[0-9]+", thread_list(gather(columns), uids))]
        assert sorted(found) == list(octets)


def test_verify_finds_nothing(account: MailAccount, octets: dict[int, bytes]):
    assert octets
    assert account.verify(now=BORN) == []


def test_prepared_twice_is_the_same(octets: dict[int, bytes]):
    for raw in list(octets.values())[::10]:
        assert append.prepare(raw) == append.prepare(raw)
