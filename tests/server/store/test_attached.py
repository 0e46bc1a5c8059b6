from server.document.kind import Kind
from server.document.reader import Text
from server.mail.summary import summarise
from server.store import attached
from tests.fakes.documents import WORD, docx, letter_with, pdf


def test_own_words_first_then_names_then_documents():
    raw = letter_with((WORD, "Name.docx", docx("Document")), text="Own")
    text, whole = attached.text_of(raw, summarise(raw), attached.read_at_once)
    assert text.startswith("own\nname.docx\ndocument")
    assert whole


def test_a_pdf_is_left_for_later_and_its_octets_are_not_even_decoded():
    found = attached.read_at_once(Kind.PDF, lambda: 1 / 0, 10)
    assert found == Text("", whole=False)


def test_the_text_of_a_message_is_bounded_and_the_attachments_end_is_lost_first():
    raw = letter_with(("application/pdf", "a.pdf", pdf("x")), ("application/pdf", "b.pdf", pdf("y")), text="own words")
    rooms = []

    def read(_kind, _octets, room):
        rooms.append(room)
        return Text("x" * (attached.CHARACTERS - 20), whole=True)

    text, _ = attached.text_of(raw, summarise(raw), read)
    assert len(text) <= attached.CHARACTERS
    assert text.startswith("own words\na.pdf\nb.pdf\nxxx")
    assert len(rooms) == 1


def test_only_so_many_documents_are_read():
    raw = letter_with(*((WORD, f"{n}.docx", b"") for n in range(attached.DOCUMENTS + 5)))
    asked = []
    attached.text_of(raw, summarise(raw), lambda *_: asked.append(1) or Text("", whole=True))
    assert len(asked) == attached.DOCUMENTS


def test_the_sender_of_many_documents_does_not_wait_for_all_of_them():
    """Fifty of half a kilobyte each, full of elements, were more than a second of work for a message of 44 kB."""
    raw = letter_with(*((WORD, f"{n}.docx", docx(f"Document{n}")) for n in range(attached.FIRST + 1)))
    text, whole = attached.text_of(raw, summarise(raw), attached.first_at_once())
    assert f"document{attached.FIRST - 1}" in text
    assert f"document{attached.FIRST}" not in text
    assert not whole


def test_documents_that_are_not_cheap_are_no_part_of_the_first():
    read = attached.first_at_once()
    for _ in range(attached.FIRST + 1):
        assert not read(Kind.PDF, lambda: 1 / 0, 10).whole
    assert read(Kind.WORD, lambda: docx("Words"), 100).whole
