from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import Babel, force_locale

from webmail import i18n, jinja_filters, page
from webmail.delivery_report import Failure
from webmail.envelope import Person
from webmail.invitation import Invitation
from webmail.mailbox_list import Mailbox

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    """A reader in Zurich, on a Tuesday morning."""
    app = Flask("t")
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(i18n.TRANSLATIONS)
    Babel(app, default_timezone="Europe/Zurich", default_locale="en")
    monkeypatch.setattr(page, "now", lambda: NOW)
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("ago", "row", "alone", "day", "head"),
    [
        (timedelta(hours=1), "10:00", "10:00", "Today", "Today, 10:00"),
        (timedelta(hours=11, minutes=30), "23:30", "Yesterday", "Yesterday", "Yesterday, 23:30"),
        (timedelta(days=3), "Sat", "Sat", "Saturday", "Sat 21 Nov, 11:00"),
        (timedelta(days=10), "14 Nov", "14 Nov", "Earlier this month", "Sat 14 Nov, 11:00"),
        (timedelta(days=40), "15 Oct", "15 Oct", "October 2026", "Thu 15 Oct, 12:00"),
        (timedelta(days=400), "20 Oct 2025", "20 Oct 2025", "October 2025", "20 Oct 2025, 12:00"),
        (timedelta(days=-3), "11:00", "11:00", "Today", "27"),
    ],
)
def test_dates_are_as_short_as_they_can_be_told(ago, row, alone, day, head):
    moment = NOW - ago
    assert jinja_filters.row_time(moment, under_heading=True) == row
    assert jinja_filters.row_time(moment) == alone
    assert jinja_filters.day_label(moment) == day
    assert head in jinja_filters.full_time(moment)
    assert "2026" in jinja_filters.long_time(moment) or "2025" in jinja_filters.long_time(moment)


def test_the_whole_date_is_in_the_order_of_the_language():
    assert jinja_filters.long_time(NOW) == "Tuesday 24 November 2026, 11:00:00 Central European Standard Time"
    with force_locale("zh_Hans"):
        assert jinja_filters.long_time(NOW).startswith("2026年11月24日")


def test_no_date():
    assert jinja_filters.row_time(None) == ""
    assert jinja_filters.full_time(None) == ""
    assert jinja_filters.long_time(None) == ""
    assert jinja_filters.day_label(None) == "No date"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (48_000, "48 kB"),
        (4_300_000, "4.3 MB"),
        (120_000_000, "120 MB"),
        (64_400_000_000, "64.4 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes(count, words):
    assert jinja_filters.octets(count) == words


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Hello", ""),
        ("Zürich", ""),
        ("陈立", "zh-Hans"),
        ("ひらがな 漢字", "ja"),
        ("한국어", "ko"),
        ("", ""),
        (None, ""),
    ],
)
def test_runs_of_other_languages(text, tag):
    assert jinja_filters.language_of(text) == tag


def test_chinese_takes_the_shapes_of_the_reader():
    with force_locale("zh_Hant"):
        assert jinja_filters.language_of("陳立") == "zh-Hant"


def test_marks_are_put_around_escaped_pieces():
    assert (
        str(jinja_filters.marked("a <b> Table tablet", ("table",)))
        == "a &lt;b&gt; <mark>Table</mark> <mark>table</mark>t"
    )
    assert str(jinja_filters.marked("<x>", ())) == "&lt;x&gt;"
    assert str(jinja_filters.marked("<i>", ("<i>",))) == "<mark>&lt;i&gt;</mark>"
    assert str(jinja_filters.marked(None, ("x",))) == ""
    assert str(jinja_filters.marked("aaaa", ("", "a"))).count("<mark>") == 4
    assert str(jinja_filters.marked("a(b", ("a(",))) == "<mark>a(</mark>b"
    assert str(jinja_filters.marked("a" * 500, ("a",))).count("<mark>") == jinja_filters.MAX_MARKS


def test_names():
    people = (Person("Mara Lindqvist", "m@x"), Person("陈立", "c@x"), Person("", "jo.b@x"), Person("Ann", "ANN@x"))
    assert jinja_filters.sender_words(people, "ann@x") == "Mara, 陈立, jo.b, me"
    assert jinja_filters.sender_words(people[:1], "ann@x") == "Mara Lindqvist"
    assert jinja_filters.sender_words((), "") == "Nobody"
    assert jinja_filters.names_of(people, "ann@x") == "Mara Lindqvist, 陈立, jo.b@x, me"
    assert jinja_filters.names_of(people * 2, "ann@x").endswith("and 4 more")
    with force_locale("zh_Hans"):
        assert "、" in jinja_filters.names_of(people, "ann@x")


def test_mailboxes_by_role_and_by_name():
    assert jinja_filters.mailbox_label(Mailbox("INBOX", role="inbox")) == "Inbox"
    assert jinja_filters.mailbox_label(Mailbox("a/b")) == "b"
    assert jinja_filters.mailbox_icon(Mailbox("x")) == "folder"
    assert jinja_filters.title_of(Mailbox("INBOX", role="inbox", unseen=3)) == "(3) Inbox · Posthouse"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            {"start": datetime(2026, 12, 2, 13, tzinfo=UTC), "end": datetime(2026, 12, 2, 14, tzinfo=UTC)},
            "Wednesday 2 December 2026, 14:00 to 15:00",
        ),
        ({"start": datetime(2026, 12, 2, 14, tzinfo=ZoneInfo("Asia/Tokyo"))}, "Wednesday 2 December 2026, 06:00"),
        ({"start": datetime(2026, 12, 2, 14)}, "Wednesday 2 December 2026, 14:00"),  # noqa: DTZ001
        ({"start": datetime(2026, 12, 2), "all_day": True}, "Wednesday 2 December 2026"),  # noqa: DTZ001
        (
            {"start": datetime(2026, 12, 2, 13, tzinfo=UTC), "end": datetime(2026, 12, 4, 14, tzinfo=UTC)},
            "to 4 Dec 2026, 15:00",
        ),
        ({}, ""),
    ],
)
def test_times_of_events_are_on_the_clock_of_the_reader(event, words):
    whole = {
        "method": "",
        "summary": "",
        "start": None,
        "end": None,
        "all_day": False,
        "location": "",
        "organizer": "",
        "guests": 0,
    } | event
    found = jinja_filters.event_time(Invitation(**whole))
    assert words in found
    if event:
        assert jinja_filters.day_number(event["start"]) == "2"
        assert jinja_filters.month_word(event["start"]) == "Dec"


def test_reasons_of_failures_have_words():
    words = {
        jinja_filters.failure_words(Failure("x", "failed", "", "", reason))
        for reason in ("no-address", "no-domain", "full", "too-large", "refused", "unreachable", "unknown")
    }
    assert len(words) == 7
    assert "goes on trying" in jinja_filters.failure_words(Failure("x", "delayed", "", "", "full"))
