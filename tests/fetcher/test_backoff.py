import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher import backoff
from fetcher.backoff import History
from fetcher.errors import Kind


def failure(count, kind, **more):
    values = {"interval": 300, "retry_after": None, "random": 0.5} | more
    return backoff.after_failure(History(count), kind, **values)


def success(**more):
    values = {"interval": 300, "found": 0, "still_waiting": False, "random": 0.5} | more
    return backoff.after_success(History(0, values.pop("quiet", 0)), **values)


def test_temporary_trouble_is_retried_ever_more_rarely_and_for_ever():
    assert [failure(n, Kind.TEMPORARY) for n in (1, 2, 3, 4, 20, 10_000)] == [60, 120, 240, 480, 3600, 3600]


def test_a_refused_sign_in_is_given_up_before_the_provider_locks_the_account():
    assert [failure(n, Kind.SIGN_IN) for n in range(1, 6)] == [900, 3600, 14400, 43200, None]


def test_the_providers_own_wish_is_heeded():
    assert failure(1, Kind.BUSY, retry_after=1800) == 1800
    assert failure(1, Kind.TEMPORARY, minimum=900) == 900


def test_a_quiet_mailbox_is_visited_less_often():
    assert [success(quiet=q) for q in (0, 86_400, 604_800)] == [300, 600, 1200]
    assert success(quiet=604_800, found=1) == 300
    assert success(minimum=900) == 900
    assert success(still_waiting=True) == 1


@given(
    st.integers(1, 10**6),
    st.sampled_from(list(Kind)),
    st.integers(30, 90_000),
    st.integers(0, 3600),
    st.floats(0, 0.999),
)
def test_never_at_once_and_never_too_soon(count, kind, interval, minimum, random):
    wait = backoff.after_failure(
        History(count), kind, interval=interval, minimum=minimum, retry_after=minimum, random=random
    )
    assert wait is None or (wait >= 1 and wait >= minimum)
    good = backoff.after_success(
        History(0, 0), interval=interval, minimum=minimum, found=1, still_waiting=False, random=random
    )
    assert good >= minimum and good >= 1


@pytest.mark.parametrize("random", [0.0, 0.999])
def test_many_sources_spread(random):
    assert abs(success(random=random) - 300) == 30
