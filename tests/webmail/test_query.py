from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import imap_command, query
from webmail.imap_command import Value
from webmail.query import FILES, parse

TODAY = date(2026, 11, 24)


def tokens(text):
    return " ".join(t if isinstance(t, str) else f"«{t.text}»" for t in parse(text, TODAY).tokens)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", ""),
        ("hello world", "TEXT «hello» TEXT «world»"),
        ('"hello world"', "TEXT «hello world»"),
        ('"open end', "TEXT «open end»"),
        ("机票", "TEXT «机票»"),
        ("from:mara", "FROM «mara»"),
        ('from:"Mara L"', "FROM «Mara L»"),
        ("to:me@x.example", "OR TO «me@x.example» CC «me@x.example»"),
        ("subject:plan body:desk cc:jo", "SUBJECT «plan» BODY «desk» CC «jo»"),
        ("has:attachment", FILES),
        ("is:unread is:starred is:read is:replied", "UNSEEN FLAGGED SEEN ANSWERED"),
        ("larger:2M smaller:500k larger:10", "LARGER 2097152 SMALLER 512000 LARGER 10"),
        ("before:2026-01-05 after:2025/12/1 after:2025-12", "BEFORE 5-Jan-2026 SINCE 1-Dec-2025 SINCE 1-Dec-2025"),
        ("newer_than:3d older_than:1y", "SINCE 21-Nov-2026 BEFORE 24-Nov-2025"),
        ("label:Invoices", "KEYWORD Invoices"),
        ("-spam", "NOT ( TEXT «spam» )"),
        ("-from:x", "NOT ( FROM «x» )"),
        ("a OR b", "OR ( TEXT «a» ) ( TEXT «b» )"),
        ("a b OR c", "OR ( TEXT «a» TEXT «b» ) ( TEXT «c» )"),
        ("(a OR b) c", "OR ( TEXT «a» ) ( TEXT «b» ) TEXT «c»"),
        ("a OR b OR c", "OR ( TEXT «a» ) OR ( TEXT «b» ) ( TEXT «c» )"),
    ],
)
def test_what_people_type(text, keys):
    assert tokens(text) == keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("from:", "TEXT «from:»"),
        ("before:yesterday", "TEXT «before:yesterday»"),
        ("before:2026-13-40", "TEXT «before:2026-13-40»"),
        ("larger:big", "TEXT «larger:big»"),
        ("is:nice has:wings", "TEXT «is:nice» TEXT «has:wings»"),
        ("label:a(b", "KEYWORD a TEXT «b»"),
        ("http://x.example", "TEXT «http://x.example»"),
        ("12:30", "TEXT «12:30»"),
        ("OR", ""),
        ("a OR", "TEXT «a»"),
        ("((((", ""),
        ("a ) b", "TEXT «a» TEXT «b»"),
        ("-", "TEXT «-»"),
        ("larger:999999999999999999999G", "TEXT «larger:999999999999999999999G»"),
    ],
)
def test_what_is_not_understood_is_searched_as_text(text, keys):
    assert tokens(text) == keys


def test_the_folder_is_told_apart():
    found = parse("in:Archive x", TODAY)
    assert (found.mailbox, found.words) == ("Archive", ("x",))
    assert parse('in:"My folder"', TODAY).mailbox == "My folder"


def test_words_to_mark_are_those_that_were_wanted():
    assert parse('from:mara -x "long table" is:read larger:1M a a', TODAY).words == ("mara", "long table", "a")


def test_files_are_asked_for_as_the_server_can():
    found = parse("-has:attachment x", TODAY)
    assert found.criteria(keyword_marks_files=True) == (
        "NOT",
        "(",
        "KEYWORD",
        "$HasAttachment",
        ")",
        "TEXT",
        Value("x"),
    )
    assert "HEADER" in found.criteria(keyword_marks_files=False)
    assert parse("", TODAY).criteria(keyword_marks_files=True) == ("ALL",)


TYPED = st.lists(
    st.sampled_from(
        [
            "from:",
            "a",
            '"',
            "(",
            ")",
            "OR",
            "-",
            " ",
            "is:unread",
            "周",
            "in:",
            "larger:5k",
            "\r\n",
            "\x00",
            "{3}",
            "\\",
            "before:2020-1-1",
            ":",
        ]
    ),
    max_size=40,
).map("".join)


@given(TYPED | st.text(max_size=200))
def test_nothing_that_is_typed_can_break_the_command(text):
    found = parse(text, TODAY)
    pieces = imap_command.criteria(found.criteria(keyword_marks_files=False))
    joined = b"".join(piece if isinstance(piece, bytes) else b"{x}" for piece in pieces)
    assert b"\r" not in joined
    assert b"\n" not in joined
    assert joined.count(b"(") == joined.count(b")")
    assert all(not set(b"\r\n\x00") & set(piece.data) for piece in pieces if not isinstance(piece, bytes))


def test_a_long_query_is_cut():
    assert len(parse("a " * 1000, TODAY).tokens) <= 2 * query.MAX_TERMS


def test_suggestions():
    assert query.suggestions("la") == ["label:", "larger:"]
    assert query.suggestions("") == []
