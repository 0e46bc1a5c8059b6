from server.store import index
from server.store import query as q
from server.store.search import search
from tests.fakes.mail_account import MailAccount, letter


def test_batches_end_by_number_and_by_length(account: MailAccount):
    for n in range(7):
        account.append(letter(f"number {n}", "x" * 100))
    assert account.write(lambda w: index.advance(w, limit=3))
    assert account.read(index.indexed) == 3
    assert account.write(lambda w: index.advance(w, characters=10))
    assert account.read(index.indexed) == 4
    assert not account.write(index.advance)
    assert account.read(index.first_unindexed) == 0
    assert not account.write(index.advance)


def test_every_state_of_the_index_gives_the_same_answer(account: MailAccount):
    for n in range(5):
        account.append(letter(f"common {n}", "中文 text"))
    for _ in range(6):
        for term in ("common", "中文", "n 3", "xt"):
            found = account.read(lambda r, term=term: search(r, 1, q.Text(term)))
            assert found == ([4] if term == "n 3" else [1, 2, 3, 4, 5])
        account.write(lambda w: index.advance(w, limit=1))


def test_an_entry_taken_out_is_out(account: MailAccount):
    account.append(letter("common", "中文"))
    account.index()
    (head, body) = account.read(lambda r: r.raw("SELECT head, body FROM folded").fetchone())
    account.write(lambda w: index.remove(w, 1, head, body))
    for table, term in (("trigram", '"mmo"'), ("bigram", '"4e2d6587"')):
        assert (
            account.read(lambda r, t=table, x=term: r.raw(f"SELECT rowid FROM {t} WHERE {t} MATCH ?", (x,)).fetchall())
            == []
        )
