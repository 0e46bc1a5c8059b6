"""RFC 5256 §3: threading."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.imap.syntax.thread_response import thread_list
from server.mail import thread
from server.mail.thread import NOBODY, WIDTH, Columns
from tests.server.mail import by_the_letter
from tests.server.mail.by_the_letter import Letter


def coded(name: str | None) -> str:
    return NOBODY if name is None else hashlib.sha256(name.encode()).hexdigest()[:WIDTH]


def columns(letters: list[Letter]) -> Columns:
    numbers = {"": 0}
    subjects = [numbers.setdefault(letter.subject.lower(), len(numbers)) for letter in letters]
    return Columns(
        [letter.sent for letter in letters],
        [-n if letter.is_reply else n for n, letter in zip(subjects, letters, strict=True)],
        ["".join(map(coded, [letter.message_id, *letter.references])) for letter in letters],
    )


def letter(key, message_id=None, references=(), subject="", *, reply=False, sent=None) -> Letter:
    return Letter(key, key if sent is None else sent, subject, reply, message_id, list(references))


def written(letters: list[Letter]) -> str:
    text = thread_list(thread.references(columns(letters)), [str(one.key) for one in letters]).decode()
    assert text == by_the_letter.references(letters)
    return text


def test_no_messages():
    assert written([]) == ""


def test_a_chain_and_a_fork():
    """The shape of the example in RFC 5256 §4."""
    letters = [
        letter(2, "two"),
        letter(3, "three"),
        letter(4, "four", ["three", "six"]),
        letter(6, "six", ["three"]),
        letter(7, "d", ["three", "six", "c"]),
        letter(23, "b", ["three", "six", "four"]),
        letter(44, "c", ["three", "six"], sent=5),
        letter(96, "e", ["c", "d"]),
    ]
    assert written(letters) == "(2)(3 6 (4 23)(44 7 96))"


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_in_whatever_order_it_arrived(backwards):
    names = "dcba" if backwards else "abcd"
    letters = [
        letter(n, name, "abcd"[: "abcd".index(name)], sent="abcd".index(name)) for n, name in enumerate(names, 1)
    ]
    assert written(letters) == ("(4 3 2 1)" if backwards else "(1 2 3 4)")


@pytest.mark.parametrize(
    ("letters", "threads"),
    [
        # A missing parent holds two together, is replaced by one, and leaves no trace in the middle.
        ([letter(1, "a", ["gone"]), letter(2, "b", ["gone"])], "((1)(2))"),
        ([letter(1, "a", ["gone"])], "(1)"),
        ([letter(1, "a"), letter(2, "b", ["a", "gone", "gone too"])], "(1 2)"),
        ([letter(1, "b", ["g", "h"]), letter(2, "c", ["g", "h"])], "((1)(2))"),
        ([letter(1, "b", ["g", "h"]), letter(2, "c", ["g"])], "((1)(2))"),
        # By date, and at the same second by number.
        ([letter(1, "a"), letter(2, "b", ["a"], sent=9), letter(3, "c", ["a"], sent=5)], "(1 (3)(2))"),
        ([letter(1, sent=5), letter(2, sent=3), letter(3, sent=5)], "(2)(1)(3)"),
        ([letter(1, "a", ["g"], sent=9), letter(2, sent=5), letter(3, "b", ["g"], sent=2)], "((3)(1))(2)"),
        # Loops, and answers to oneself.
        ([letter(1, "a", ["b"]), letter(2, "b", ["a"])], "(2 1)"),
        ([letter(1, "a", ["a"])], "(1)"),
        ([letter(1, "a", ["b", "a"]), letter(2, "b")], "(1)(2)"),
        # Of two with the same id the first is the one that is answered.
        ([letter(1, "a"), letter(2, "a"), letter(3, "b", ["a"])], "(1 3)(2)"),
        ([letter(1, "a"), letter(2, "b", ["a"]), letter(3, "b", ["a"])], "(1 (2)(3))"),
        # Those without any id are not one message.
        ([letter(1), letter(2)], "(1)(2)"),
        # Its own word counts before that of others, also when it says nothing.
        ([letter(1, "a"), letter(2, "b"), letter(3, "c", ["b"]), letter(4, "d", ["a", "c"])], "(1)(2 3 4)"),
        ([letter(1, "d", ["a", "b"]), letter(2, "a"), letter(3, "b")], "(2)(3 1)"),
        ([letter(1, "a"), letter(2, "b"), letter(3, "d", ["a", "b"])], "(1 2 3)"),
    ],
)
def test_references(letters, threads):
    assert written(letters) == threads


@pytest.mark.parametrize(
    ("letters", "threads"),
    [
        ([letter(1, "a", (), "x"), letter(2, "b", (), "x", reply=True)], "(1 2)"),
        ([letter(1, "a", (), "x", reply=True), letter(2, "b", (), "x")], "(2 1)"),
        ([letter(1, "a", (), "x"), letter(2, "b", (), "x")], "((1)(2))"),
        ([letter(1, "a", (), "x"), letter(2, "b", (), "x"), letter(3, "c", (), "x")], "((1)(2)(3))"),
        ([letter(1, "a", (), "x", reply=True), letter(2, "b", (), "x", reply=True)], "((1)(2))"),
        ([letter(1, "a", (), ""), letter(2, "b", (), "")], "(1)(2)"),
        ([letter(1, "a", ["g"], "x"), letter(2, "b", ["g"], "x"), letter(3, "c", (), "x")], "((1)(2)(3))"),
        ([letter(1, "c", (), "x"), letter(2, "a", ["g"], "x"), letter(3, "b", ["g"], "x")], "((1)(2)(3))"),
        ([letter(n, f"{n}", ["g" if n < 3 else "h"], "x") for n in range(1, 5)], "((1)(2)(3)(4))"),
        # The first two become one before the reply comes to them.
        (
            [letter(1, "a", (), "x"), letter(2, "b", (), "x"), letter(3, "c", (), "x", reply=True)],
            "((1)(2)(3))",
        ),
        # The thread that was joined is as old as the oldest in it.
        (
            [
                letter(1, "r", (), "x", reply=True, sent=1),
                letter(2, "o", (), "y", sent=2),
                letter(3, "a", ["g"], "x", sent=3),
                letter(4, "b", ["g"], "x", sent=4),
            ],
            "((1)(3)(4))(2)",
        ),
    ],
)
def test_subjects_gather_threads(letters, threads):
    """Step 5."""
    assert written(letters) == threads


names = st.sampled_from("abcdefgh")
some_letters = st.lists(
    st.builds(
        Letter,
        key=st.just(0),
        sent=st.integers(-2, 4),
        subject=st.sampled_from(["", "x", "y"]),
        is_reply=st.booleans(),
        message_id=st.none() | names,
        references=st.lists(names, max_size=5),
    ),
    max_size=12,
)


@settings(max_examples=1_000)
@given(some_letters, st.integers(1, 3))
def test_it_is_what_the_rfc_says(letters, step):
    for number, one in enumerate(letters, 1):
        one.key = number * step
    written(letters)


@given(some_letters)
def test_ordered_subject(letters):
    for number, one in enumerate(letters, 1):
        one.key = number
    groups: dict[str, list[Letter]] = {}
    for one in sorted(letters, key=lambda one: (one.subject, one.sent, one.key)):
        groups.setdefault(one.subject, []).append(one)
    ordered = sorted(groups.values(), key=lambda group: (group[0].sent, group[0].key))
    found = thread.ordered_subject(columns(letters))
    assert [root + 1 for root in found.roots] == [group[0].key for group in ordered]
    assert {first + 1: [n + 1 for n in others] for first, others in found.children.items()} == {
        group[0].key: [one.key for one in group[1:]] for group in ordered if len(group) > 1
    }


@pytest.mark.timeout(60)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain(backwards):
    """Walking up for every link would take hours here, and so would calling oneself for every level."""
    letters = [letter(number, f"m{number}", [f"m{number - 1}"]) for number in range(1, 50_000)]
    found = thread.references(columns(letters[::-1] if backwards else letters))
    assert found.roots == [len(letters) - 1 if backwards else 0]
    assert thread_list(found, [str(one.key) for one in letters]).count(b" ") == len(letters) - 1


@pytest.mark.timeout(60)
def test_mail_made_to_be_walked_up_ends(monkeypatch):
    monkeypatch.setattr(thread, "STEPS", 100_000)
    chain = [letter(number, f"m{number}", [f"m{number - 1}"]) for number in range(1, 3_000)]
    asking = [letter(number, f"x{number}", ["m2999", "m0", f"y{number}"]) for number in range(3_000, 6_000)]
    found = thread.references(columns(chain + asking))
    assert sum(root < 5_999 for root in found.roots) + sum(map(len, found.children.values())) == 5_999
