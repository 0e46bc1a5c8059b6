import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.smtp.syntax import command
from server.smtp.syntax import reply as r
from server.smtp.syntax.command import Command
from server.smtp.syntax.reply import ProtocolError


def refusal(line, limit=512):
    with pytest.raises(ProtocolError) as caught:
        command.parse(line, limit=limit)
    return caught.value.reply


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"NOOP\r\n", Command("NOOP", "")),
        (b"mail FROM:<a@b.test>\r\n", Command("MAIL", "FROM:<a@b.test>")),
        (b"EHLO  x.test \r\n", Command("EHLO", "x.test")),
        ("RCPT TO:<jörg@b.test>\r\n".encode(), Command("RCPT", "TO:<jörg@b.test>")),
    ],
)
def test_lines(line, expected):
    assert command.parse(line, limit=512) == expected


def test_only_cr_lf_ends_a_line():
    assert refusal(b"NOOP\n") is r.LINE_END
    assert refusal(b"NOOP\r\r\n") is r.LINE_BYTES
    assert refusal(b"MAIL FROM:<a@b.test>\rRCPT TO:<c@d.test>\r\n") is r.LINE_BYTES
    assert refusal(b"NO\0OP\r\n") is r.LINE_BYTES
    assert refusal(b"NOOP \0\r\n") is r.LINE_BYTES


def test_other_refusals():
    assert refusal(b"\r\n") is r.UNKNOWN_COMMAND
    assert refusal(b" NOOP\r\n") is r.UNKNOWN_COMMAND
    assert refusal(b"NOOP\tx\r\n") is r.UNKNOWN_COMMAND
    assert refusal(b"NOOP a\tb\r\n") is r.LINE_BYTES
    assert refusal(b"NOOP \xff\r\n") is r.LINE_BYTES
    assert refusal("NOOP \u2028\r\n".encode()) is r.LINE_BYTES
    assert refusal(b"NOOP " + b"x" * 20 + b"\r\n", limit=20) is r.LINE_TOO_LONG


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n",
        b"POST /x HTTP/1.0\r\n",
        b"Host: mail.test\r\n",
        b"PRI * HTTP/2.0\r\n",
        b"OPTIONS sip:x SIP/2.0\r\n",
    ],
)
def test_other_protocols(line):
    assert command.is_foreign(line)


@pytest.mark.parametrize("line", [b"EHLO get.test\r\n", b"HELO x\r\n", b"NOOP GET / HTTP/1.1\r\n", b"GETX\r\n"])
def test_not_other_protocols(line):
    assert not command.is_foreign(line)


@given(st.binary(max_size=80))
def test_never_anything_but_a_command_or_a_refusal(octets):
    try:
        found = command.parse(octets + b"\r\n", limit=512)
    except ProtocolError:
        return
    assert found.verb.isalpha()
    assert "\r" not in found.argument
    assert "\n" not in found.argument
