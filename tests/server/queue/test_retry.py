"""The retry schedule: grows, is spread, ends after days, survives clocks that jump."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.queue import retry
from server.queue.retry import DAY, HOUR, LOCAL, MINUTE, STANDARD


def life(created=0, chance=0.5, schedule=STANDARD):
    """The times of all attempts of a message that never gets through."""
    now, attempts, times = created, 0, []
    while True:
        attempts += 1
        times.append(now)
        following = retry.next_attempt(created=created, now=now, attempts=attempts, chance=chance, schedule=schedule)
        if following is None:
            return times
        now = following


def test_a_whole_life():
    times = life()
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[0] == 15 * MINUTE
    assert all(later >= earlier for earlier, later in pairwise(gaps[:-1]))
    assert max(gaps) == 4 * HOUR
    assert times[-1] == 5 * DAY
    assert 25 < len(times) < 60


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_interval_bounds(attempts, chance):
    assert 12 * MINUTE <= retry.interval(attempts, chance) <= STANDARD.furthest


def test_jitter_spreads():
    assert retry.interval(1, 0.0) == 12 * MINUTE
    assert retry.interval(1, 0.999) > 17 * MINUTE


@given(st.floats(0, 1, exclude_max=True))
def test_ends_between_four_and_six_days(chance):
    assert 4 * DAY <= life(chance=chance)[-1] <= 6 * DAY


def test_a_clock_that_jumps_years_returns_nothing_untried():
    now = 10 * 365 * DAY
    assert retry.next_attempt(created=0, now=now, attempts=1, chance=0.5) == now + 15 * MINUTE
    assert retry.next_attempt(created=0, now=now, attempts=STANDARD.least_attempts, chance=0.5) is None


def test_a_clock_that_jumps_back_makes_no_storm():
    assert retry.next_attempt(created=10 * DAY, now=0, attempts=3, chance=0.5) >= 12 * MINUTE


@given(st.integers(0, 2**33), st.integers(0, 2**33), st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_the_next_attempt_always_lies_ahead(created, now, attempts, chance):
    following = retry.next_attempt(created=created, now=now, attempts=attempts, chance=chance)
    if following is not None:
        assert now + 12 * MINUTE <= following <= now + STANDARD.furthest
    else:
        assert now >= created + STANDARD.lifetime


def test_notice():
    assert not retry.notice_due(created=0, now=4 * HOUR - 1, sent=False)
    assert retry.notice_due(created=0, now=4 * HOUR, sent=False)
    assert not retry.notice_due(created=0, now=5 * HOUR, sent=True)


def test_people_of_this_house_do_not_wait_long_for_it():
    gaps = [b - a for a, b in pairwise(life(schedule=LOCAL))]
    assert gaps[:3] == [10, 20, 40]
    assert max(gaps) == 15 * MINUTE
    assert LOCAL.furthest <= STANDARD.furthest, "what the longest wait is known by"
    assert LOCAL.lifetime == STANDARD.lifetime
