"""The two dates of the grammar: `1-Feb-2026` of SEARCH and `" 1-Feb-2026 12:00:00 +0100"` of APPEND and INTERNALDATE.

    date-text = date-day "-" date-month "-" date-year
    date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE

RFC 9051 §9.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone

from server.imap.syntax.error import ProtocolError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS = {name.upper().encode(): number for number, name in enumerate(_MONTHS, 1)}
_DATE = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\Z")
_DATE_TIME = re.compile(
    rb"([ 0-9]?[0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})\Z"
)


def parse_date(text: bytes) -> date:
    match = _DATE.match(text)
    if match is None:
        raise ProtocolError("The date is malformed")
    try:
        return date(int(match[3]), _NUMBERS[match[2].upper()], int(match[1]))
    except (KeyError, ValueError):
        raise ProtocolError("There is no such date") from None


def format_date(day: date) -> bytes:
    return b"%d-%s-%04d" % (day.day, _MONTHS[day.month - 1].encode(), day.year)


def parse_date_time(text: bytes) -> datetime:
    """The moment in UTC; raises ProtocolError."""
    match = _DATE_TIME.match(text)
    if match is None:
        raise ProtocolError("The date and time are malformed")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        # RFC 5322 §3.3 allows the second 60; Python does not know leap seconds.
        moment = datetime(
            int(year), _NUMBERS[month.upper()], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=zone
        )
        return moment.astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        raise ProtocolError("There is no such date") from None


def format_date_time(moment: datetime) -> bytes:
    """`moment` as a quoted date-time."""
    offset = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    sign = b"-" if offset < 0 else b"+"
    hours, minutes = divmod(abs(offset), 60)
    return b'"%2d-%s-%04d %02d:%02d:%02d %s%02d%02d"' % (
        moment.day,
        _MONTHS[moment.month - 1].encode(),
        moment.year,
        moment.hour,
        moment.minute,
        moment.second,
        sign,
        hours,
        minutes,
    )
