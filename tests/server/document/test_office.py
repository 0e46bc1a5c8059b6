"""Words of Office and OpenDocument files, sound, broken and hostile."""

import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.document.kind import Kind
from server.document.limits import AT_ONCE, Limits
from server.document.reader import read
from tests.fakes.documents import archive, docx, odt, pptx, xlsx

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
OFFICE = [Kind.WORD, Kind.SHEET, Kind.SLIDES, Kind.OPEN_DOCUMENT]


def test_words_split_over_runs_are_whole_and_paragraphs_are_apart():
    assert read(Kind.WORD, docx(["Zusam", "men", "fassung"], "next", ["会", "议"]), AT_ONCE).text.startswith(
        "Zusammenfassung next 会议"
    )


def test_headers_footnotes_and_comments_of_a_word_document():
    found = read(Kind.WORD, docx("body", header1="head of page", footnotes="a note", comments="said so"), AT_ONCE)
    assert all(words in found.text for words in ("body", "head of page", "a note", "said so", "Core title"))
    assert found.whole


def test_struck_out_text_is_no_text():
    body = f"<w:document {W}><w:p><w:r><w:delText>gone</w:delText><w:t>kept</w:t></w:r></w:p></w:document>"
    assert read(Kind.WORD, archive({"word/document.xml": body}), AT_ONCE).text == "kept"


def test_a_sheet_has_its_shared_and_inline_strings_and_numbers_but_no_formulas():
    text = read(Kind.SHEET, xlsx(["Umsatz 2024", "合同金额"], ["inline"], ["4711.5"]), AT_ONCE).text
    assert all(words in text for words in ("Umsatz 2024", "合同金额", "inline", "4711.5"))
    assert "SUM" not in text and "31337" not in text and "phonetic" not in text


def test_slides_come_in_the_order_of_their_numbers_with_their_notes_after():
    text = read(Kind.SLIDES, pptx([f"slide {n}" for n in range(1, 12)], ["speaker notes 备注"]), AT_ONCE).text
    assert text.index("slide 2") < text.index("slide 10") < text.index("speaker notes 备注")


def test_spans_of_an_open_document_are_one_text():
    assert read(Kind.OPEN_DOCUMENT, odt(["Rech", "nung"], "二〇二四年"), AT_ONCE).text == "Rechnung 二〇二四年"


def test_utf_16_inside():
    body = f'<?xml version="1.0" encoding="UTF-16"?><w:document {W}><w:p><w:t>Grüße 你好</w:t></w:p></w:document>'
    assert read(Kind.WORD, archive({"word/document.xml": body.encode("utf-16")}), AT_ONCE).text == "Grüße 你好"


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE d SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_declared_document_type_ends_the_reading(declared):
    body = f"{declared}<w:document {W}><w:p><w:t>&c;&x;lol</w:t></w:p></w:document>"
    assert read(Kind.WORD, archive({"word/document.xml": body}), AT_ONCE).text == ""


def test_what_breaks_off_is_read_as_far_as_it_goes():
    body = f"<w:document {W}><w:p><w:t>first words</w:t></w:p><w:p><w:t>then <broken"
    assert read(Kind.WORD, archive({"word/document.xml": body}), AT_ONCE).text.startswith("first words")


def test_a_bomb_is_left_at_the_limit():
    bomb = archive({"word/document.xml": f"<w:document {W}><w:p><w:t>" + "a" * 40_000_000})
    assert len(bomb) < 100_000
    found = read(Kind.WORD, bomb, AT_ONCE)
    assert not found.whole
    assert len(found.text) <= AT_ONCE.characters


def test_many_members_share_one_limit():
    slide = "<p:sld xmlns:a='a'>" + "<a:p/>" * 150_000
    found = read(Kind.SLIDES, archive({f"ppt/slides/slide{n}.xml": slide for n in range(1, 20)}), AT_ONCE)
    assert not found.whole


def test_elements_without_number_are_not_counted_to_the_end():
    body = f"<w:document {W}><w:p><w:t>few words</w:t></w:p>" + "<w:p/>" * AT_ONCE.elements
    found = read(Kind.WORD, archive({"word/document.xml": body}), AT_ONCE)
    assert (found.text, found.whole) == ("few words", False)


def test_more_members_than_allowed_are_not_looked_at():
    tight = Limits(octets=1 << 20, member_octets=1 << 20, unpacked_octets=1 << 20, elements=1000, members=10)
    assert read(Kind.WORD, archive({f"x{n}": "" for n in range(11)} | {"word/document.xml": "<a/>"}), tight).text == ""


def test_depth_is_bounded():
    body = f"<w:document {W}>" + "<w:p>" * 5_000 + "<w:t>deep</w:t>"
    assert read(Kind.WORD, archive({"word/document.xml": body}), AT_ONCE).text == ""


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_bound_are_not_read(method):
    body = f"<w:document {W}><w:p><w:t>words</w:t></w:p></w:document>"
    assert read(Kind.WORD, archive({"word/document.xml": body}, method), AT_ONCE).text == ""


def test_a_protected_document_is_an_archive_of_nothing():
    made = bytearray(archive({"word/document.xml": f"<w:document {W}><w:p><w:t>secret</w:t></w:p></w:document>"}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        made[made.index(signature) + flags] |= 1
    assert read(Kind.WORD, bytes(made), AT_ONCE).text == ""


@pytest.mark.parametrize("kind", OFFICE)
@given(data=st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_octets_of_any_sort_raise_nothing(kind, data):
    assert len(read(kind, data, AT_ONCE).text) <= AT_ONCE.characters


@given(
    made=st.sampled_from([docx("one", ["t", "wo"]), xlsx(["a"], ["b"], ["1"]), pptx(["x"], ["y"]), odt("o")]),
    at=st.integers(0, 10_000),
    octet=st.integers(0, 255),
    end=st.integers(0, 10_000),
)
@settings(max_examples=150, deadline=None)
def test_damage_raises_nothing(made, at, octet, end):
    damaged = bytearray(made)
    damaged[at % len(damaged)] = octet
    for kind in OFFICE:
        read(kind, bytes(damaged), AT_ONCE)
        read(kind, made[: end % len(made)], AT_ONCE)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), max_size=20)))
@settings(max_examples=60, deadline=None)
def test_every_text_that_xml_can_hold_comes_back(words):
    words = [word for word in words if word and "\ufffe" not in word and "\uffff" not in word]
    text = read(Kind.OPEN_DOCUMENT, odt(*words), AT_ONCE).text
    assert text == " ".join(words)
