import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import imap_command as command
from webmail.imap_command import BadArgument, Literal, Value


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\x00b", "\r\n"])
def test_what_could_end_a_command_is_refused_everywhere(text):
    for write in (
        command.refuse,
        command.quoted,
        command.value,
        command.atom,
        lambda t: command.flags([t]),
        lambda t: command.fetch_items([t]),
    ):
        with pytest.raises(BadArgument):
            write(text)


@given(st.text(max_size=60))
def test_no_piece_of_a_command_holds_a_line_end(text):
    for write in (
        command.quoted,
        command.value,
        command.atom,
        lambda t: command.flags([t]),
        lambda t: command.fetch_items([t]),
    ):
        try:
            piece = write(text)
        except (BadArgument, UnicodeEncodeError):
            continue
        octets = piece.data if isinstance(piece, Literal) else piece
        assert not set(b"\r\n\x00") & set(octets)


@pytest.mark.parametrize("text", ["", "a b", 'a"b', "(", "a)", "é", "{3}"])
def test_an_atom_is_a_word_of_the_protocol(text):
    with pytest.raises(BadArgument):
        command.atom(text)


def test_atoms():
    assert command.atom("SEEN") == b"SEEN"
    assert command.atom("5-Nov-2026") == b"5-Nov-2026"
    assert command.atom("1:*") == b"1:*"


def test_quoted_strings_escape_what_they_must():
    assert command.quoted('a"b\\c') == b'"a\\"b\\\\c"'


def test_values_are_utf8_literals_with_a_limit():
    assert command.value("周六") == Literal("周六".encode())
    with pytest.raises(BadArgument):
        command.value("x" * 1001)


def test_flags_and_items():
    assert command.flags(["\\Seen", "$Junk", "Invoices"]) == b"(\\Seen $Junk Invoices)"
    assert (
        command.fetch_items(["FLAGS", "BODY.PEEK[HEADER.FIELDS (TO CC)]", "BODY.PEEK[1.2]<0.100>"])
        == b"(FLAGS BODY.PEEK[HEADER.FIELDS (TO CC)] BODY.PEEK[1.2]<0.100>)"
    )
    for bad in ("a b", "", "{", "(x", "\\", "a]"):
        with pytest.raises(BadArgument):
            command.flags([bad])


@pytest.mark.parametrize(
    ("uids", "wire"), [([5], b"5"), ([3, 1, 2], b"1:3"), ([1, 2, 3, 7, 9, 10], b"1:3,7,9:10"), ([4, 4], b"4")]
)
def test_sets_are_short(uids, wire):
    assert command.uid_set(uids) == wire


@pytest.mark.parametrize("uids", [[], [0], [-1], [2**32]])
def test_sets_hold_only_uids(uids):
    with pytest.raises(BadArgument):
        command.uid_set(uids)


@given(st.sets(st.integers(1, 400), min_size=1))
def test_sets_mean_what_they_were_made_of(uids):
    found = set()
    for part in command.uid_set(uids).split(b","):
        first, _, last = part.partition(b":")
        found |= set(range(int(first), int(last or first) + 1))
    assert found == uids


def test_criteria_have_the_spaces_of_the_grammar():
    tokens = ("OR", "(", "FROM", Value("a"), "SEEN", ")", "NOT", "(", "SUBJECT", Value("b c"), ")")
    pieces = command.criteria(tokens)
    assert (
        b"".join(p if isinstance(p, bytes) else b"{%d}" % len(p.data) for p in pieces)
        == b"OR (FROM {1} SEEN) NOT (SUBJECT {3})"
    )


def test_a_charset_is_named_only_when_it_matters():
    assert command.needs_utf8([Value("周")])
    assert not command.needs_utf8(["ALL", Value("a")])
