"""SEARCH, SORT, THREAD and their uid forms (RFC 9051 §6.4.4, RFC 5256, RFC 5267, RFC 6203, RFC 9394).

The store answers in uids; this turns a client's numbers into uids before and back after. Messages that came after the client was last
told do not exist for it yet and are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from server.db.transaction import Reader
from server.imap.commands.update import follow, require_new_tag
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.progress import patiently
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.error import NumberUsed
from server.imap.syntax.esearch_response import partial_item, relevancy_item, window_of
from server.imap.syntax.parse_message import CHARSETS
from server.imap.syntax.response import Reply, string, untagged
from server.imap.syntax.search_key import SearchKey, mentions_modseq, mentions_numbers, needs_numbers, resolve
from server.imap.syntax.sequence import compress, format_numbers
from server.imap.syntax.thread_response import thread_list
from server.imap.thread_answers import Question
from server.mail import thread as threads
from server.store import mailboxes, messages
from server.store import search as store_search
from server.store import sort as store_sort
from server.store import threads as store_threads
from server.store.query import All, Query, with_threads

T = TypeVar("T")

LARGE = 1_000
"""Results from which on they are turned into a line apart from the event loop, which others wait for."""


async def search(ctx: Context, command: c.Search) -> Reply:
    require_new_tag(ctx, command.returned)
    query = await _query(ctx, command.key, command.charset, saving=_saves(command.returned))
    view = ctx.view
    scores: dict[int, int] = {}
    if command.returned is not None and command.returned.relevancy:
        scores = await patiently(
            ctx, ctx.read_view(lambda r: dict(store_search.search_scored(r, view.mailbox_id, query)))
        )
        found = view.only_known(list(scores))
    else:
        found = await patiently(
            ctx, ctx.read_view(lambda r: view.only_known(store_search.search(r, view.mailbox_id, query)))
        )
    await follow(ctx, command, query, found)
    highest = await _highest(ctx, command.key, found, command.returned)
    if command.returned is None and not ctx.rev2:
        return await _listed(ctx, b"* SEARCH", found, uid=command.uid, highest=highest)
    returned = command.returned or c.SearchReturn(all=True)
    return await _extended(ctx, found, returned, uid=command.uid, highest=highest, scores=scores)


async def sort(ctx: Context, command: c.Sort) -> Reply:
    require_new_tag(ctx, command.returned)
    query = await _query(ctx, command.key, command.charset, saving=_saves(command.returned))
    view = ctx.view
    window = _window(command)
    if window is not None:
        page, total = await patiently(ctx, ctx.read_view(lambda r: _page(r, view, query, command, window)))
        if page is not None:
            return await _page_reply(ctx, page, total, command)
    scores: dict[int, int] = {}
    if command.returned is not None and command.returned.relevancy:
        scores = await patiently(
            ctx, ctx.read_view(lambda r: dict(store_sort.sort_scored(r, view.mailbox_id, query, command.criteria)))
        )
        found = view.only_known(list(scores))
    else:
        found = await patiently(
            ctx, ctx.read_view(lambda r: view.only_known(store_sort.sort(r, view.mailbox_id, query, command.criteria)))
        )
    await follow(ctx, command, query, found)
    highest = await _highest(ctx, command.key, found, command.returned)
    if command.returned is None:
        return await _listed(ctx, b"* SORT", found, uid=command.uid, highest=highest)
    return await _extended(ctx, found, command.returned, uid=command.uid, highest=highest, scores=scores)


def _window(command: c.Sort) -> tuple[int, int] | None:
    """First and last of a page that can be read without the rest: a PARTIAL from the front, asked for alone or with COUNT."""
    returned = command.returned
    if (
        returned is None
        or returned.relevancy
        or returned.update
        or returned.partial is None
        or returned.partial[0] < 0
        or mentions_modseq(command.key)
    ):
        return None
    if returned.minimum or returned.maximum or returned.save or (returned.count and not isinstance(command.key, All)):
        return None
    return returned.partial


def _page(
    reader: Reader, view: Selected, query: Query, command: c.Sort, window: tuple[int, int]
) -> tuple[list[int] | None, int]:
    """A page of the order and how many there are in all; no page while the mailbox holds messages the client was not told of."""
    found = mailboxes.status(reader, view.mailbox_id)
    if found.uidnext != view.uidnext:
        return None, 0
    first, last = window
    page = store_sort.sort(reader, view.mailbox_id, query, command.criteria, offset=first - 1, limit=last - first + 1)
    return page, found.messages


async def _page_reply(ctx: Context, page: list[int], total: int, command: c.Sort) -> Reply:
    items = [b"ESEARCH", b"(TAG " + string(ctx.tag) + b")"]
    if command.uid:
        items.append(b"UID")
    if command.returned is not None and command.returned.count:
        items.append(b"COUNT %d" % total)
    if command.returned is not None and command.returned.partial is not None:
        items.append(partial_item(command.returned.partial, await _numbers(ctx, page, uid=command.uid)))
    return Reply("Done", untagged=(untagged(*items),))


async def thread(ctx: Context, command: c.Thread) -> Reply:
    query = await _query(ctx, command.key, command.charset, saving=False)
    view = ctx.view if command.uid else await ctx.load_view()
    question = Question(ctx.view_account, view.mailbox_id, command.algorithm, command.uid)
    answers = ctx.services.threads

    def read(reader: Reader) -> bytes:
        found = mailboxes.status(reader, view.mailbox_id)
        # The whole of a large mailbox, of which the client knows exactly what is there.
        is_kept = (
            isinstance(query, All)
            and found.messages >= LARGE
            and found.uidnext == view.uidnext
            and (command.uid or found.messages == len(view.uids))
        )
        answer = answers.get(question, found) if is_kept else None
        if answer is None:
            answer = _threads(reader, view, query, command)
            if is_kept:
                answers.put(question, found, answer)
        return answer

    listed = await patiently(ctx, ctx.read_view(read))
    return Reply("Done", untagged=((b"* THREAD " + listed if listed else b"* THREAD") + b"\r\n",))


def _threads(reader: Reader, view: Selected, query: Query, command: c.Thread) -> bytes:
    gather = threads.references if command.algorithm == "REFERENCES" else threads.ordered_subject
    uids, columns = store_threads.read(reader, view.mailbox_id, query, before=view.uidnext)
    return thread_list(gather(columns), uids if command.uid else _numbers_of(view, uids))


def _numbers_of(view: Selected, uids: Sequence[str]) -> list[str]:
    """The message sequence numbers of uids that the client knows of."""
    number_of = {uid: str(number) for number, uid in enumerate(view.uids, 1)}
    return [number_of[int(uid)] for uid in uids]


# -- before the store


async def _query(ctx: Context, key: SearchKey, charset: str, *, saving: bool) -> Query:
    """The store's query; `$` in it is the result saved before (RFC 5182 §2.1)."""
    if ctx.uid_only and mentions_numbers(key):
        raise NumberUsed
    saved = ctx.saved
    if saving:
        ctx.saved = ()  # RFC 5182 §2.1: a search that is refused leaves nothing saved
    if charset not in CHARSETS:
        raise Refusal(Reason.BAD_CHARSET)
    if mentions_modseq(key):
        ctx.condstore = ctx.woken = True  # the mod-sequence told may be the highest (`server.imap.updates`)
    view = await ctx.load_view() if needs_numbers(key) else ctx.view
    query = resolve(key, lambda sequence, uid: view.uid_ranges(sequence, uid=uid, saved=saved), view.recent.ranges)
    return query if view.guest is None else with_threads(query, view.guest.own_object_id)


def _saves(returned: c.SearchReturn | None) -> bool:
    return returned is not None and returned.save


# -- after the store


async def _highest(ctx: Context, key: SearchKey, found: Sequence[int], returned: c.SearchReturn | None) -> int | None:
    """RFC 7162 §3.1.5: the highest mod-sequence among the messages found, when MODSEQ was asked for.

    Who asks for MIN or MAX alone is told that of these (RFC 7162 §3.1.10).
    """
    if not found or not mentions_modseq(key):
        return None
    if returned is not None and _tells_ends_alone(returned):
        found = _ends(found, returned)
    view, uids = ctx.view, sorted(set(found))
    rows = await ctx.read_view(lambda r: messages.flags(r, view.mailbox_id, uids))
    return max((modseq for _, _, modseq in rows), default=None)


async def _numbers(ctx: Context, uids: Sequence[int], *, uid: bool) -> list[int]:
    if uid:
        return list(uids)
    view = await ctx.load_view()
    return await _apart(ctx, len(uids), lambda: view.numbers(uids))


async def _apart(ctx: Context, size: int, fn: Callable[[], T]) -> T:
    return await ctx.services.store.run(fn) if size >= LARGE else fn()


async def _listed(ctx: Context, name: bytes, found: Sequence[int], *, uid: bool, highest: int | None) -> Reply:
    """The plain answer of RFC 3501 §7.2.5 and RFC 5256 §4, with the mod-sequence of RFC 7162 §3.1.5."""
    numbers = await _numbers(ctx, found, uid=uid)
    listed = await _apart(ctx, len(numbers), lambda: " ".join(map(str, numbers)).encode("ascii"))
    tail = b"" if highest is None else b" (MODSEQ %d)" % highest
    return Reply("Done", untagged=(b"%b%b%b%b\r\n" % (name, b" " if listed else b"", listed, tail),))


async def _extended(
    ctx: Context,
    found: Sequence[int],
    returned: c.SearchReturn,
    *,
    uid: bool,
    highest: int | None,
    scores: Mapping[int, int],
) -> Reply:
    """ESEARCH (RFC 9051 §7.3.4); the order of a SORT is kept in ALL and PARTIAL."""
    part = found if returned.partial is None else window_of(found, returned.partial)
    if returned.save:
        save(ctx, found, part, returned)
    items = [b"ESEARCH", b"(TAG " + string(ctx.tag) + b")"]
    if uid:
        items.append(b"UID")
    if returned.minimum and found:
        items.append(b"MIN %d" % (await _numbers(ctx, [found[0]], uid=uid))[0])
    if returned.maximum and found:
        items.append(b"MAX %d" % (await _numbers(ctx, [found[-1]], uid=uid))[0])
    if returned.count:
        items.append(b"COUNT %d" % len(found))
    if returned.all and found:
        numbers = await _numbers(ctx, found, uid=uid)
        items.append(b"ALL " + await _apart(ctx, len(numbers), lambda: format_numbers(numbers)))
    if returned.partial is not None:
        items.append(partial_item(returned.partial, await _numbers(ctx, part, uid=uid)))
    if returned.relevancy and part:
        items.append(relevancy_item(part, scores))
    if highest is not None:
        items.append(b"MODSEQ %d" % highest)
    if returned.save and not tells(returned):
        return Reply("Done")
    return Reply("Done", untagged=(untagged(*items),))


def tells(returned: c.SearchReturn) -> bool:
    return bool(
        returned.minimum or returned.maximum or returned.count or returned.all or returned.partial or returned.relevancy
    )


def save(ctx: Context, found: Sequence[int], part: Sequence[int], returned: c.SearchReturn) -> None:
    """RFC 5182 §2.4: MIN and MAX alone save just those; anything else saves the whole result."""
    kept = _ends(found, returned) if _tells_ends_alone(returned) else part
    ctx.saved = compress(sorted(set(kept)))


def _tells_ends_alone(returned: c.SearchReturn) -> bool:
    more = returned.all or returned.count or returned.partial or returned.relevancy
    return (returned.minimum or returned.maximum) and not more


def _ends(found: Sequence[int], returned: c.SearchReturn) -> list[int]:
    if not found:
        return []
    return ([found[0]] if returned.minimum else []) + ([found[-1]] if returned.maximum else [])
