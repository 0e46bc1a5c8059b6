from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.invitation import read

MEETING = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
TZID:Europe/Zurich
DTSTART:19700101T000000
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Q1 planning\\, part 1
DTSTART;TZID=Europe/Zurich:20261202T140000
DTEND;TZID=Europe/Zurich:20261202T150000
LOCATION:Room Säntis
ORGANIZER;CN="Priya Raman":mailto:priya@nordlicht.example
ATTENDEE;ROLE=REQ-PARTICIPANT:mailto:a@x.example
ATTENDEE:mailto:b@x.ex
 ample
BEGIN:VALARM
SUMMARY:Not this
END:VALARM
END:VEVENT
BEGIN:VEVENT
SUMMARY:Second
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


def event(*lines):
    return read("\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"]))


def test_the_first_event():
    found = read(MEETING)
    assert (found.method, found.summary, found.location, found.organizer, found.guests) == (
        "REQUEST",
        "Q1 planning, part 1",
        "Room Säntis",
        "Priya Raman",
        2,
    )
    assert found.start == datetime(2026, 12, 2, 14, tzinfo=ZoneInfo("Europe/Zurich"))
    assert found.end == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert not found.all_day


def test_times_of_every_form():
    assert event("DTSTART:20261202T140000Z").start == datetime(2026, 12, 2, 14, tzinfo=UTC)
    assert event("DTSTART:20261202T140000").start.tzinfo is None
    assert event("DTSTART;TZID=Customized:20261202T140000").start.tzinfo is None
    assert event("DTSTART;TZID=../../etc/passwd:20261202T140000").start.tzinfo is None
    assert event("DTSTART;TZID=No/Where:20261202T140000").start.tzinfo is None
    assert event("DTSTART;VALUE=DATE:20261202").all_day
    assert event("DTSTART:20269902").start is None
    assert event("DTSTART:20261202T140000Z", "DURATION:PT1H30M").end == datetime(2026, 12, 2, 15, 30, tzinfo=UTC)
    assert event("SUMMARY:x").start is None


def test_markup_is_only_text_and_lines_are_one():
    found = event("SUMMARY:<img src=x onerror=alert(1)>\\nsecond", "ORGANIZER:mailto:x@y.example")
    assert found.summary == "<img src=x onerror=alert(1)> second"
    assert found.organizer == "x@y.example"


@pytest.mark.parametrize(
    "text",
    ["", "BEGIN:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTODO\nEND:VTODO", "x" * 100_000, ";" * 5000 + ":"],
)
def test_no_event(text):
    assert read(text) is None


@given(
    st.lists(
        st.sampled_from(
            [
                "BEGIN:VEVENT",
                "END:VEVENT",
                "BEGIN:X",
                "END:X",
                "DTSTART:20260101",
                "DTSTART;TZID=A/B:x",
                " folded",
                "SUMMARY:a",
                ";;;",
                'X;A="b:c":d',
                "DURATION:P1D",
                "\t",
            ]
        ),
        max_size=20,
    )
    | st.lists(st.text(max_size=40), max_size=10)
)
def test_nothing_raises(lines):
    read("\r\n".join(lines))


@pytest.mark.parametrize(
    "line", ["ATTENDEE" + ";" * 4_000, "X" + ';A="' * 1_000, "X" + ';"":' * 1_000, "X;" + "a" * 4_000]
)
def test_t076_a_line_of_parameters_without_end_is_read_in_one_pass(line):
    """Two readings of each semicolon would be more than there is time for (and this test would never end)."""
    assert event(line, "SUMMARY:x").summary == "x"


@pytest.mark.parametrize("start", ["99991231T235959Z", "00010101T000000Z", "99991231", "00010101T000000"])
def test_moments_that_no_clock_shows_are_none(start):
    found = event(f"DTSTART:{start}", "DURATION:P9999W")
    assert (found.start, found.end) == (None, None)
    assert event("DTSTART:99981231T000000Z", "DURATION:P9999W").end is None


def test_parameters_in_quotes_may_hold_anything():
    found = event('ORGANIZER;CN="A; B: C";X=y;SENT-BY="mailto:z@example.org":mailto:a@example.org', "DTSTART:20261202")
    assert found.organizer == "A; B: C"
