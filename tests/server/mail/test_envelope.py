"""ENVELOPE exactly as RFC 9051 §7.5.2 has it."""

import pytest

from server.mail import envelope, header
from tests.fakes import imap_values


def of(raw):
    block, _ = header.split(raw)
    written = envelope.envelope(block)
    imap_values.check_envelope(imap_values.read(written))
    return written


def test_the_example_of_the_rfc():
    raw = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"Cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
        b"MIME-Version: 1.0\r\n\r\n"
    )
    assert of(raw) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) '
        b'NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


def test_an_empty_header():
    assert of(b"\r\n") == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)" == envelope.EMPTY


def test_absent_and_empty_differ_for_strings_and_not_for_addresses():
    assert of(b"Subject:\r\nDate: \r\nTo:\r\n\r\n") == b'("" "" NIL NIL NIL NIL NIL NIL NIL NIL)'


@pytest.mark.parametrize("empty", [b"", b"Sender:\r\nReply-To: \r\n", b"Sender: ,\r\n"])
def test_sender_and_reply_to_default_to_from(empty):
    who = b'((NIL NIL "a" "b"))'
    assert of(b"From: a@b\r\n" + empty + b"\r\n") == b"(NIL NIL %b %b %b NIL NIL NIL NIL NIL)" % (who, who, who)


def test_own_sender_and_reply_to():
    found = imap_values.read(of(b"From: a@b\r\nSender: c@d\r\nReply-To: e@f, g@h\r\n\r\n"))
    assert found[2:5] == [
        [[None, None, b"a", b"b"]],
        [[None, None, b"c", b"d"]],
        [[None, None, b"e", b"f"], [None, None, b"g", b"h"]],
    ]


def test_groups():
    assert of(b"To: A Group: Ed <c@a.test>, joe@b.test;, Empty:;\r\n\r\n") == (
        b'(NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)("Ed" NIL "c" "a.test")(NIL NIL "joe" "b.test")(NIL NIL NIL NIL)'
        b'(NIL NIL "Empty" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)'
    )


def test_a_mailbox_without_domain_is_no_group():
    found = imap_values.read(of(b"From: root\r\nTo: Some Name\r\n\r\n"))
    assert found[2] == [[None, None, b"root", b""]]
    assert found[5] == [[b"Some Name", None, b"", b""]]


def test_routes_are_kept():
    assert b'((NIL "@a,@b" "c" "d"))' in of(b"To: <@a,@b:c@d>\r\n\r\n")


def test_strings_stand_as_written():
    found = imap_values.read(
        of(
            b"Subject: =?utf-8?Q?=C3=A9?=\r\n folded\r\nFrom: =?utf-8?Q?=C3=A9?= <a@b>\r\n"
            b'To: "quo\\"ted" <c@d>\r\nIn-Reply-To: <x@y>\r\n (z)\r\n\r\n'
        )
    )
    assert found[1] == b"=?utf-8?Q?=C3=A9?= folded"
    assert found[2][0][0] == b"=?utf-8?Q?=C3=A9?="
    assert found[5][0][0] == b'quo"ted'
    assert found[8] == b"<x@y> (z)"


def test_raw_8bit_is_a_literal():
    assert "{8}\r\nGrüße!".encode() in of("Subject: Grüße!\r\n\r\n".encode())


def test_the_limit_on_addresses():
    raw = b"To: " + b", ".join(b"a%d@b" % number for number in range(3_000)) + b"\r\n\r\n"
    assert len(imap_values.read(of(raw))[5]) == 1_000
