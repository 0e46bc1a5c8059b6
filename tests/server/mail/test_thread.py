"""RFC 5256 threading."""

import pytest

from server.mail import thread
from server.mail.thread import Item


def item(key, message_id=None, references=(), subject="", *, reply=False, date=None):
    return Item(key, message_id, references, subject, reply, key if date is None else date)


def written(items):
    return thread.wire(thread.references(items)).decode()


def test_no_messages():
    assert written([]) == ""


def test_a_chain_and_a_fork():
    """The shape of the example in RFC 5256 §5."""
    items = [
        item(2, "two"),
        item(3, "three"),
        item(6, "six", ["three"]),
        item(4, "four", ["three", "six"]),
        item(23, "b", ["three", "six", "four"]),
        item(44, "c", ["three", "six"]),
        item(7, "d", ["c"]),
        item(96, "e", ["c", "d"]),
    ]
    assert written(items) == "(2)(3 6 (4 23)(44 7 96))"


def test_order_of_arrival_does_not_matter():
    items = [item(1, "a"), item(2, "b", ["a"]), item(3, "c", ["a", "b"]), item(4, "d", ["a", "b", "c"])]
    assert written(items) == written(items[::-1]) == "(1 2 3 4)"


def test_a_missing_parent_holds_its_children_together():
    items = [item(1, "a", ["gone"]), item(2, "b", ["gone"])]
    assert written(items) == "((1)(2))"
    assert written(items[:1]) == "(1)"


def test_missing_messages_in_the_middle_fall_out():
    assert written([item(1, "a"), item(2, "b", ["a", "gone", "gone too"])]) == "(1 2)"


def test_the_childrens_order_is_by_date():
    items = [item(1, "a"), item(2, "b", ["a"], date=9), item(3, "c", ["a"], date=5)]
    assert written(items) == "(1 (3)(2))"


def test_loops_are_cut():
    items = [item(1, "a", ["b"]), item(2, "b", ["a"]), item(3, "c", ["c"])]
    found = thread.references(items)
    assert sum(1 for _ in walk(found)) == 3


def test_duplicate_ids_are_messages_of_their_own():
    assert written([item(1, "a"), item(2, "a"), item(3, "b", ["a"])]) == "(1 3)(2)"


def test_a_messages_own_word_counts_before_that_of_others():
    items = [item(1, "a"), item(2, "b"), item(3, "c", ["b"]), item(4, "d", ["a", "c"])]
    assert written(items) == "(1)(2 3 4)"


@pytest.mark.parametrize(
    ("items", "threads"),
    [
        ([item(1, "a", (), "x"), item(2, "b", (), "x", reply=True)], "(1 2)"),
        ([item(1, "a", (), "x", reply=True, date=1), item(2, "b", (), "x", date=2)], "(2 1)"),
        ([item(1, "a", (), "x"), item(2, "b", (), "x")], "((1)(2))"),
        ([item(1, "a", (), "X"), item(2, "b", (), "x"), item(3, "c", (), "x")], "((1)(2)(3))"),
        ([item(1, "a", (), ""), item(2, "b", (), "")], "(1)(2)"),
        ([item(1, "a", ["gone"], "x"), item(2, "b", ["gone"], "x"), item(3, "c", (), "x")], "((1)(2)(3))"),
        (
            [item(1, "a", ["g"], "x"), item(2, "b", ["g"], "x"), item(3, "c", ["h"], "x"), item(4, "d", ["h"], "x")],
            "((1)(2)(3)(4))",
        ),
    ],
)
def test_subjects_gather_threads(items, threads):
    """Step 5 of RFC 5256 §3."""
    assert written(items) == threads


def test_ordered_subject():
    items = [item(1, subject="x", date=5), item(2, subject="X", date=1), item(3, subject="y", date=3)]
    assert thread.wire(thread.ordered_subject(items)) == b"(2 1)(3)"


def walk(nodes):
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        stack += node.children


@pytest.mark.timeout(30)
@pytest.mark.parametrize("forwards", [True, False])
def test_a_long_chain_is_near_linear(forwards):
    """Walking up for every link would take hours here."""
    items = [item(number, f"m{number}", [f"m{number - 1}"]) for number in range(1, 50_000)]
    found = thread.references(items if forwards else items[::-1])
    assert sum(node.key is not None for node in walk(found)) == 49_999
    assert thread.wire(found).startswith(b"(1 2 3 4")
