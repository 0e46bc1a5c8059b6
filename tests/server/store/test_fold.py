import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from server.store.fold import fold, pair_query, pairs, trigram_query, trigrams

ALPHABET = st.sampled_from(list("abcABC ßẞİıΣςσéÉ\u0301ﬁＡａ中文会議室ｶﾞガ가각𠀀𠮷\x00\ud800\"'*%_-"))
TEXT = st.text(ALPHABET, max_size=40)


def test_folding():
    assert fold("STRASSE") == fold("straße") == "strasse"
    assert fold("Ｐｏｓｔ ﬁne ｶﾞ") == "post fine ガ"
    assert fold("ΟΔΟΣ") == fold("οδος")
    assert fold("e\u0301") == fold("É") == "é"
    assert fold("a\x00b\ud800c") == "a\ufffdb\ufffdc"
    assert fold("A\x00") == "a\ufffd"


@given(TEXT)
def test_folding_twice_changes_nothing_and_can_be_stored(text: str):
    folded = fold(text)
    assert fold(folded) == folded
    assert "\x00" not in folded
    folded.encode()


@given(st.text(min_size=3, max_size=60))
def test_trigrams_are_in_every_text_with_the_term(term: str):
    assert 1 <= len(trigrams(term)) <= 8
    assert all(len(piece) == 3 and piece in term for piece in trigrams(term))


def test_trigrams_of_a_long_term_reach_both_ends():
    assert trigrams("abc") == ["abc"]
    assert trigrams("abcd") == ["abc", "bcd"]
    assert trigrams("a" * 3 + "b" * 100 + "c" * 3)[0] == "aaa"
    assert trigrams("a" * 3 + "b" * 100 + "c" * 3)[-1] == "ccc"


def test_which_terms_ask_which_index():
    assert trigram_query("ab") is None
    assert trigram_query('a"b') == '"a""b"'
    assert pair_query("ab") is None
    assert pair_query("a中") is None
    assert pair_query("中文会") is None
    assert pair_query("中文") == '"4e2d6587"'
    assert pair_query("中") == '"4e2d" *'
    assert pair_query("𠮷") == '"d842dfb7"'
    assert pair_query("𠮷野") == '"d842dfb7" AND "dfb791ce"'
    assert pairs("plain text") == ""


@given(TEXT, st.integers(0, 40), st.integers(1, 8))
def test_every_piece_of_a_text_is_found_by_the_indexes(text: str, start: int, length: int):
    folded = fold(text)
    term = folded[start : start + length]
    if not term:
        return
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize='trigram case_sensitive 1', detail='none', content='')")
    db.execute("CREATE VIRTUAL TABLE p USING fts5(x, tokenize='ascii', detail='none', content='')")
    db.execute("INSERT INTO t(rowid, x) VALUES (1, ?)", (folded,))
    db.execute("INSERT INTO p(rowid, x) VALUES (1, ?)", (pairs(folded),))
    for table, asked in (("t", trigram_query(term)), ("p", pair_query(term))):
        if asked is not None:
            assert db.execute(f"SELECT rowid FROM {table} WHERE {table} MATCH ?", (asked,)).fetchall() == [(1,)]
    db.close()
