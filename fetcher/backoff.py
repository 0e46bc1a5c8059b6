"""When a source is collected next, from what happened and what happened before. Pure.

Invariants: never sooner than the provider allows; a refused sign-in is repeated a few times, ever more rarely, and then
no more until somebody acts, because providers lock accounts; everything else goes on for ever, at least every hour or two.
"""

from dataclasses import dataclass

from fetcher.errors import Kind

FIRST_RETRY = 60
LONGEST_RETRY = 3_600
BUSY_RETRY = 120
SIGN_IN_RETRIES = (900, 3_600, 14_400, 43_200)
SETTINGS_RETRIES = (600, 3_600, 7_200)
JITTER = 0.1


@dataclass(frozen=True, slots=True)
class History:
    """What the table remembers: how often in a row it failed, and since when nothing new has come (seconds)."""

    failures: int = 0
    quiet_for: float = 0.0


def after_success(
    history: History, *, interval: int, minimum: int = 0, found: int, still_waiting: bool, random: float
) -> int:
    """Return the seconds until the next run after a run without trouble.

    A mailbox that has just had mail is looked at at the normal interval, one that has been quiet for a day at twice the
    interval, for a week at four times, at most an hour.
    """
    if still_waiting:
        return max(1, minimum and min(minimum, 60))
    factor = 1 if found or history.quiet_for < 86_400 else 2 if history.quiet_for < 604_800 else 4
    wait = max(min(interval * factor, max(interval, LONGEST_RETRY)), minimum)
    return max(1, round(_jitter(wait, random, minimum)))


def after_failure(
    history: History, kind: Kind, *, interval: int, minimum: int = 0, retry_after: int | None, random: float
) -> int | None:
    """Return the seconds until the next run, or None when only a person can help.

    Args:
        history: `failures` counts this failure too.
        kind: What sort of trouble it was.
        interval: The normal interval; a retry never comes later only because the normal interval is long.
        minimum: The least the provider allows.
        retry_after: What the provider asked for (LOGIN-DELAY).
        random: A number in [0, 1), so that many sources of one provider spread.
    """
    count = max(1, history.failures)
    wait: float
    if kind is Kind.SIGN_IN:
        if count > len(SIGN_IN_RETRIES):
            return None
        wait = SIGN_IN_RETRIES[count - 1]
    elif kind is Kind.SETTINGS:
        wait = SETTINGS_RETRIES[min(count, len(SETTINGS_RETRIES)) - 1]
    elif kind is Kind.BUSY:
        wait = BUSY_RETRY
    else:
        wait = min(FIRST_RETRY * 2 ** min(count - 1, 16), max(LONGEST_RETRY, interval))
    floor = max(retry_after or 0, minimum if kind is not Kind.BUSY else 0)
    return max(1, round(_jitter(max(wait, floor), random, floor)))


def _jitter(wait: float, random: float, floor: float) -> float:
    return max(floor, wait * (1 + JITTER * (2 * random - 1)))
