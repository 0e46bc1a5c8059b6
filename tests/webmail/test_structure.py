import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import body, structure
from webmail.imap_response import parse
from webmail.structure import Part

PLAIN = b'("TEXT" "PLAIN" ("CHARSET" "utf-8" "FORMAT" "flowed") NIL NIL "7BIT" 20 1 NIL NIL NIL NIL)'
HTML = b'("TEXT" "HTML" ("CHARSET" "utf-8") NIL NIL "QUOTED-PRINTABLE" 90 3 NIL NIL NIL NIL)'
LOGO = b'("IMAGE" "PNG" NIL "<logo@x>" NIL "BASE64" 400 NIL ("INLINE" ("FILENAME" "logo.png")) NIL NIL)'
PDF = b'("APPLICATION" "PDF" ("NAME" "a.pdf") NIL NIL "BASE64" 4000 NIL ("ATTACHMENT" ("FILENAME*0*" "utf-8\'\'B%C3%BCcher" "FILENAME*1" ".pdf")) NIL NIL)'


def read(data):
    return structure.read(parse(data)[0])


def multipart(kind, *parts):
    return b"(" + b"".join(parts) + b' "' + kind + b'" NIL NIL NIL NIL)'


def test_a_single_part_is_number_one():
    part = read(PLAIN)
    assert (part.path, part.kind, part.charset, part.parameters["format"]) == ("1", "text/plain", "utf-8", "flowed")


def test_paths_of_nested_parts():
    root = read(multipart(b"MIXED", multipart(b"RELATED", multipart(b"ALTERNATIVE", PLAIN, HTML), LOGO), PDF))
    assert [part.path for part in root.walk() if not part.is_multipart] == ["1.1.1", "1.1.2", "1.2", "2"]
    assert root.find("1.2").content_id == "logo@x"
    assert root.find("2").filename == "Bücher.pdf"
    assert root.find("9") is None
    assert root.find("2").decoded_size == 3000


def test_an_embedded_message_numbers_its_parts_below_it():
    envelope = b'(NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL)'
    inner = multipart(b"MIXED", PLAIN, HTML)
    single = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 500 ' + envelope + PLAIN + b" 9 NIL NIL NIL NIL)"
    several = (
        b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 500 '
        + envelope
        + inner
        + b' 9 NIL ("ATTACHMENT" ("FILENAME" "x.eml")) NIL NIL)'
    )
    root = read(multipart(b"MIXED", PLAIN, single, several))
    paths = {part.path for part in root.walk() if not part.is_multipart}
    assert {"1", "2", "2.1", "3", "3.1", "3.2"} == paths
    assert root.find("3").filename == "x.eml"


@pytest.mark.parametrize("data", [b"NIL", b'"x"', b"()", b'("TEXT")', b'("TEXT" NIL NIL)', b"((()))"])
def test_broken_structures_have_some_part(data):
    assert isinstance(read(data), Part)


ITEMS = st.recursive(
    st.one_of(st.none(), st.binary(max_size=8)), lambda inner: st.lists(inner, max_size=6), max_leaves=40
)


@given(ITEMS)
def test_no_structure_raises(item):
    root = structure.read(item)
    assert len(list(root.walk())) <= structure.MAX_PARTS
    body.choose(root)


def test_depth_and_number_are_bounded():
    deep = PLAIN
    for _ in range(80):
        deep = multipart(b"MIXED", deep)
    assert isinstance(read(deep), Part)
    wide = read(multipart(b"MIXED", *[PLAIN] * 1500))
    assert len(list(wide.walk())) <= structure.MAX_PARTS


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\x.exe", "x.exe"),
        ("a\r\nContent-Type: text", "a Content-Type: text"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        (".bashrc", "bashrc"),
        ("...", ""),
        ("x" * 300 + ".pdf", "x" * 168 + ".pdf"),
        ("报告.docx", "报告.docx"),
    ],
)
def test_names_of_files_are_only_names(name, safe):
    assert structure.safe_filename(name) == safe


@given(st.text(max_size=300))
def test_no_name_is_a_path(name):
    found = structure.safe_filename(name)
    assert "/" not in found
    assert "\\" not in found
    assert not found.startswith(".")
    assert len(found) <= structure.MAX_FILENAME


def test_parameters_in_pieces():
    part = read(
        b'("APPLICATION" "X" NIL NIL NIL "7BIT" 1 NIL ("ATTACHMENT" ("FILENAME*1*" "%20b%ZZ" "FILENAME*0*" "iso-8859-1\'\'%E4" "FILENAME*2" "c")) NIL NIL)'
    )
    assert part.filename == "ä b%ZZc"
    part = read(b'("APPLICATION" "X" ("NAME" "=?utf-8?B?5ZGo5YWt?=.txt") NIL NIL "7BIT" 1 NIL NIL NIL NIL)')
    assert part.filename == "周六.txt"
    part = read(b'("APPLICATION" "X" ("NAME*" "unicode_escape\'\'%5Cx41") NIL NIL "7BIT" 1 NIL NIL NIL NIL)')
    assert "A" not in part.filename
