from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher import letter

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RECEIVED = b"Received: from a by b; Mon, 2 Mar 2026 10:00:00 +0100\r\n"
OLDER = b"Received: from c by a; Mon, 2 Mar 2026 08:00:00 +0000\r\n"
REST = b"Date: Sun, 1 Mar 2026 09:00:00 +0000\r\nMessage-ID: <a@b.example>\r\nSubject: x\r\n\r\nbody\r\n"


def arrived(raw):
    return letter.read(raw, now=NOW).arrived


def test_the_topmost_received_says_when_it_came():
    assert arrived(RECEIVED + OLDER + REST) == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert arrived(REST) == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    assert arrived(b"Subject: no date\r\n\r\n") == NOW


@pytest.mark.parametrize("date", [b"Mon, 2 Mar 2099 10:00:00 +0000", b"Thu, 1 Jan 1970 00:00:00 +0000", b"never"])
def test_a_clock_that_is_wrong_is_not_believed(date):
    assert arrived(b"Date: " + date + b"\r\n\r\n") == NOW
    assert arrived(b"Received: x; " + date + b"\r\n" + REST) == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (b"<ann@example.org>", "ann@example.org"),
        (b"<>", ""),
        (b"", ""),
        (b"<a@b.example> SIZE=5", ""),
        (b"<a@b.example>\r\n RCPT TO:<x@y>", ""),
        (b"\xff\xfe@x.example", ""),
    ],
)
def test_only_a_whole_address_becomes_the_reverse_path(value, path):
    assert letter.read(b"Return-Path: " + value + b"\r\n" + REST, now=NOW).reverse_path == path


def test_top_and_retr_give_the_same_header_hash():
    whole = RECEIVED + REST
    assert letter.header_hash(whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n") == letter.read(whole, now=NOW).header_hash


def test_fields_that_servers_change_do_not_count_others_do():
    one = letter.header_hash(b"Status: O\r\nX-UIDL: 1\r\n" + RECEIVED + REST)
    assert one == letter.header_hash(RECEIVED + b"Status: RO\r\n" + REST)
    assert one != letter.header_hash(OLDER + REST)
    assert one != letter.header_hash(RECEIVED + REST.replace(b"Subject: x", b"Subject: y"))


@given(st.binary(max_size=400))
def test_no_octets_break_it(raw):
    facts = letter.read(raw, now=NOW)
    assert facts.arrived <= NOW and "\r" not in facts.reverse_path and "\n" not in facts.reverse_path
