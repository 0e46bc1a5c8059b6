import pytest
from hypothesis import given

from server.imap.syntax.fetch_att import Column, Section, parse_attributes, serialise
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.token import Reader
from tests.server.imap import strategies


def read(text):
    reader = Reader(RawCommand((text,)))
    found = parse_attributes(reader)
    reader.end()
    return found


@given(strategies.attributes)
def test_what_is_asked_is_understood(attributes):
    assert read(serialise(attributes)) == attributes


def test_macros():
    assert read(b"fast") == (Column.FLAGS, Column.INTERNALDATE, Column.SIZE)
    assert read(b"ALL") == (*read(b"FAST"), Column.ENVELOPE)
    assert read(b"FULL") == (*read(b"ALL"), Column.BODY)


@pytest.mark.parametrize(
    ("text", "section"),
    [
        (b"BODY[]", Section()),
        (b"body.peek[header]", Section(kind="HEADER", peek=True, label=b"BODY[HEADER]")),
        (b"BODY[1.2.HEADER.FIELDS.NOT (To)]<0.10>",
         Section("1.2", "HEADER.FIELDS.NOT", ("To",), (0, 10), label=b"BODY[1.2.HEADER.FIELDS.NOT (To)]")),
        (b'BODY[HEADER.FIELDS ("SUBJECT" from)]',
         Section(kind="HEADER.FIELDS", names=("SUBJECT", "from"), label=b"BODY[HEADER.FIELDS (SUBJECT from)]")),
        (b"BODY[3.MIME]", Section("3", "MIME", label=b"BODY[3.MIME]")),
        (b"RFC822", Section(label=b"RFC822")),
        (b"RFC822.HEADER", Section(kind="HEADER", peek=True, label=b"RFC822.HEADER")),
        (b"BINARY.PEEK[2]", Section("2", peek=True, binary=True, label=b"BINARY[2]")),
    ],
)  # fmt: skip
def test_sections(text, section):
    assert read(text) == (section,)


@pytest.mark.parametrize("text", [b"PREVIEW", b"PREVIEW (LAZY)", b"preview (fuzzy)", b"(PREVIEW (LAZY))"])
def test_previews(text):
    assert read(text) == (Column.PREVIEW,)
