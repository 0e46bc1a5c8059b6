import pytest

from server.document.kind import Kind, kind_of
from server.mail import mime
from tests.fakes.documents import ODT, SHEET, SLIDES, WORD


def part(kind, name=""):
    given = f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\nx'
    return mime.parse(given.encode())


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("application/pdf", "", Kind.PDF),
        ("application/octet-stream", "Rechnung.PDF", Kind.PDF),
        (WORD, "", Kind.WORD),
        ("application/msword", "new.docx", Kind.WORD),
        (SHEET, "x", Kind.SHEET),
        (SLIDES, "x", Kind.SLIDES),
        ("application/zip", "talk.pptx", Kind.SLIDES),
        (ODT, "", Kind.OPEN_DOCUMENT),
        ("application/vnd.oasis.opendocument.presentation", "", Kind.OPEN_DOCUMENT),
        ("application/octet-stream", "table.ods", Kind.OPEN_DOCUMENT),
        ("application/octet-stream", "notes.txt", Kind.PLAIN),
        ("application/octet-stream", "page.htm", Kind.HTML),
        ("application/wps-office.docx", "合同.docx", Kind.WORD),
        ("application/x-unheard-of", "table.XLSX", Kind.SHEET),
        ("application/octet-stream", "data", None),
        ("application/octet-stream", "old.doc", None),
        ("application/zip", "photos.zip", None),
        ("application/pgp-signature", "s.pdf", None),
        ("image/png", "x.pdf", None),
        ("text/plain", "notes.txt", None),  # read with the message
    ],
)
def test_by_type_then_by_name(kind, name, expected):
    assert kind_of(part(kind, name)) is expected
