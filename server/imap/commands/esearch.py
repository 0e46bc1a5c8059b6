"""ESEARCH: one search of several mailboxes, none of which need be selected (RFC 7377).

One answer for each mailbox in which something is found, in uids. Bounds: `SEARCHED` mailboxes a command, each read by itself and told
before the next is read; a search of one mailbox costs what SEARCH costs.
"""

from collections.abc import Callable, Mapping, Sequence

from server.db.transaction import Reader
from server.imap import virtual
from server.imap.commands.search import save, tells
from server.imap.commands.update import refuse
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.matching import Matching
from server.imap.progress import patiently
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.error import NumberUsed, ProtocolError
from server.imap.syntax.esearch_response import uid_items, window_of
from server.imap.syntax.mailbox_filter import Scope
from server.imap.syntax.parse_message import CHARSETS
from server.imap.syntax.response import Reply, string, untagged
from server.imap.syntax.search_key import (
    SearchKey,
    mentions_modseq,
    mentions_numbers,
    mentions_saved,
    needs_numbers,
    resolve,
)
from server.imap.syntax.sequence import SequenceSet
from server.store import messages, standing
from server.store import search as store
from server.store.query import Query, with_threads
from server.store.standing import Standing
from server.store.virtual import is_only_a_name

SEARCHED = 1_000
"""Mailboxes that one command may search."""


async def esearch(ctx: Context, command: c.Esearch) -> Reply:
    scopes = {source.scope for source in command.sources} or {Scope.SELECTED}
    if Scope.SELECTED in scopes and ctx.selected is None:
        raise ProtocolError("No mailbox is selected")
    if command.charset not in CHARSETS:
        raise Refusal(Reason.BAD_CHARSET)
    others = await _others(ctx, command)
    own = ctx.selected if Scope.SELECTED in scopes else None
    if any(mailbox.id == ctx.own_selected for mailbox in others):
        # Its messages are those that the client knows of.
        own = ctx.selected
        others = [mailbox for mailbox in others if mailbox.id != ctx.own_selected]
    _check(ctx, command, only_selected=own is not None and not others and scopes == {Scope.SELECTED}, others=others)
    if command.returned.save and (own is None or others):
        raise ProtocolError("Only what is found in the selected mailbox can be saved")  # RFC 7377 §2.2
    if command.returned.update:
        refuse(ctx)  # RFC 5267 §4.3.1: results are kept up to date for SEARCH and SORT
    if mentions_modseq(command.key):
        ctx.condstore = ctx.woken = True  # the mod-sequence told may be the highest (`server.imap.updates`)
    if own is not None:
        await _search_selected(ctx, command, own)
    for mailbox in others:
        await _search_other(ctx, command, mailbox)
    return Reply("Done")


async def _others(ctx: Context, command: c.Esearch) -> list[Standing]:
    """The mailboxes of the client's account that are meant, the selected one included where it is named."""
    filters = [Matching(source) for source in command.sources if source.scope is not Scope.SELECTED]
    if not filters:
        return []

    def look(reader: Reader) -> list[Standing]:
        subscribed = standing.subscriptions(reader)
        # RFC 7377 §2.2: a mailbox that several filters mean is searched once; one that is not there is passed over.
        return [
            mailbox
            for mailbox in standing.all_mailboxes(reader)
            if not is_only_a_name(mailbox) and any(each.matches(mailbox.name, subscribed) for each in filters)
        ]

    found = await ctx.read(look)
    shown = [mailbox.id for mailbox in found if mailbox.rule is not None]
    if shown:
        await virtual.renew(ctx, shown)
    if len(found) > SEARCHED:
        raise Refusal(Reason.LIMIT)
    return found


def _check(ctx: Context, command: c.Esearch, *, only_selected: bool, others: Sequence[Standing]) -> None:
    """Numbers and the saved result mean something in the selected mailbox only."""
    if ctx.uid_only and mentions_numbers(command.key):
        raise NumberUsed
    if not only_selected and mentions_numbers(command.key):
        raise ProtocolError("Message numbers are of the selected mailbox")
    if (others or ctx.selected is None) and mentions_saved(command.key):
        raise Refusal(Reason.NOT_SAVED)


async def _search_selected(ctx: Context, command: c.Esearch, view: Selected) -> None:
    saved = ctx.saved
    if command.returned.save:
        ctx.saved = ()  # RFC 5182 §2.1: a search that is refused leaves nothing saved
    if needs_numbers(command.key):
        await ctx.load_view()
    query = resolve(
        command.key, lambda sequence, uid: view.uid_ranges(sequence, uid=uid, saved=saved), view.recent.ranges
    )
    if view.guest is not None:
        query = with_threads(query, view.guest.own_object_id)

    def look(reader: Reader) -> tuple[list[int], bytes]:
        found, scores = _found(reader, view.mailbox_id, command, query)
        found = view.only_known(found)
        return found, _items(reader, view.mailbox_id, command, found, scores)

    found, items = await patiently(ctx, ctx.read_view(look))
    if command.returned.save:
        window = command.returned.partial
        save(ctx, found, found if window is None else window_of(found, window), command.returned)
    await _tell(ctx, command, view.name, view.uidvalidity, items)


async def _search_other(ctx: Context, command: c.Esearch, mailbox: Standing) -> None:
    def look(reader: Reader) -> bytes:
        query = resolve(command.key, _numbers(reader, mailbox, command.key))
        return _items(reader, mailbox.id, command, *_found(reader, mailbox.id, command, query))

    await _tell(ctx, command, mailbox.name, mailbox.uidvalidity, await patiently(ctx, ctx.read(look)))


def _numbers(
    reader: Reader, mailbox: Standing, key: SearchKey
) -> Callable[[SequenceSet, bool], tuple[tuple[int, int], ...]]:
    """What a set of uids means in this mailbox."""
    present = messages.uids(reader, mailbox.id) if needs_numbers(key) else ()
    largest = present[-1] if present else 0
    return lambda sequence, _uid: sequence.resolve(largest)


def _found(reader: Reader, mailbox_id: int, command: c.Esearch, query: Query) -> tuple[list[int], dict[int, int]]:
    """Uids, with their scores where those are asked for."""
    if not command.returned.relevancy:
        return store.search(reader, mailbox_id, query), {}
    scores = dict(store.search_scored(reader, mailbox_id, query))
    return list(scores), scores


def _items(
    reader: Reader, mailbox_id: int, command: c.Esearch, found: Sequence[int], scores: Mapping[int, int]
) -> bytes:
    """What is told of one mailbox; nothing where nothing was found (RFC 7377 §2.1)."""
    if not found:
        return b""
    highest = None
    if mentions_modseq(command.key):
        highest = max((modseq for _, _, modseq in messages.flags(reader, mailbox_id, found)), default=None)
    return b" ".join(uid_items(found, command.returned, highest, scores))


async def _tell(ctx: Context, command: c.Esearch, name: str, uidvalidity: int, items: bytes) -> None:
    if not items or not tells(command.returned):
        return
    correlators = b"(TAG %b MAILBOX %b UIDVALIDITY %d)" % (string(ctx.tag), ctx.format_name(name), uidvalidity)
    ctx.send(untagged(b"ESEARCH", correlators, items))
    await ctx.drain()
