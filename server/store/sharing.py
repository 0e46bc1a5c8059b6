"""Giving and taking rights on mailboxes: the owner's list, and the hint in the directory that leads others to it.

Invariants: the list alone gives rights. A hint is there before the right that it leads to, and goes when the list, looked at while
nobody else can change hints, holds nothing of that person any more; so whatever dies in between leaves at most a hint too many.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from server.accounts import share
from server.accounts.directory import Directory
from server.db.transaction import Reader, Writer
from server.store import acl
from server.store.crashpoint import reach
from server.store.store import Store

T = TypeVar("T")


class Sharing:
    """Changes of lists. `fn` sets the lines of `grantee`; it may look at the rights of who asks, and refuse."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store, self._directory = store, directory

    async def give(self, owner: int, grantee: int, fn: Callable[[Writer], T]) -> T:
        """Change a list so that `grantee` may have more rights afterwards than before."""
        if not await self._directory.database.async_read(partial(_has_hint, owner, grantee)):
            await self._directory.database.async_write(lambda w: share.add(w, owner, grantee))
        reach("sharing.hinted")
        try:
            return await self.take(owner, fn)
        except BaseException:
            await self._directory.database.async_write(partial(self._settle, owner))
            raise

    async def take(self, owner: int, fn: Callable[[Writer], T]) -> T:
        """Change a list so that nobody has more rights afterwards than before."""
        done = await self._store.write(owner, fn)
        reach("sharing.listed")
        await self._directory.database.async_write(partial(self._settle, owner))
        return done

    def give_now(self, owner: int, grantee: int, fn: Callable[[Writer], T]) -> T:
        """`give`, blocking the thread that calls."""
        self._directory.write_now(lambda w: share.add(w, owner, grantee))
        try:
            return self.take_now(owner, fn)
        except BaseException:
            self.settle_now(owner)
            raise

    def take_now(self, owner: int, fn: Callable[[Writer], T]) -> T:
        """`take`, blocking the thread that calls."""
        done = self._store.write_now(owner, fn)
        self._directory.write_now(partial(self._settle, owner))
        return done

    def settle_now(self, owner: int) -> None:
        """Make the hints of an account fit its lists."""
        self._directory.write_now(partial(self._settle, owner))

    def _settle(self, owner: int, w: Writer) -> None:
        # The directory is locked, so this look is later than every change whose hints are settled already.
        given = self._store.read_now(owner, acl.grantees)
        hinted = share.grantees(w, owner)
        for grantee in given - hinted:
            share.add(w, owner, grantee)
        for grantee in hinted - given:
            share.remove(w, owner, grantee)


def _has_hint(owner: int, grantee: int, r: Reader) -> bool:
    return grantee in share.grantees(r, owner)


def is_hidden(store: Store, directory: Directory, owner: int, *, repair: bool = False) -> bool:
    """Tell whether somebody has rights on a mailbox of an account and nothing leads there, as a mixed restore may leave it.

    Args:
        store: All mail.
        directory: All accounts.
        owner: Whose mailboxes; an account that never had mail shares none.
        repair: Mend it, and take away hints that lead to nothing.
    """
    if not store.path(owner).exists():
        return False
    hidden = bool(store.read_now(owner, acl.grantees) - directory.read_now(lambda r: share.grantees(r, owner)))
    if repair:
        Sharing(store, directory).settle_now(owner)
    return hidden
