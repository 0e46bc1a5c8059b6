"""The result of a search as ESEARCH tells it (RFC 4731 §3.1, RFC 9051 §7.3.4, RFC 9394 §3.1)."""

from collections.abc import Mapping, Sequence

from server.imap.syntax.command import SearchReturn
from server.imap.syntax.sequence import format_numbers


def uid_items(
    found: Sequence[int], returned: SearchReturn, highest: int | None, scores: Mapping[int, int]
) -> list[bytes]:
    """What is told of uids that were found; `scores` are theirs where relevancy was asked for."""
    items = [b"UID"]
    if returned.minimum and found:
        items.append(b"MIN %d" % found[0])
    if returned.maximum and found:
        items.append(b"MAX %d" % found[-1])
    if returned.count:
        items.append(b"COUNT %d" % len(found))
    if returned.all and found:
        items.append(b"ALL " + format_numbers(found))
    if returned.partial is not None:
        found = window_of(found, returned.partial)
        items.append(partial_item(returned.partial, found))
    if returned.relevancy and found:
        items.append(relevancy_item(found, scores))
    if highest is not None:
        items.append(b"MODSEQ %d" % highest)
    return items


def partial_item(window: tuple[int, int], numbers: Sequence[int]) -> bytes:
    """RFC 9394 §3.1: the window as it was asked for, and NIL where it holds nothing."""
    return b"PARTIAL (%d:%d " % window + (format_numbers(numbers) if numbers else b"NIL") + b")"


def relevancy_item(found: Sequence[int], scores: Mapping[int, int]) -> bytes:
    """RFC 6203 §4: one score for each result, in the order of the results."""
    return b"RELEVANCY (" + " ".join([str(scores[which]) for which in found]).encode("ascii") + b")"


def window_of(found: Sequence[int], partial: tuple[int, int]) -> Sequence[int]:
    """RFC 9394 §3.1: counted from the first result, or from the last where negative; always in the order of the result."""
    first, last = partial
    if first > 0:
        return found[first - 1 : last]
    return found[max(0, len(found) + last) : max(0, len(found) + first + 1)]
