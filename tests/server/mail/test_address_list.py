"""Entries as ENVELOPE needs them: groups, routes, undecoded names; hostile lists end in time."""

import pytest

from server.mail.address_list import Entry, Kind, read


def test_groups_and_routes():
    assert read(b"a@b, G: <@r.x:c@d>, E F <e@f>;, h@i") == [
        Entry(Kind.MAILBOX, b"", b"", b"a", b"b"),
        Entry(Kind.GROUP_START, b"G"),
        Entry(Kind.MAILBOX, b"", b"@r.x", b"c", b"d"),
        Entry(Kind.MAILBOX, b"E F", b"", b"e", b"f"),
        Entry(Kind.GROUP_END, b""),
        Entry(Kind.MAILBOX, b"", b"", b"h", b"i"),
    ]


def test_an_open_group_is_closed():
    assert [entry.kind for entry in read(b"A: a@b; B: C: c@d")] == [
        Kind.GROUP_START,
        Kind.MAILBOX,
        Kind.GROUP_END,
        Kind.GROUP_START,
        Kind.GROUP_END,
        Kind.GROUP_START,
        Kind.MAILBOX,
        Kind.GROUP_END,
    ]


def test_names_stay_encoded():
    assert read(b"=?utf-8?Q?=C3=A9?= =?utf-8?Q?=C3=A9?= <a@b>")[0].name == b"=?utf-8?Q?=C3=A9?= =?utf-8?Q?=C3=A9?="


@pytest.mark.parametrize(
    "value", [b'"open <a@b>', b"(open a@b", b"<open", b'"\\', b"\\", b"(\\", b"<a@b", b"a <b> c@d"]
)
def test_unbalanced_ends(value):
    for entry in read(value):
        assert entry.kind is Kind.MAILBOX


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [b"(", b")", b"<", b">", b'"', b"\\", b'"<', b"@", b" @", b"a@", b":", b"a:", b";", b",", b"a ", b"=?a?q?", b"<@a:", b"[", b"\x00", b"<a@b> "],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_at_once(piece):
    """Quadratic work on a megabyte takes hours, so the time-out is what fails."""
    entries = read(piece * (1_000_000 // len(piece)), limit=20_000)
    assert sum(entry.kind is Kind.MAILBOX for entry in entries) <= 20_000
