from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import envelope
from webmail.envelope import Fetched, Person
from webmail.imap_response import parse


def read(text):
    return envelope.envelope(parse(text)[0])


def test_an_envelope_of_rfc_9051():
    found = read(
        b'("Wed, 17 Jul 1996 02:23:25 -0700" "IMAP4rev2 WG mtg" (("Terry Gray" NIL "gray" "cac.washington.edu")) NIL NIL ((NIL NIL "imap" '
        b'"cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397@cac>")'
    )
    assert found.subject == "IMAP4rev2 WG mtg"
    assert found.sent_at == datetime(1996, 7, 17, 9, 23, 25, tzinfo=UTC)
    assert found.from_ == (Person("Terry Gray", "gray@cac.washington.edu"),)
    assert [person.email for person in found.cc] == ["minutes@CNRI.Reston.VA.US", "KLENSIN@MIT.EDU"]
    assert found.message_id == "<B27397@cac>"


def test_encoded_words_and_raw_utf8():
    found = read(
        '(NIL "=?utf-8?B?5ZGo5YWt?=" (("=?iso-8859-1?q?Tom=E1s?=" NIL "t" "x.example")("陈立" NIL "c" "x.example")) NIL NIL NIL NIL NIL NIL NIL)'.encode()
    )
    assert found.subject == "周六"
    assert [person.name for person in found.from_] == ["Tomás", "陈立"]


def test_groups_and_broken_addresses_are_left_out():
    found = read(
        b'(NIL NIL ((NIL NIL "friends" NIL)(NIL NIL "a" "x.example")(NIL NIL NIL NIL)("x") NIL) NIL NIL NIL NIL NIL NIL NIL)'
    )
    assert found.from_ == (Person("", "a@x.example"),)


def test_the_number_of_addresses_is_bounded():
    many = b"(" + b'(NIL NIL "a" "x")' * 2000 + b")"
    assert len(envelope.people(parse(many)[0])) == envelope.MAX_PEOPLE


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\r\nb", "a b"),
        ("a\x00b\x1b", "a b"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("\u2066x\u2069", "x"),
        ("  a \t b ", "a b"),
        ("周六 é", "周六 é"),
    ],
)
def test_text_of_strangers_is_one_harmless_line(value, shown):
    assert envelope.shown(value) == shown


@given(st.text(max_size=80))
def test_shown_text_never_breaks_a_line_nor_turns_it_round(value):
    found = envelope.shown(value)
    assert not any(ord(c) < 32 or 0x202A <= ord(c) <= 0x202E or 0x2066 <= ord(c) <= 0x2069 for c in found)
    assert envelope.shown(found) == found


@given(st.binary(max_size=120))
def test_no_octets_of_a_header_raise(raw):
    envelope.words(raw)
    envelope.when(raw)
    envelope.internal_date(raw)


def test_internal_dates():
    assert envelope.internal_date(b" 5-Nov-2026 09:42:00 +0100") == datetime(2026, 11, 5, 8, 42, tzinfo=UTC)
    assert envelope.internal_date(b"31-Feb-2026 09:42:00 +0100") is None
    assert envelope.internal_date(None) is None


def test_a_fetched_message():
    rows = parse(
        b'(UID 7 FLAGS (\\Seen $hasattachment) RFC822.SIZE 44 PREVIEW "Hi" THREADID (T1) EMAILID (M1) MODSEQ (12) BODY[1] "x" BODYSTRUCTURE ("TEXT"))'
    )
    items = {rows[0][i].decode(): rows[0][i + 1] for i in range(0, len(rows[0]), 2)}
    found = envelope.fetched(items)
    assert (found.uid, found.size, found.preview, found.thread_id, found.email_id, found.modseq) == (
        7,
        44,
        "Hi",
        "T1",
        "M1",
        12,
    )
    assert found.sections == {"BODY[1]": b"x"}
    assert found.has("\\seen")
    assert found.has("$HasAttachment")
    assert not found.has("\\Flagged")
    assert envelope.fetched({"FLAGS": []}) is None


def test_people_are_counted_once():
    one, other = Person("A", "a@x.example"), Person("Ann", "A@X.example")
    assert envelope.people_of([one, other]) == (one,)
    assert Fetched(1).envelope.subject == ""
    assert Person("", "a@x.example").label == "a@x.example"


@pytest.mark.parametrize(
    "date",
    [
        b"Fri, 31 Dec 9999 23:59:59 +0000",
        b"Mon, 01 Jan 0001 00:00:00 +0000",
        b"Fri, 31 Dec 9999 23:59:59 -1200",
        b"Mon, 01 Jan 0001 12:00:00 +1200",
    ],
)
def test_a_date_that_no_clock_of_the_world_shows_is_none(date):
    """It would be an error on the page of whoever lives east or west of UTC."""
    assert envelope.when(date) is None
    assert envelope.when(b"Thu, 31 Dec 9998 23:59:59 -1200") is None
    assert envelope.when(b"Tue, 24 Nov 2026 10:00:00 +0100") == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert envelope.internal_date(b"31-Dec-9999 23:59:59 +0000") is None
