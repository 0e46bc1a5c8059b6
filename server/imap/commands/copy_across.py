"""COPY and MOVE from one account to another (RFC 9051 §6.4.7, RFC 6851, RFC 4314 §4).

Messages go in batches, so what is in memory is bounded whatever is copied; what they take counts where they come to lie, and all of it
must fit before the first goes. A COPY that fails takes back what it has put there (RFC 9051 §6.4.7). A MOVE that fails has moved some
messages and not the others, each in one place (RFC 6851 §3.3), and tells which.
"""

from dataclasses import dataclass, field

from server.db.transaction import Reader, Writer
from server.imap import virtual
from server.imap.access import Place, require
from server.imap.handler import Context
from server.imap.selected import Selected
from server.store import append, carry, expunge, rights, virtual_origin
from server.store.carry import Carried
from server.store.crashpoint import reach
from server.store.errors import NoSuchMailbox
from server.store.model import Appended, Copied

REMOVES = rights.DELETE_MESSAGES + rights.EXPUNGE
"""RFC 6851 §4.4: what a MOVE takes where the messages are."""


@dataclass(slots=True)
class Journey:
    """What has arrived so far."""

    ctx: Context
    view: Selected
    place: Place
    target_id: int = 0
    uidvalidity: int = 0
    pairs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def arrived(self) -> Copied:
        return Copied(self.uidvalidity, self.pairs)

    async def copy(self, uids: list[int]) -> None:
        """Copy all of them, or none."""
        try:
            await self._carry(uids, move=False)
        except BaseException:
            await self._take_back([uid for _, uid in self.pairs])
            raise

    async def move(self, uids: list[int]) -> None:
        """Move them; when this fails, `arrived` are those that were moved."""
        await self._carry(uids, move=True)

    async def _carry(self, uids: list[int], *, move: bool) -> None:
        ctx, view = self.ctx, self.view

        def weigh(reader: Reader) -> int:
            require(view.rights, REMOVES if move else "")
            return carry.size(reader, view.mailbox_id, uids)

        if view.virtual:
            await virtual.renew(ctx, (view.mailbox_id,))  # what is carried is as the real messages are
        total = await ctx.read_view(weigh)
        while uids:
            some = uids

            def pick_up(reader: Reader, some: list[int] = some) -> tuple[list[Carried], int]:
                return carry.pick_up(reader, view.mailbox_id, some)

            async with ctx.services.answers.hold(ctx.account_id, carry.OCTETS):
                batch, taken = await ctx.read_view(pick_up)
                uids = uids[taken:]
                if not batch:
                    continue
                placed = await ctx.write_at(self.place, self._put_down(batch, total))
                del batch
            reach("across.placed")
            if move:
                await self._remove(placed)
            self.uidvalidity = placed[0][1].uidvalidity
            self.pairs += [(uid, new.uid) for uid, new in placed]

    def _put_down(self, batch: list[Carried], total: int) -> "_PutDown":
        return _PutDown(self, batch, total)

    async def _remove(self, placed: list[tuple[int, Appended]]) -> None:
        uids, mailbox_id = [uid for uid, _ in placed], self.view.mailbox_id
        remove = virtual_origin.remove if self.view.virtual else expunge.remove
        try:
            await self.ctx.write_view(lambda w: remove(w, mailbox_id, uids), REMOVES)
        except BaseException:
            # Nothing has gone from here, so nothing may have come there.
            await self._take_back([new.uid for _, new in placed])
            raise

    async def _take_back(self, uids: list[int]) -> None:
        if uids:
            await self.ctx.write_at(self.place, lambda w: expunge.remove(w, self.target_id, uids))


@dataclass(frozen=True, slots=True)
class _PutDown:
    """One batch, in a transaction of the target's account."""

    journey: Journey
    batch: list[Carried]
    total: int

    def __call__(self, writer: Writer) -> list[tuple[int, Appended]]:
        journey = self.journey
        target = journey.place.mailbox(writer, rights.INSERT)
        if not journey.target_id:
            append.require_room(writer, self.total)
            journey.target_id = target.id
        elif journey.target_id != target.id:
            raise NoSuchMailbox(str(journey.target_id))  # another one of its name
        return carry.put_down(writer, target.id, self.batch, journey.place.held)
