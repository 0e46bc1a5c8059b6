from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.delivery import trace_fields
from server.delivery.envelope import Envelope, SessionInfo
from server.mail import header

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SESSION = SessionInfo("192.0.2.7", "client.test", "TLSv1.3/X", None, "ESMTPS", "abc123")
BODY = b"Subject: x\r\n\r\nText\r\n"


def mark(raw=BODY, envelope=None, profile="smtp"):
    return trace_fields.mark(
        raw, envelope or Envelope("x@far.test", ("a@ours.test",)), SESSION, "mx.ours.test", profile, NOW
    )


def test_return_path_and_received_on_top():
    marked = mark()
    assert marked.endswith(BODY)
    block, _ = header.split(marked)
    assert [f.name for f in block] == ["Return-Path", "Received", "Subject"]
    assert block.get("Return-Path") == b"<x@far.test>"
    received = block.text("Received")
    assert received.startswith("from client.test ([192.0.2.7])")
    for part in ("by mx.ours.test with ESMTPS", "id abc123", "for <a@ours.test>", "; Tue, 24 Nov 2026 10:00:00 +0000"):
        assert part in received


def test_null_path():
    assert mark(envelope=Envelope("", ("a@ours.test",))).startswith(b"Return-Path: <>\r\n")


def test_several_recipients_are_not_told_of_each_other():
    assert b" for <" not in mark(envelope=Envelope("x@far.test", ("a@ours.test", "b@ours.test")))


def test_an_earlier_return_path_goes():
    assert mark(b"Return-Path: <old@far.test>\r\n" + BODY).count(b"Return-Path") == 1


def test_an_import_stays_as_it_is():
    raw = b"Return-Path: <old@far.test>\r\nAuthentication-Results: mx.ours.test; spf=pass\r\n" + BODY
    assert mark(raw, profile="import") == raw


FORGED = [
    b"Authentication-Results: mx.ours.test; spf=pass\r\n",
    b"authentication-results:MX.Ours.Test;\r\n\tdkim=pass header.d=bank.test\r\n",
    b"Authentication-Results: (a comment) mx.ours.test 1; none\r\n",
    b'Authentication-Results: "mx.ours.test"; dmarc=pass\r\n',
    b"Authentication-Results:\r\n mx.ours.test; spf=pass\r\n",
]


@pytest.mark.parametrize("forged", FORGED)
def test_results_in_our_name_go(forged):
    # security.md T107.
    for raw in (forged + BODY, b"To: a\r\n" + forged + BODY, forged + b"To: a\r\n" + forged + BODY):
        cleaned = trace_fields.without_forged_results(raw, "mx.ours.test")
        assert b"uthentication-" not in cleaned
        assert cleaned.endswith(BODY)
        assert (b"To: a\r\n" in cleaned) == (b"To: a\r\n" in raw)


@pytest.mark.parametrize(
    "kept",
    [
        b"Authentication-Results: mx.other.test; spf=pass\r\n",
        b"Authentication-Results: mx.ours.test.evil.test; spf=pass\r\n",
        b"X-Old: a\r\n Authentication-Results: mx.ours.test; spf=pass\r\n",
    ],
)
def test_what_is_not_in_our_name_stays(kept):
    assert trace_fields.without_forged_results(kept + BODY, "mx.ours.test") == kept + BODY


def test_a_forged_one_in_the_body_stays():
    raw = BODY + FORGED[0]
    assert trace_fields.without_forged_results(raw, "mx.ours.test") == raw


def test_fields_by_name():
    raw = b"To: a\r\nBcc: b,\r\n c\r\nX: Bcc: d\r\nBCC: e\r\n\r\nBcc: f\r\n"
    assert trace_fields.without(raw, {"bcc"}) == b"To: a\r\nX: Bcc: d\r\n\r\nBcc: f\r\n"


@given(
    st.lists(st.sampled_from([*FORGED, b"To: a\r\n", b"X: b\r\n c\r\n", b"garbage\r\n", b": \r\n"])),
    st.binary(max_size=30),
)
def test_only_whole_forged_fields_are_taken_out(lines, body):
    raw = b"".join(lines) + b"\r\n" + body
    cleaned = trace_fields.without_forged_results(raw, "mx.ours.test")
    assert cleaned == b"".join(line for line in lines if line not in FORGED) + b"\r\n" + body
