import re

from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.thread_response import thread_list
from server.mail.thread import Forest

TEXTS = [str(number) for number in range(100)]


def test_the_example_of_rfc_5256():
    forest = Forest([2, 3], {3: [6], 6: [4, 44], 4: [23], 44: [7], 7: [96]})
    assert thread_list(forest, TEXTS) == b"(2)(3 6 (4 23)(44 7 96))"


def test_a_missing_message_holds_its_answers_together():
    """RFC 5256 §4: siblings without a parent."""
    forest = Forest([100, 9, 101], {100: [3, 5], 101: [1, 2], 2: [4], 4: [7, 8]})
    assert thread_list(forest, TEXTS) == b"((3)(5))(9)((1)(2 4 (7)(8)))"
    assert thread_list(Forest(), TEXTS) == b""


def test_what_stands_for_a_message():
    assert thread_list(Forest([1, 0], {1: [2]}), ["70", "800", "9000"]) == b"(800 9000)(70)"


def test_however_deep():
    size = 60_000
    children = {n: [n + 2, n + 1] for n in range(0, size - 2, 2)}
    text = thread_list(Forest([0], children), ["1"] * size).decode()
    assert text.startswith("(1 (1 (1 ")
    assert text.count("1") == size - 1
    assert text.count("(") == text.count(")")


@st.composite
def forests(draw):
    """Any messages; each hangs from an earlier one, from a missing one, or from none."""
    size = draw(st.integers(0, 12))
    forest = Forest()
    for position in range(size):
        above = draw(st.none() | st.integers(0, position - 1) if position else st.none())
        if above is None:
            forest.roots.append(position)
        else:
            forest.children.setdefault(above, []).append(position)
    if len(forest.roots) > 1 and draw(st.booleans()):
        forest.children[size] = forest.roots
        forest.roots = [size]
    return forest, size


@given(forests())
def test_it_is_a_list_by_the_grammar(made):
    forest, size = made
    text = thread_list(forest, TEXTS[:size]).decode()
    assert sorted(int(word) for word in re.findall(r"\d+", text)) == list(range(size))
    while True:
        # RFC 5256 §5: thread-nested is two lists or more, after a space where members come before them.
        smaller = re.sub(r"\((?:\d+(?: \d+)*)(?: N)?\)|\(N\)", "L", text)
        smaller = re.sub(r"(?<=[ (])LL+(?=\))", "N", smaller)
        if smaller == text:
            break
        text = smaller
    assert set(text) <= {"L"}
