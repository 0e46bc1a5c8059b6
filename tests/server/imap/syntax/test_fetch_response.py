from datetime import UTC, datetime

from server.imap.syntax.fetch_att import BinarySize, Column, Section
from server.imap.syntax.fetch_response import binary_size_item, fetch, flag_update, pieces, section_item
from server.store.model import Message

MESSAGE = Message(
    uid=7,
    modseq=99,
    flags=frozenset({"\\Seen", "$Work"}),
    internaldate=datetime(2026, 11, 3, 9, 5, tzinfo=UTC),
    savedate=datetime(2026, 11, 4, tzinfo=UTC),
    size=1234,
    envelope=b'(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)',
    bodystructure=b'("text" "plain" NIL)',
    body=b'("text" "plain")',
    preview='say "hi" \u2603',
    email_id="Mabc",
    thread_id="T12",
)


def test_every_column():
    items = [piece(MESSAGE) for piece in pieces(list(Column))]
    assert fetch(3, items) == (
        b'* 3 FETCH (UID 7 FLAGS ($Work \\Seen) INTERNALDATE " 3-Nov-2026 09:05:00 +0000" RFC822.SIZE 1234'
        b' ENVELOPE (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE ("text" "plain" NIL) BODY ("text" "plain")'
        b' MODSEQ (99) EMAILID (Mabc) THREADID (T12) SAVEDATE " 4-Nov-2026 00:00:00 +0000"'
        b' PREVIEW {12}\r\nsay "hi" \xe2\x98\x83)\r\n'
    )


def test_a_section_is_cut_to_its_window():
    assert section_item(Section(), b"hello") == b"BODY[] {5}\r\nhello"
    assert section_item(Section(partial=(1, 3)), b"hello") == b"BODY[]<1> {3}\r\nell"
    assert section_item(Section(partial=(9, 3)), b"hello") == b"BODY[]<9> {0}\r\n"
    assert section_item(Section(path="2", label=b"BODY[2]"), None) == b"BODY[2] NIL"


def test_binary_data_with_nul_goes_as_literal8():
    section = Section("1", binary=True, label=b"BINARY[1]")
    assert section_item(section, b"a\0b") == b"BINARY[1] ~{3}\r\na\0b"
    assert section_item(section, b"ab") == b"BINARY[1] {2}\r\nab"
    assert binary_size_item(BinarySize("1", b"BINARY.SIZE[1]"), 4) == b"BINARY.SIZE[1] 4"


def test_a_flag_update():
    assert flag_update(2, 9, frozenset({"\\Seen"}), None) == b"* 2 FETCH (UID 9 FLAGS (\\Seen))\r\n"
    assert flag_update(2, 9, frozenset(), 5) == b"* 2 FETCH (UID 9 FLAGS () MODSEQ (5))\r\n"
