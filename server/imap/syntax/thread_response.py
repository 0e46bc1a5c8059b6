"""The THREAD response (RFC 5256 §4).

thread-data    = "THREAD" [SP 1*thread-list]
thread-list    = "(" (thread-members / thread-nested) ")"
thread-members = nz-number *(SP nz-number) [SP thread-nested]
thread-nested  = 2*thread-list
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol


class Tree(Protocol):
    """A message and the answers to it."""

    @property
    def uid(self) -> int: ...
    @property
    def children(self) -> "Sequence[Tree]": ...


def thread_list(trees: Iterable[Tree], text_of: Callable[[int], str]) -> bytes:
    """Return all threads; `text_of` says what stands for a message, nothing for one that is left out."""
    # Most threads are one message alone.
    texts = (_members(tree, text_of) if tree.children else text_of(tree.uid) for tree in trees)
    return "".join([f"({text})" for text in texts if text]).encode("ascii")


def _members(tree: Tree, text_of: Callable[[int], str]) -> str:
    """One thread without its parentheses. The store bounds how deep it is."""
    words: list[str] = []
    while True:
        if text := text_of(tree.uid):
            words.append(text)
        if len(tree.children) != 1:
            break
        tree = tree.children[0]
    if tree.children:
        branches = [text for text in (_members(child, text_of) for child in tree.children) if text]
        # RFC 5256 §4: nested lists are two or more; one that is left by itself goes on the line of its parent.
        words.append("".join(f"({text})" for text in branches) if len(branches) > 1 else "".join(branches))
    return " ".join([word for word in words if word])
