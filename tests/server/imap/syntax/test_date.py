from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.date import format_date, format_date_time, parse_date, parse_date_time
from server.imap.syntax.error import ProtocolError

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

FIRST, LAST = datetime(1970, 1, 3), datetime(9990, 1, 1)  # noqa: DTZ001 - hypothesis wants them without a zone


@given(st.dates())
def test_dates(day):
    assert parse_date(format_date(day)) == day


@given(st.datetimes(FIRST, LAST, timezones=ZONES).map(lambda m: m.replace(microsecond=0)))
def test_moments(moment):
    assert parse_date_time(format_date_time(moment)[1:-1]) == moment


def test_forms():
    assert (
        format_date_time(datetime(1996, 7, 7, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7))))
        == b'" 7-Jul-1996 02:44:25 -0700"'
    )
    assert parse_date_time(b"17-jul-1996 02:44:25 -0700") == datetime(1996, 7, 17, 9, 44, 25, tzinfo=UTC)
    assert parse_date_time(b"7-Jul-1996 02:44:60 +0000").second == 59
    assert parse_date(b"1-feb-1994") == date(1994, 2, 1)


@pytest.mark.parametrize(
    "text", [b"30-Feb-2020", b"1-Foo-2020", b"1-1-2020", b"", b"1-Jan-20", b"0-Jan-2020", "１-Jan-2020".encode()]
)
def test_bad_dates(text):
    with pytest.raises(ProtocolError):
        parse_date(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1-Jan-2020",
        b" 1-Jan-2020 25:00:00 +0000",
        b" 1-Jan-2020 10:00:00",
        b" 1-Jan-2020 10:00:00 +9900",
        b" 1-Jan-0001 00:00:00 +1400",
        b"31-Dec-9999 23:59:59 -1200",
    ],
)
def test_bad_moments(text):
    with pytest.raises(ProtocolError):
        parse_date_time(text)
