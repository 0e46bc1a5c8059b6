"""The connections of one process that somebody signed in on, each ended when what it was opened with is gone.

A connection enters with its proof. The proof is looked at once more right then (it may have ended while the sign-in was
checked), when a process says that sign-ins ended (`ending`), and every `LOOK_SECONDS`, because that word can be lost and because
tokens expire. One look is one read for all connections of the process; nothing is asked per command or per change.

Everything here belongs to the event loop.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from server.accounts.signed_in import Proof, ended
from server.db.database import Database
from server.log import get_logger
from server.notify.bus import SIGN_INS, Bus, Subscription

LOOK_SECONDS = 60.0
SETTLE_SECONDS = 0.1
"""Sign-ins, and words of ended ones, come in bursts; those within this time are one look."""
RETRY_SECONDS = 5.0

log = get_logger("accounts.watch")
End = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Visit:
    proof: Proof
    end: End


class Watch:
    """Runs a task as long as somebody is there."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database, self._bus = database, bus
        self._visits: dict[object, _Visit] = {}
        self._due: set[object] = set()
        self._stir = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._heard: Subscription | None = None

    def enter(self, proof: Proof, end: End) -> Subscription:
        """Have `end` called, once, when `proof` is worth nothing any more. It must be quick; close what this returns to leave."""
        ticket = object()
        self._visits[ticket] = _Visit(proof, end)
        if self._task is None:
            self._heard = self._bus.subscribe_topic(SIGN_INS, self._poked)
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._due.add(ticket)
        self._stir.set()
        return Subscription(partial(self._leave, ticket))

    def _leave(self, ticket: object) -> None:
        self._visits.pop(ticket, None)
        self._due.discard(ticket)
        if not self._visits:
            self.close()

    def close(self) -> None:
        """Look no more; the connections stay as they are."""
        if self._heard is not None:
            self._heard.close()
            self._heard = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _poked(self) -> None:
        self._due.update(self._visits)
        self._stir.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        everybody = loop.time() + LOOK_SECONDS
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(everybody):
                    await self._stir.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._stir.clear()
            if loop.time() >= everybody:
                self._due.update(self._visits)
            whole = self._due.issuperset(self._visits)
            if not await self._look():
                everybody = min(everybody, loop.time() + RETRY_SECONDS)
            elif whole:
                everybody = loop.time() + LOOK_SECONDS

    async def _look(self) -> bool:
        """Look at who is due; False when the directory could not be read."""
        due, self._due = self._due, set()
        visits = {ticket: self._visits[ticket] for ticket in due if ticket in self._visits}
        if not visits:
            return True
        proofs = {visit.proof for visit in visits.values()}
        try:
            gone = await self._database.async_read(lambda r: ended(r, proofs, time.time()))
        except Exception:
            # Nobody is sent away for a database that does not answer; the same ones are due again.
            log.exception("sign_ins_not_looked_at", connections=len(visits))
            self._due |= due
            return False
        over = [ticket for ticket, visit in visits.items() if visit.proof in gone and ticket in self._visits]
        for ticket in over:
            self._end(self._visits.pop(ticket))
        if over:
            log.info("sign_ins_ended", connections=len(over))
        return True

    def _end(self, visit: _Visit) -> None:
        try:
            visit.end()
        except Exception:
            log.exception("connection_not_ended", account=visit.proof.account)
