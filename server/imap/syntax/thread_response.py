"""The THREAD response (RFC 5256 §5).

thread-data    = "THREAD" [SP 1*thread-list]
thread-list    = "(" (thread-members / thread-nested) ")"
thread-members = nz-number *(SP nz-number) [SP thread-nested]
thread-nested  = 2*thread-list
"""

from collections.abc import Sequence

from server.mail.thread import Forest


def thread_list(forest: Forest, texts: Sequence[str]) -> bytes:
    """Return all threads; `texts` says what stands for each message."""
    if not forest.roots:
        return b""
    children, size = forest.children, len(texts)
    threads: list[str] = []
    for root in forest.roots:
        below = children.get(root)
        # Most threads are one message alone or two.
        if below is None:
            threads.append(texts[root])
        elif len(below) == 1 and below[0] not in children and root < size:
            threads.append(f"{texts[root]} {texts[below[0]]}")
        else:
            threads.append(_thread(root, children, texts))
    return f"({')('.join(threads)})".encode("ascii")


def _thread(root: int, children: dict[int, list[int]], texts: Sequence[str]) -> str:
    """One thread without its parentheses. However deep it is, nothing here calls itself."""
    size = len(texts)
    words: list[str] = []
    stack: list[int | str] = [root]
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            words.append(top)
            continue
        # A line goes on as long as there is one answer.
        while (below := children.get(top)) is not None and len(below) == 1:
            words.append(texts[top])
            words.append(" ")
            top = below[0]
        if top < size:
            words.append(texts[top])
        if below:
            # RFC 5256 §5: a space before nested lists, unless nothing comes before them.
            words.append(" (" if top < size else "(")
            stack.append(")")
            for child in reversed(below):
                stack += (child, ")(")
            stack.pop()
    return "".join(words)
