"""RFC 5322 §3.3 and §4.3, RFC 9051 date-time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from server.mail import date


def at(year, month, day, hour=0, minute=0, second=0, offset=0):
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone(timedelta(minutes=offset)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Tue, 1 Jul 2003 10:52:37 +0200", at(2003, 7, 1, 10, 52, 37, 120)),
        ("Fri, 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, -360)),
        ("1 Jul 2003 10:52 +0200", at(2003, 7, 1, 10, 52, 0, 120)),
        ("Thu,\r\n 13 Feb 1969 23:32 -0330 (Newfoundland Time)", at(1969, 2, 13, 23, 32, 0, -210)),
        ("Fri, 21 Nov 97 09(comment):   55  :  06 -0600", at(1997, 11, 21, 9, 55, 6, -360)),
        ("21 Nov 97 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6)),
        ("1 Jan 05 00:00:00 EST", at(2005, 1, 1, 0, 0, 0, -300)),
        ("1 Jan 103 00:00:00 Z", at(2003, 1, 1)),
        ("Mon, 24 Nov 2026 04:00:00 PDT", at(2026, 11, 24, 4, 0, 0, -420)),
        ("Mon, 24 Nov 2026 04:00:00 XYZ", at(2026, 11, 24, 4)),
        ("Mon, 24 Nov 2026 04:00:00", at(2026, 11, 24, 4)),
        ("Mon, 24-Nov-2026 04:00:00 GMT+0100", at(2026, 11, 24, 4, 0, 0, 60)),
        ("Tue, 30 Jun 2015 23:59:60 +0000", at(2015, 6, 30, 23, 59, 59)),
        ("Thu Feb 13 23:32:54 1969", at(1969, 2, 13, 23, 32, 54)),
        ("Thu Feb 13 23:32:54 EST 1969", at(1969, 2, 13, 23, 32, 54, -300)),
        ("2026-11-24T04:05:06+08:00", at(2026, 11, 24, 4, 5, 6, 480)),
        ("2026-11-24 04:05:06Z", at(2026, 11, 24, 4, 5, 6)),
        ("Wed, 24 nov 2026 4:05:06.123 +0000", at(2026, 11, 24, 4, 5, 6)),
    ],
)
def test_reading(text, moment):
    assert date.parse(text) == moment
    assert date.parse(text).utcoffset() == moment.utcoffset()
    assert date.parse(text.encode()) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "32 Jan 2026 00:00:00 +0000",
        "1 Foo 2026 00:00:00 +0000",
        "1 Jan 2026 25:00:00 +0000",
        "1 Jan 0000 00:00:00 +0000",
        "31 Dec 9999 23:59:59 -1200",
        "1 " * 1000,
        "\x00",
        "½ Jan 2026 00:00:00 +0000",
    ],
)
def test_what_names_no_moment_is_none(text):
    assert date.parse(text) is None
    assert date.parse(text.encode()) is None


def test_an_impossible_zone_counts_as_utc():
    assert date.parse("1 Jan 2026 00:00:00 +9999") == at(2026, 1, 1)


def test_writing():
    assert date.format(at(2003, 7, 1, 10, 52, 37, 120)) == "Tue, 01 Jul 2003 10:52:37 +0200"
    assert date.format(at(1969, 2, 13, 23, 32, 0, -210)) == "Thu, 13 Feb 1969 23:32:00 -0330"
    assert date.format(datetime(2026, 1, 1, tzinfo=UTC)).endswith("+0000")


def test_internal_date_both_ways():
    moment = at(1996, 7, 7, 2, 44, 25, -420)
    assert date.format_internal(moment) == " 7-Jul-1996 02:44:25 -0700"
    assert date.parse_internal(" 7-Jul-1996 02:44:25 -0700") == moment
    assert date.parse_internal("17-JUL-1996 02:44:25 +0000") == at(1996, 7, 17, 2, 44, 25)


@pytest.mark.parametrize(
    "text",
    ["7-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25", "17-Jul-96 02:44:25 +0000", "17-Jul-1996 02:44:25 +0099", "",
     "32-Jul-1996 02:44:25 +0000", "17-Xxx-1996 02:44:25 +0000"],
)  # fmt: skip
def test_internal_date_is_strict(text):
    assert date.parse_internal(text) is None
