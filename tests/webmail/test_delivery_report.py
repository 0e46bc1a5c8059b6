import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail.delivery_report import Failure, read, reason

REPORT = b"""Reporting-MTA: dns; mail.home.example
Arrival-Date: Tue, 24 Nov 2026 08:12:00 +0000

Final-Recipient: rfc822; mia@brukner.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <mia@brukner.example>: no such
 user

Original-Recipient: rfc822;slow@x.example
Action: delayed
Status: 4.4.1

Final-Recipient: rfc822; fine@x.example
Action: delivered
Status: 2.0.0
""".replace(b"\n", b"\r\n")


def test_who_was_not_reached_and_why():
    assert read(REPORT) == [
        Failure(
            "mia@brukner.example", "failed", "5.1.1", "550 5.1.1 <mia@brukner.example>: no such user", "no-address"
        ),
        Failure("slow@x.example", "delayed", "4.4.1", "", "unreachable"),
    ]


@pytest.mark.parametrize(
    ("status", "diagnostic", "word"),
    [
        ("5.1.1", "", "no-address"),
        ("5.1.2", "", "no-domain"),
        ("5.2.2", "", "full"),
        ("5.3.4", "", "too-large"),
        ("5.7.1", "", "refused"),
        ("4.4.2", "", "unreachable"),
        ("", "550 5.1.1 x", "no-address"),
        ("5.0.0", "", "unknown"),
        ("", "", "unknown"),
    ],
)
def test_reasons(status, diagnostic, word):
    assert reason(status, diagnostic) == word


def test_the_number_of_recipients_is_bounded():
    group = b"Final-Recipient: rfc822; a@x\r\nAction: failed\r\n\r\n"
    assert len(read(group * 500)) <= 21


@given(st.binary(max_size=300))
def test_no_octets_raise(data):
    read(data)
    read(b"Final-Recipient: rfc822;" + data)
