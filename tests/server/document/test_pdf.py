"""Words of PDF files, sound, broken and hostile."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.document.kind import Kind
from server.document.limits import APART, Limits
from server.document.reader import read
from tests.fakes.documents import assemble, pdf


def text_of(made, limits=APART):
    return read(Kind.PDF, made, limits).text


@pytest.mark.parametrize("packed", [True, False])
def test_pages_and_title(packed):
    made = pdf("Quarterly report", "second page", packed=packed, title="Titel 标题")
    assert text_of(made) == "Titel 标题\nQuarterly report\nsecond page"


def test_chinese_lines_that_the_page_breaks_are_one_text():
    assert "这是一份合同文件 and so on" in text_of(pdf("这是一份合\n同文件 and so on"))


def test_pages_beyond_the_limit_are_left():
    few = Limits(octets=1 << 20, member_octets=0, unpacked_octets=0, elements=0, pages=2)
    found = read(Kind.PDF, pdf("one", "two", "three"), few)
    assert (found.text, found.whole) == ("one\ntwo", False)


def test_a_page_that_is_broken_costs_itself():
    made = pdf("first", "second", packed=False)
    broken = made.replace(b"/Type /Page /Parent 2 0 R /MediaBox", b"/Type /Page /Parent 2 0 R /MediaBad", 1)
    assert "second" in text_of(broken)


def test_a_file_cut_in_the_middle():
    made = pdf("a page", packed=False)
    for end in range(0, len(made), 37):
        text_of(made[:end])


LOOPS = {
    "page tree": ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>"],
    "form in itself": [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /XObject << /X 5 0 R >> >> >>",
        "<< /Length 5 >>\nstream\n/X Do\nendstream",
        (
            "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 5 /Resources << /XObject << /X 5 0 R >> >> >>\n"
            "stream\n/X Do\nendstream"
        ),
    ],
    "length of itself": [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>",
        "<< /Length 4 0 R >>\nstream\nBT ET\nendstream",
    ],
}


@pytest.mark.parametrize("name", LOOPS)
def test_what_refers_to_itself_comes_to_an_end(name):
    assert text_of(assemble(LOOPS[name], trailer="/Root 1 0 R")) == ""


def test_a_stream_that_unpacks_to_very_much_is_not_taken():
    bomb = zlib.compress(b" " * 200_000_000)
    made = assemble(
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(bomb) + bomb + b"\nendstream",
        ],
        trailer="/Root 1 0 R",
    )
    assert text_of(made) == ""


def test_one_that_asks_for_a_password_stays_closed():
    made = pdf("secret words", packed=False)
    encrypt = (
        b"/Encrypt << /Filter /Standard /V 1 /R 2 /Length 40 /P -1 /O <"
        + b"41" * 32
        + b"> /U <"
        + b"42" * 32
        + b"> >> /ID [<00> <00>] "
    )
    assert text_of(made.replace(b"trailer << ", b"trailer << " + encrypt)) == ""


@given(st.binary(max_size=200).map(lambda tail: b"%PDF-1.4\n" + tail))
@settings(max_examples=40, deadline=None)
def test_octets_of_any_sort_raise_nothing(data):
    text_of(data)


@given(at=st.integers(0, 10_000), octets=st.binary(min_size=1, max_size=6))
@settings(max_examples=80, deadline=None)
def test_damage_raises_nothing(at, octets):
    made = pdf("one", "two 二", packed=False)
    at %= len(made)
    text_of(made[:at] + octets + made[at + len(octets) :])
