"""Virtual mailboxes as clients meet them: arranged when mailboxes are listed, brought up to date when somebody looks.

Each function costs one read where there is nothing to do. Writes are made step by step, so that deliveries come in between.
"""

from collections.abc import Callable, Collection
from typing import TypeVar

from server.db.transaction import Reader
from server.imap.access import Place
from server.imap.handler import Context
from server.store import virtual, virtual_refresh
from server.store.errors import NoSuchMailbox
from server.store.model import Mailbox
from server.store.standing import Standing

T = TypeVar("T")

behind = virtual_refresh.behind


def is_arranged(ctx: Context, reader: Reader) -> bool:
    """Say whether the account has the virtual mailboxes that it should have."""
    return virtual.is_arranged(reader, wanted=ctx.services.settings.virtual_mailboxes)


async def arrange(ctx: Context) -> None:
    """Make those that are missing, or take all away where the house has none."""
    wanted = ctx.services.settings.virtual_mailboxes
    await ctx.write(lambda w: virtual.arrange(w, wanted=wanted))


async def read_at(ctx: Context, place: Place, fn: Callable[[Reader], T]) -> T:
    """Read about the mailbox of a name, which may be a virtual one that nobody has seen yet."""
    try:
        return await ctx.read_at(place, fn)
    except NoSuchMailbox:
        if place.guest is not None or await ctx.read(lambda r: is_arranged(ctx, r)):
            raise
    await arrange(ctx)
    return await ctx.read(fn)


def attributes(mailbox: Mailbox | Standing) -> list[bytes]:
    """What LIST says of it besides its special use (RFC 9051 §7.3.1): nothing can be made below it, or it is only a name."""
    if mailbox.rule is None:
        return []
    return [rb"\Noselect" if virtual.is_only_a_name(mailbox) else rb"\Noinferiors"]


async def renew(ctx: Context, numbers: Collection[int]) -> bool:
    """Bring virtual mailboxes up to date; return whether anything was done."""
    late = await ctx.read(lambda r: behind(r, numbers))
    if late:
        await refresh(ctx, late)
    return bool(late)


async def refresh(ctx: Context, late: Collection[int]) -> None:
    """Bring up to date those that `behind` named."""
    # Not by `ctx.write`: what others did is not this client's own change, of which it would not be told (RFC 5465 §5).
    store = ctx.services.store
    while await store.write(ctx.account_id, lambda w: virtual_refresh.refresh(w, late)):
        pass
