"""RFC 5321 §4.4 trace fields; what a peer says cannot leave its place."""

from datetime import UTC, datetime

import pytest

from server.mail import header, trace

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def received(**changes):
    values = {
        "helo": "mx.example.org",
        "peer": "192.0.2.1",
        "by": "mail.example",
        "protocol": "ESMTPS",
        "identifier": "abc",
        "date": NOW,
    }
    return trace.received(**{**values, **changes})


def test_received():
    assert received(recipient="a@b", peer_name="host.example", tls="TLSv1.3") == (
        b"Received: from mx.example.org (host.example [192.0.2.1])\r\n"
        b"\tby mail.example with ESMTPS (using TLSv1.3) id abc\r\n"
        b"\tfor <a@b>;\r\n"
        b"\tTue, 24 Nov 2026 04:00:00 +0000\r\n"
    )
    assert b"for <" not in received()


@pytest.mark.parametrize("hostile", ["a\r\nX-Evil: 1", "a\n\nbody", "a)(b", "a; b", "<x>", "\x00", "é" * 3000, ""])
def test_a_hostile_helo_stays_where_it_is(hostile):
    raw = received(helo=hostile, peer_name=hostile, recipient=hostile, identifier=hostile, tls=hostile)
    block, _ = header.split(raw + b"\r\n")
    assert [field.name for field in block] == ["Received"]
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.count(b";") == 1


def test_return_path():
    assert trace.return_path("") == b"Return-Path: <>\r\n"
    assert trace.return_path("a@b") == b"Return-Path: <a@b>\r\n"
    assert trace.return_path('"a b"@c') == b'Return-Path: <"a b"@c>\r\n'


@pytest.mark.parametrize("bad", ["a@b\r\nX: y", "a b@c", "<a@b>", '"a\nb"@c', "\x00"])
def test_a_bad_reverse_path_is_refused(bad):
    with pytest.raises(ValueError, match="reverse path"):
        trace.return_path(bad)


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        (b"Return-Path: <a@b>\r\nSubject: x\r\n\r\n", b"Subject: x\r\n\r\n"),
        (b"RETURN-PATH:\r\n <a@b>\r\nreturn-path: <c@d>\r\nA: b\r\n\r\n", b"A: b\r\n\r\n"),
        (b"Subject: x\r\n\r\nReturn-Path: <a@b>\r\n", b"Subject: x\r\n\r\nReturn-Path: <a@b>\r\n"),
        (b"Return-Path: <a@b>", b""),
        (b"", b""),
    ],
)
def test_stripping_the_return_path(raw, left):
    assert trace.strip_return_path(raw) == left


def test_hops():
    assert trace.hop_count(b"Received: a\r\nreceived: b\r\nX: y\r\n\r\nReceived: in the body\r\n") == 2
    assert trace.hop_count(b"") == 0
