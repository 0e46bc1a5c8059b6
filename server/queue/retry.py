"""When to try again and when to give up, pure (RFC 5321 §4.5.4.1).

Invariants: an interval is never shorter than `FIRST` less its jitter, so no clock and no answer can make us hammer a host;
nothing is given up by age alone before `LEAST_ATTEMPTS` were made, so neither a clock that jumps by years nor a week without
power returns mail that was never tried; the sender hears of a delay once, after `NOTICE_AFTER`.
"""

from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Schedule:
    """All in seconds."""

    first: int = 15 * MINUTE
    factor: float = 1.6
    longest: int = 4 * HOUR
    jitter: float = 0.2
    lifetime: int = 5 * DAY
    least_attempts: int = 8
    notice_after: int = 4 * HOUR

    @property
    def furthest(self) -> int:
        """No honest next attempt lies further ahead than this; one that does was made by a clock that ran wrong."""
        return int(self.longest * (1 + self.jitter)) + self.first


STANDARD = Schedule()
LOCAL = Schedule(first=10, factor=2.0, longest=15 * MINUTE)
"""For people of this house: the mail role that is being restarted is back in seconds, and it is nobody else's host."""


def interval(attempts: int, chance: float, schedule: Schedule = STANDARD) -> int:
    """Return the seconds to wait after the n-th attempt; `chance` in [0, 1) spreads hosts that failed together."""
    grown = schedule.first * schedule.factor ** min(max(attempts, 1) - 1, 40)
    return int(min(grown, schedule.longest) * (1 - schedule.jitter + 2 * schedule.jitter * chance))


def next_attempt(*, created: int, now: int, attempts: int, chance: float, schedule: Schedule = STANDARD) -> int | None:
    """Return the time of the next attempt after a temporary failure, or None when it is time to give up.

    Args:
        created: When the message became due for the first time.
        now: When the attempt failed.
        attempts: How many there were, this one included.
        chance: A random number in [0, 1).
        schedule: The intervals.
    """
    deadline = created + schedule.lifetime
    if attempts >= schedule.least_attempts and now >= deadline:
        return None
    at = now + interval(attempts, chance, schedule)
    if now < deadline < at and attempts + 1 >= schedule.least_attempts:
        # One last attempt at the end of the time, and not an answer hours after it.
        return max(deadline, now + int(schedule.first * (1 - schedule.jitter)))
    return at


def notice_due(*, created: int, now: int, sent: bool, schedule: Schedule = STANDARD) -> bool:
    """RFC 5321 §4.5.4.1, RFC 3461 §4.1 (DELAY): tell the sender once that the message is still on its way."""
    return not sent and now - created >= schedule.notice_after
