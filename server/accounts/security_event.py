"""What happened to the safety of an account, for its owner to see and for the log.

Invariants: an event is written in the transaction of what it tells, so neither is without the other; it says nothing secret.
"""

import time
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from sqlalchemy import delete, insert, select

from server.accounts.schema import security_event
from server.db.transaction import Reader, Writer
from server.log import get_logger

KEPT = 100
"""Events of one account; older ones go."""

log = get_logger("accounts.security")


class Kind(StrEnum):
    """What happened."""

    FACTOR_ON = "second_factor_on"
    FACTOR_OFF = "second_factor_off"
    FACTOR_OFF_BY_ADMINISTRATOR = "second_factor_off_by_administrator"
    RECOVERY_CODE_USED = "recovery_code_used"
    RECOVERY_CODES_NEW = "recovery_codes_new"
    APP_PASSWORD_MADE = "app_password_made"  # noqa: S105 - a name, no password
    APP_PASSWORD_ENDED = "app_password_ended"  # noqa: S105
    DEVICE_REMEMBERED = "device_remembered"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the list. `at` is seconds since 1970; no peer: it was done on the command line."""

    at: int
    kind: Kind
    peer: str


def record(w: Writer, account_id: int, kind: Kind, peer: str = "") -> None:
    """Note that it happened just now."""
    w.execute(insert(security_event).values(account_id=account_id, at=int(time.time()), kind=kind, peer=peer[:64]))
    own = select(security_event.c.id).where(security_event.c.account_id == account_id)
    oldest = own.order_by(security_event.c.id.desc()).limit(1).offset(KEPT - 1).scalar_subquery()
    w.execute(delete(security_event).where(security_event.c.account_id == account_id, security_event.c.id < oldest))
    w.after_commit(partial(log.warning, "security_event", kind=str(kind), account=account_id, peer=peer))


def recent(r: Reader, account_id: int, *, count: int = 10) -> list[Event]:
    """The newest events of an account, newest first."""
    query = select(security_event.c.at, security_event.c.kind, security_event.c.peer)
    rows = r.execute(
        query.where(security_event.c.account_id == account_id).order_by(security_event.c.id.desc()).limit(count)
    )
    return [Event(row.at, Kind(row.kind), row.peer) for row in rows if row.kind in set(Kind)]
