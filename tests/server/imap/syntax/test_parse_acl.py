import pytest

from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.parse import parse


def read(line, *, utf8=False):
    return parse(RawCommand((b"t " + line,), ()), utf8=utf8).command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        # RFC 4314 §2.1.1, §3.1: names of commands in any case
        (
            b"SeTacl INBOX/Drafts David lrswida",
            c.SetAcl("INBOX/Drafts", "David", "", frozenset("lrswieta")),
        ),
        (b"SETACL INBOX/Drafts Chris +cda", c.SetAcl("INBOX/Drafts", "Chris", "+", frozenset("kxeta"))),
        (b"SETACL INBOX -anyone -l", c.SetAcl("INBOX", "-anyone", "-", frozenset("l"))),
        (b'SETACL INBOX "bob@example.org" ""', c.SetAcl("INBOX", "bob@example.org", "", frozenset())),
        (b"DeleteAcl INBOX Fred", c.DeleteAcl("INBOX", "Fred")),
        (b"getAcl INBOX", c.GetAcl("INBOX")),
        (b"LISTRIGHTS ~/Mail/saved smith", c.ListRights("~/Mail/saved", "smith")),
        (b"MYRIGHTS Stra&AN8-e", c.MyRights("Straße")),
        (
            'SETACL INBOX "björn@example.org" l'.encode(),
            c.SetAcl("INBOX", "björn@example.org", "", frozenset("l")),
        ),
    ],
)
def test_commands_are_read(line, command):
    assert read(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"SETACL INBOX/Drafts John lrQswicda",  # RFC 4314 §3.1
        b"SETACL INBOX/Drafts John lrqswicda",
        b"SETACL INBOX John",
        b"SETACL INBOX John ",
        b"SETACL INBOX John lr lr",
        b"SETACL INBOX John ++l",
        b'SETACL INBOX "" lr',
        b"SETACL INBOX - lr",
        b'SETACL INBOX "a\x07b" lr',
        b"SETACL INBOX " + b"x" * 501 + b" lr",
        b"DELETEACL INBOX",
        b"GETACL",
        b"GETACL INBOX bob",
        b"LISTRIGHTS INBOX",
        b"MYRIGHTS ",
    ],
)
def test_what_is_malformed_is_refused(line):
    with pytest.raises(ProtocolError):
        read(line)
