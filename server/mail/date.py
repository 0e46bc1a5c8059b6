"""Dates of mail (RFC 5322 §3.3 with the obsolete forms of §4.3) and of IMAP (RFC 9051 date-time).

    date-time = [ day-of-week "," ] day month year hour ":" minute [":" second] zone

A date that cannot be read is None, never an error. Values carry the zone that was written.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_NUMBER: Final = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
# RFC 5322 §4.3; military letters mean nothing certain and count as UTC.
_ZONES: Final = {"ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300}
_MORE_ZONES: Final = {"mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "cet": 60, "cest": 120, "bst": 60, "jst": 540}
_LENGTH: Final = 200
_COMMENT: Final = re.compile(r"\([^()]*\)")
_USUAL: Final = re.compile(
    r"\s*(?:[A-Za-z]{2,9}\.?\s*,?\s*)?(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*\.?[\s,-]+(\d{2,4})[\s,]+"
    r"(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2})(?:[.,]\d+)?)?\s*(?:(?:GMT|UTC)?([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
# C asctime, as found in old mail: "Thu Feb 13 23:32:54 1969 [zone]"
_ASCTIME: Final = re.compile(
    r"\s*(?:[A-Za-z]{2,9}\s*,?\s+)?([A-Za-z]{3})[A-Za-z]*\s+(\d{1,2})\s*,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s+"
    r"(?:([A-Za-z]{1,5})\s+)?(\d{4})(?:\s+([+-])(\d{2}):?(\d{2}))?"
)
_ISO: Final = re.compile(
    r"\s*(\d{4})-(\d{2})-(\d{2})[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:([+-])(\d{2}):?(\d{2})|[Zz])?"
)
_INTERNAL: Final = re.compile(r"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")


def parse(value: bytes | str) -> datetime | None:
    """The moment a Date value names, in the zone it was written in; None when it names none."""
    text = value[:_LENGTH].decode("latin-1") if isinstance(value, bytes) else value[:_LENGTH]
    if "(" in text:
        text = _COMMENT.sub(" ", _COMMENT.sub(" ", text))
    match = _USUAL.match(text)
    if match is not None:
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes, zone = match.groups()
        offset = _offset(sign, zone_hours, zone_minutes) if sign else _named(zone)
        return _build(_year(year), _MONTH_NUMBER.get(month.lower(), 0), int(day), hour, minute, second, offset)
    match = _ASCTIME.match(text)
    if match is not None:
        month, day, hour, minute, second, zone, year, sign, zone_hours, zone_minutes = match.groups()
        offset = _offset(sign, zone_hours, zone_minutes) if sign else _named(zone)
        return _build(int(year), _MONTH_NUMBER.get(month.lower(), 0), int(day), hour, minute, second, offset)
    match = _ISO.match(text)
    if match is not None:
        year, month, day, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
        offset = _offset(sign, zone_hours, zone_minutes) if sign else 0
        return _build(int(year), int(month), int(day), hour, minute, second, offset)
    return None


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2:  # RFC 5322 §4.3: 00-49 are 2000-2049, the rest and three digits count from 1900
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year


def _offset(sign: str, hours: str, minutes: str) -> int:
    total = int(hours) * 60 + int(minutes)
    return -total if sign == "-" else total


def _named(zone: str | None) -> int:
    name = (zone or "").lower()
    return _ZONES.get(name, _MORE_ZONES.get(name, 0))


def _build(year: int, month: int, day: int, hour: str, minute: str, second: str | None, offset: int) -> datetime | None:
    if abs(offset) >= 24 * 60:
        offset = 0
    zone = UTC if offset == 0 else timezone(timedelta(minutes=offset))
    try:
        # RFC 5322 §3.3 allows second 60; the leap second is counted as the one before it.
        moment = datetime(year, month, day, int(hour), int(minute), min(int(second or 0), 59), tzinfo=zone)
        moment.astimezone(UTC)  # the first and the last day of the calendar may not exist in UTC
    except (ValueError, OverflowError):
        return None
    return moment


def format(moment: datetime) -> str:  # noqa: A001 - date.format beside date.parse
    """RFC 5322 §3.3, e.g. `Tue, 01 Jul 2003 10:52:37 +0200`. A value without a zone is UTC."""
    return (
        f"{DAYS[moment.weekday()]}, {moment.day:02d} {MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {_zone(moment)}"
    )


def _zone(moment: datetime) -> str:
    offset = moment.utcoffset()
    minutes = 0 if offset is None else round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def parse_internal(text: str) -> datetime | None:
    """An IMAP date-time without its quotes, e.g. `17-Jul-1996 02:44:25 -0700`; strict (RFC 9051 §9)."""
    match = _INTERNAL.fullmatch(text)
    if match is None:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    if int(zone_minutes) > 59:
        return None
    offset = _offset(sign, zone_hours, zone_minutes)
    return _build(int(year), _MONTH_NUMBER.get(month.lower(), 0), int(day), hour, minute, second, offset)


def format_internal(moment: datetime) -> str:
    """RFC 9051 §9 date-time without quotes: the day is two characters wide."""
    return (
        f"{moment.day:2d}-{MONTHS[moment.month - 1]}-{moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} {_zone(moment)}"
    )
