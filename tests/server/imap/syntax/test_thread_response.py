import re

from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.thread_response import thread_list
from server.store.threads import Node


def test_the_example_of_rfc_5256():
    trees = [
        Node(2),
        Node(3, [Node(6, [Node(4, [Node(23)]), Node(44, [Node(7, [Node(96)])])])]),
    ]
    assert thread_list(trees, str) == b"(2)(3 6 (4 23)(44 7 96))"


def test_what_is_left_out_leaves_no_empty_lists():
    def text_of(uid):
        return "" if uid in {1, 4, 9} else str(uid)

    trees = [Node(1), Node(1, [Node(2), Node(3)]), Node(5, [Node(4), Node(6)]), Node(7, [Node(9)])]
    assert thread_list(trees, text_of) == b"((2)(3))(5 6)(7)"
    assert thread_list([], str) == b""


numbers = st.integers(1, 2**32 - 1)
trees = st.recursive(st.builds(Node, numbers), lambda below: st.builds(Node, numbers, st.lists(below, max_size=3)))


def members(tree):
    return [tree.uid, *(uid for child in tree.children for uid in members(child))]


@given(st.lists(trees, max_size=5), st.sets(numbers, max_size=3))
def test_it_is_a_list_by_the_grammar(several, hidden):
    text = thread_list(several, lambda uid: "" if uid in hidden else str(uid)).decode()
    shown = [uid for tree in several for uid in members(tree) if uid not in hidden]
    assert [int(word) for word in re.findall(r"\d+", text)] == shown
    while True:
        # RFC 5256 §4: thread-nested is two lists or more, after a space where members come before them.
        smaller = re.sub(r"\((?:\d+(?: \d+)*)(?: N)?\)|\(N\)", "L", text)
        smaller = re.sub(r"(?<=[ (])LL+(?=\))", "N", smaller)
        if smaller == text:
            break
        text = smaller
    assert set(text) <= {"L"}
