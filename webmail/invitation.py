"""A calendar invitation as a card: title, time, place, who asks. Pure; reads only what it shows.

RFC 5545 (iCalendar) §3.1 (lines), §3.3.5 (date-time), §3.6.1 (VEVENT); RFC 5546 (iTIP methods).
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from webmail.envelope import sayable, shown

MAX_CALENDAR = 512 * 1024
MAX_LINES = 5_000
# Possessive throughout: what one part has taken no other part tries again, so a line costs its length (security.md T076).
_LINE = re.compile(r'([A-Za-z0-9-]{1,60}+)((?:;(?:[^:";]|"[^"]*+")*+)*+):(.*)\Z')
_PARAMETER = re.compile(r';([A-Za-z0-9-]{1,60})=("[^"]*"|[^;:"]*)')
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z)?)?\Z")
_DURATION = re.compile(r"P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:\d{1,5}S)?)?\Z")


@dataclass(frozen=True, slots=True)
class Invitation:
    """The first event of a calendar part. Times are aware, floating ones have no zone."""

    method: str
    summary: str
    start: datetime | None
    end: datetime | None
    all_day: bool
    location: str
    organizer: str
    guests: int


def read(text: str) -> Invitation | None:
    """Find the first VEVENT; None when there is none."""
    method = ""
    fields: dict[str, tuple[str, dict[str, str]]] = {}
    guests = 0
    inside = 0
    for name, parameters, value in _lines(text[:MAX_CALENDAR]):
        if name == "METHOD" and not inside:
            method = shown(value).upper()
        elif name == "BEGIN":
            inside += 1 if inside or value.strip().upper() == "VEVENT" else 0
        elif name == "END" and inside:
            inside -= 1
            if inside == 0:
                return _invitation(method, fields, guests)
        elif inside == 1:
            guests += name == "ATTENDEE"
            fields.setdefault(name, (value, parameters))
    return None


def _lines(text: str) -> list[tuple[str, dict[str, str], str]]:
    # RFC 5545 §3.1: a line that begins with white space goes on with the one before.
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    found = []
    for line in unfolded.splitlines()[:MAX_LINES]:
        match = _LINE.match(line[:4_000])
        if match:
            parameters = {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(match[2])}
            found.append((match[1].upper(), parameters, match[3]))
    return found


def _invitation(method: str, fields: dict[str, tuple[str, dict[str, str]]], guests: int) -> Invitation:
    start, all_day = _moment(*fields.get("DTSTART", ("", {})))
    end, _ = _moment(*fields.get("DTEND", ("", {})))
    if start and not end and "DURATION" in fields:
        length = _DURATION.match(fields["DURATION"][0].strip())
        weeks, days, hours, minutes = (int(part or 0) for part in length.groups()) if length else (0, 0, 0, 0)
        with suppress(OverflowError):  # beyond the year 9999
            end = sayable(start + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes))
    organizer, named = fields.get("ORGANIZER", ("", {}))
    return Invitation(
        method=method,
        summary=_text(fields.get("SUMMARY", ("", {}))[0]),
        start=start,
        end=end,
        all_day=all_day,
        location=_text(fields.get("LOCATION", ("", {}))[0]),
        organizer=shown(named.get("CN", "")) or shown(re.sub(r"(?i)\Amailto:", "", organizer.strip())),
        guests=guests,
    )


def _text(value: str) -> str:
    # RFC 5545 §3.3.11: \n, \, \; \\ are written with a backslash.
    plain = re.sub(r"\\([\\,;nN])", lambda match: " " if match[1] in "nN" else match[1], value)
    return shown(plain)[:300]


def _moment(value: str, parameters: dict[str, str]) -> tuple[datetime | None, bool]:
    moment, all_day = _any_moment(value, parameters)
    return sayable(moment), all_day


def _any_moment(value: str, parameters: dict[str, str]) -> tuple[datetime | None, bool]:
    match = _MOMENT.match(value.strip())
    if match is None:
        return None, False
    year, month, day, hour, minute, second, utc = match.groups()
    try:
        if hour is None:
            return datetime.combine(date(int(year), int(month), int(day)), time()), True
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59))  # noqa: DTZ001 - floating until its zone is known
    except ValueError:
        return None, False
    if utc:
        return moment.replace(tzinfo=UTC), False
    zone = parameters.get("TZID", "").strip("/")
    if re.fullmatch(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){1,2}", zone):
        try:
            return moment.replace(tzinfo=ZoneInfo(zone)), False
        except (OSError, ValueError, KeyError):
            return moment, False
    return moment, False
