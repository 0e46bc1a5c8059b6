"""The UPDATE return option of SEARCH and SORT, and CANCELUPDATE (RFC 5267 §4.3)."""

from collections.abc import Sequence

from server.imap.handler import Context
from server.imap.result_context import CONTEXTS, RESULTS, ResultContext, can_follow
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.response import Reply, status, string
from server.store.query import Query


def require_new_tag(ctx: Context, returned: c.SearchReturn | None) -> None:
    """RFC 5267 §4.3: the tag is the name of the result, so BAD where it is one already."""
    if returned is not None and returned.update and any(each.tag == ctx.tag for each in ctx.contexts):
        raise ProtocolError("Tag reuse")


async def follow(ctx: Context, command: c.Search | c.Sort, query: Query, found: Sequence[int]) -> None:
    """Keep the result up to date from now on, or say that it is not (RFC 5267 §4.3.1)."""
    returned = command.returned
    if returned is None or not returned.update:
        return
    criteria = command.criteria if isinstance(command, c.Sort) else ()
    if len(ctx.contexts) >= CONTEXTS or len(found) > RESULTS or not can_follow(command.key, criteria):
        refuse(ctx)
        return
    view = ctx.view if command.uid else await ctx.load_view()
    ctx.contexts += (
        ResultContext(ctx.tag, view, found, query, uid=command.uid, criteria=criteria, attributes=returned.shown),
    )


def refuse(ctx: Context) -> None:
    ctx.send(status(b"*", b"NO", "This result is not kept up to date", b"NOUPDATE " + string(ctx.tag)))


async def cancel_update(ctx: Context, command: c.CancelUpdate) -> Reply:
    """RFC 5267 §4.3.5; what is not updated any more, or never was, is cancelled already."""
    ctx.contexts = tuple(each for each in ctx.contexts if each.tag not in command.tags)
    return Reply("Done")
