"""RFC 3464 reports, both ways."""

from datetime import UTC, datetime

import pytest

from server.mail import build, dsn, header, mime
from server.mail.address import Address

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ORIGINAL = b"Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\nMessage-ID: <orig@x>\r\nFrom: a@b\r\n\r\nsecret body\r\n"


def context(**changes):
    values = {
        "reporting_mta": "mx.example",
        "from_": Address("Mail system", "postmaster", "example.org"),
        "to": Address("", "a", "b.example"),
        "message_id": "dsn1@example.org",
        "date": NOW,
        "original": ORIGINAL,
    }
    return dsn.Context(**{**values, **changes})


GONE = dsn.Recipient("x@y.example", "5.1.1", "550 5.1.1 no such user", "mx.y.example", "rfc822;X@y.example", NOW)


def test_a_failure():
    raw = dsn.failure(context(envelope_id="env1", arrival=NOW), [GONE, dsn.Recipient("z@y.example")])
    assert build.is_7bit(raw)
    root = mime.parse(raw)
    assert root.content_type == "multipart/report"
    assert root.params["report-type"] == "delivery-status"
    assert [part.content_type for part in root.children] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    block, _ = header.split(raw)
    assert block.text("subject") == "Undelivered: été"
    assert block.get("auto-submitted") == b"auto-replied"
    assert block.get("in-reply-to") == b"<orig@x>"
    assert b"secret body" not in raw
    assert raw[root.children[1].body_start : root.children[1].body_end] == (
        b"Reporting-MTA: dns; mx.example\r\nOriginal-Envelope-Id: env1\r\n"
        b"Arrival-Date: Tue, 24 Nov 2026 04:00:00 +0000\r\n\r\n"
        b"Original-Recipient: rfc822;X@y.example\r\nFinal-Recipient: rfc822; x@y.example\r\nAction: failed\r\n"
        b"Status: 5.1.1\r\nRemote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
        b"Last-Attempt-Date: Tue, 24 Nov 2026 04:00:00 +0000\r\n\r\n"
        b"Final-Recipient: rfc822; z@y.example\r\nAction: failed\r\nStatus: 5.0.0\r\n"
    )
    assert "<x@y.example> (mx.y.example): 550 5.1.1 no such user" in mime.text(raw, root.children[0])


def test_there_and_back():
    report = dsn.parse(dsn.failure(context(envelope_id="env1"), [GONE]))
    assert report == dsn.Report("mx.example", "env1", (GONE,), "orig@x")


def test_a_delay():
    until = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
    late = dsn.Recipient("x@y.example", "4.4.1", "time-out", will_retry_until=until)
    raw = dsn.delay(context(), [late])
    report = dsn.parse(raw)
    assert report is not None
    assert (report.recipients[0].action, report.recipients[0].will_retry_until) == ("delayed", until)
    assert header.split(raw)[0].text("subject") == "Delayed: été"


def test_the_whole_message_comes_back_where_it_is_asked_for_and_fit():
    raw = dsn.failure(context(full=True), [GONE])
    root = mime.parse(raw)
    assert root.children[2].content_type == "message/rfc822"
    assert mime.section(raw, root, "3") == ORIGINAL
    foreign = dsn.failure(context(full=True, original="Subject: é\r\n\r\nbody".encode()), [GONE])
    assert build.is_7bit(foreign)
    last = mime.parse(foreign).children[2]
    assert (last.content_type, last.encoding) == ("text/rfc822-headers", "base64")


@pytest.mark.parametrize(
    "hostile", ["a\r\nAction: delivered", "\r\n\r\nFinal-Recipient: rfc822; victim@x", "é会\x00\x1b", "x" * 5000, ""]
)
def test_what_a_peer_says_stays_in_its_field(hostile):
    raw = dsn.failure(
        context(envelope_id=hostile, reporting_mta=hostile or "mx"),
        [dsn.Recipient("x@y.example", hostile, hostile, hostile, hostile)],
    )
    assert build.is_7bit(raw)
    report = dsn.parse(raw)
    assert report is not None
    assert [(one.address, one.action, one.status) for one in report.recipients] == [("x@y.example", "failed", "5.0.0")]


@pytest.mark.parametrize(
    "original",
    [b"", b"\x00\xff", b"garbage", b"Subject: " + b"x" * 100_000, b"Message-ID: <" + b"y" * 950 + b"@z>\r\n\r\n"],
)
def test_any_original_can_be_reported(original):
    raw = dsn.failure(context(original=original), [GONE])
    assert build.is_7bit(raw)
    assert dsn.parse(raw).recipients[0].address == "x@y.example"


def test_an_address_outside_of_ascii():
    """RFC 6533 §3 and its printable form."""
    raw = dsn.failure(context(), [dsn.Recipient("é@y.example")])
    assert b"Final-Recipient: utf-8; \\x{E9}@y.example\r\n" in raw


def test_a_report_from_elsewhere():
    raw = (
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"reporting-mta: dns;relay.example\r\n\r\n\r\nFINAL-RECIPIENT: RFC822;a@b\r\nACTION: Failed\r\nSTATUS: 5.2.2 (full)\r\n\r\n"
        b"Final-Recipient: rfc822; c@d\r\nAction: strange\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <m@x>\r\n\r\n--b--\r\n"
    )
    report = dsn.parse(raw)
    assert report is not None
    assert (report.reporting_mta, report.original_message_id) == ("relay.example", "m@x")
    assert [(one.address, one.action, one.status) for one in report.recipients] == [
        ("a@b", "failed", "5.2.2"),
        ("c@d", "failed", "5.0.0"),
    ]


@pytest.mark.parametrize(
    "raw", [b"", b"Subject: x\r\n\r\nbody", b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"]
)
def test_other_messages_are_no_reports(raw):
    assert dsn.parse(raw) is None


@pytest.mark.timeout(20)
def test_many_groups_are_bounded():
    raw = b"Content-Type: message/delivery-status\r\n\r\n" + b"Final-Recipient: rfc822;a@b\r\n\r\n" * 50_000
    assert len(dsn.parse(raw).recipients) <= 1_000
