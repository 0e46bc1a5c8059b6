"""Moves mail that POP3 programs took to the trash when its days are over, for the accounts that want it so.

Invariants: only what was taken since the account switched this on; a few messages in a transaction, so that nobody waits for long; an
account that cannot be done now is done in the next round, and holds up nobody else's. Killed at any moment, a message is in one of the two
mailboxes, and the next round goes on.

RFC 1939 §8: the policy of a site; CAPA announces it (RFC 2449 §6.7).
"""

from server.accounts import pop3_choice
from server.accounts.pop3_choice import Retention
from server.clock import Clock
from server.db.database import Database
from server.log import get_logger
from server.pop3.services import MessageStore
from server.store import popped

EVERY = 3_600.0
"""Seconds from one round to the next: days are counted, so an hour is early enough."""
DAY = 86_400

log = get_logger("pop3.expiry")


class Expiry:
    """One for each installation."""

    def __init__(self, database: Database, store: MessageStore, clock: Clock) -> None:
        self._database, self._store, self._clock = database, store, clock

    async def run(self) -> None:
        """Go round for ever."""
        while True:
            try:
                await self.go_round()
            except Exception:
                log.exception("round_failed")
            await self._clock.sleep(EVERY)

    async def go_round(self) -> None:
        """Do what is due now."""
        for account, retention in (await self._database.async_read(pop3_choice.retentions)).items():
            try:
                await self._clear(account, retention)
            except Exception:
                log.exception("expiry_failed", account=account)

    async def _clear(self, account: int, retention: Retention) -> None:
        now = int(self._clock.now().timestamp())
        before = now - retention.days * DAY
        count = 0
        while await self._store.read(account, lambda r: popped.is_due(r, before)):
            count += await self._store.write(account, lambda w: popped.clear(w, before, since=retention.since, now=now))
        if count:
            log.info("expired", account=account, messages=count)
