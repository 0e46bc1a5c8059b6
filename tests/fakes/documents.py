"""Documents made of nothing but the standard library, as small as their readers take them, and letters that carry them."""

import io
import zipfile
import zlib
from base64 import encodebytes
from collections.abc import Iterable, Mapping
from html import escape

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDES = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_O = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)


def archive(members: Mapping[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


def docx(*paragraphs: Iterable[str] | str, **others: str) -> bytes:
    """A Word document; a paragraph is a text, or the texts of its runs. `header1="..."` makes another part."""
    runs = ([p] if isinstance(p, str) else p for p in paragraphs)
    return archive(
        {"word/document.xml": _word(runs)}
        | {f"word/{name}.xml": _word([[text]]) for name, text in others.items()}
        | {
            "docProps/core.xml": '<cp:coreProperties xmlns:cp="x" xmlns:dc="y"><dc:title>Core title</dc:title></cp:coreProperties>'
        }
    )


def _word(paragraphs: Iterable[Iterable[str]]) -> str:
    body = "".join(
        "<w:p>" + "".join(f"<w:r><w:rPr><w:b/></w:rPr><w:t>{escape(run)}</w:t></w:r>" for run in p) + "</w:p>"
        for p in paragraphs
    )
    return f'<?xml version="1.0"?><w:document {_W}><w:body>{body}</w:body></w:document>'


def xlsx(shared: Iterable[str], inline: Iterable[str] = (), numbers: Iterable[str] = ()) -> bytes:
    strings = "".join(f"<si><t>{escape(text)}</t><rPh sb='0'><t>phonetic</t></rPh></si>" for text in shared)
    cells = "".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in inline)
    cells += "".join(f"<c><f>SUM(A1:A9)</f><v>{number}</v></c>" for number in numbers) + '<c t="s"><v>31337</v></c>'
    return archive(
        {
            "xl/sharedStrings.xml": f"<sst {_S}>{strings}</sst>",
            "xl/worksheets/sheet1.xml": f"<worksheet {_S}><sheetData><row>{cells}</row></sheetData></worksheet>",
        }
    )


def pptx(slides: Iterable[str], notes: Iterable[str] = ()) -> bytes:
    def slide(text: str) -> str:
        return f"<p:sld xmlns:p='p' {_A}><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:sld>"

    return archive(
        {f"ppt/slides/slide{n}.xml": slide(text) for n, text in enumerate(slides, 1)}
        | {f"ppt/notesSlides/notesSlide{n}.xml": slide(text) for n, text in enumerate(notes, 1)}
    )


def odt(*paragraphs: Iterable[str] | str) -> bytes:
    """An OpenDocument text; the texts of a paragraph stand in spans."""
    runs = ([p] if isinstance(p, str) else p for p in paragraphs)
    body = "".join(
        "<text:p>" + "".join(f"<text:span>{escape(run)}</text:span>" for run in p) + "</text:p>" for p in runs
    )
    return archive(
        {
            "mimetype": ODT,
            "content.xml": f"<office:document-content {_O}><office:body><office:text>{body}</office:text></office:body>"
            "</office:document-content>",
        }
    )


def pdf(*pages: str, packed: bool = True, title: str = "") -> bytes:
    """A PDF whose one font knows each character of the text by a number, and what Unicode makes of it (/ToUnicode)."""
    alphabet = sorted({c for page in pages for c in page if c != "\n"})
    code = {c: n for n, c in enumerate(alphabet, 1)}
    chars = "\n".join(f"<{n:04x}> <{c.encode('utf-16-be').hex()}>" for c, n in code.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(code)} beginbfchar\n{chars}\nendbfchar\nendcmap end end"
    )
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{7 + 2 * n} 0 R' for n in range(len(pages)))}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        (
            "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity)"
            " /Supplement 0 >> /DW 1000 >>"
        ),
        _stream(cmap.encode(), packed=packed),
        f"<< /Title <feff{title.encode('utf-16-be').hex()}> >>",
    ]
    for n, page in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents {8 + 2 * n} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        lines = "\n".join(f"<{''.join(f'{code[c]:04x}' for c in line)}> Tj 0 -20 Td" for line in page.split("\n"))
        objects.append(_stream(f"BT /F1 12 Tf 50 700 Td\n{lines}\nET".encode(), packed=packed))
    return assemble(objects)


def _stream(data: bytes, *, packed: bool) -> bytes:
    if packed:
        data = zlib.compress(data)
    head = f"<< /Length {len(data)}{' /Filter /FlateDecode' if packed else ''} >>\nstream\n"
    return head.encode() + data + b"\nendstream"


def assemble(objects: Iterable[str | bytes], *, trailer: str = "/Root 1 0 R /Info 6 0 R") -> bytes:
    """Objects, numbered from 1, as a PDF file."""
    out = bytearray(b"%PDF-1.7\n")
    at = []
    for number, content in enumerate(objects, 1):
        at.append(len(out))
        out += b"%d 0 obj\n" % number + (content.encode() if isinstance(content, str) else content) + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(at) + 1) + b"".join(b"%010d 00000 n \n" % n for n in at)
    return bytes(out + f"trailer << /Size {len(at) + 1} {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode())


def letter_with(
    *attachments: tuple[str, str, bytes], text: str = "See the attachment.", subject: str = "Documents"
) -> bytes:
    """A letter with attachments: type, file name, octets."""
    parts = [f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()]
    for kind, name, octets in attachments:
        head = f"Content-Type: {kind}\r\nContent-Disposition: attachment"
        head += f"; filename*=UTF-8''{_percent(name)}\r\n" if name else "\r\n"
        if kind.startswith("message/"):
            parts.append(f"{head}\r\n".encode() + octets + b"\r\n")
        else:
            encoded = encodebytes(octets).replace(b"\n", b"\r\n")
            parts.append(f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode() + encoded)
    border = "border-" + str(zlib.crc32(b"".join(parts)))
    head = (
        f"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.com>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        f"Message-ID: <{border}@example.org>\r\nContent-Type: multipart/mixed; boundary={border}\r\n\r\n"
    ).encode()
    mark = f"--{border}\r\n".encode()
    return head + b"".join(mark + part for part in parts) + f"--{border}--\r\n".encode()


def _percent(name: str) -> str:
    return "".join(f"%{octet:02X}" for octet in name.encode())
