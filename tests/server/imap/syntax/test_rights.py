import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.rights import STANDARD, format_rights, optional_rights, read_rights
from server.store import rights


def test_store_and_wire_know_the_same_rights():
    assert set(STANDARD) == rights.ALL


@pytest.mark.parametrize(
    ("written", "held", "told"),
    [
        ("", "", b'""'),
        ("lrs", "lrs", b"lrs"),
        ("lrswida", "lrswieta", b"lrswiteda"),  # RFC 4314 §2.1.1: d is e and t
        ("lrswikda", "lrswiketa", b"lrswiktecda"),
        ("cda", "kxeta", b"kxtecda"),
        ("lc", "lkx", b"lkxc"),
        ("x", "x", b"xc"),
        ("e", "e", b"ed"),
        ("llrr", "lr", b"lr"),
        ("lrswipkxtea", STANDARD, b"lrswipkxtecda"),
    ],
)
def test_rights_of_rfc_2086_are_made_of_others(written, held, told):
    assert read_rights(written) == frozenset(held)
    assert format_rights(frozenset(held)) == told


@pytest.mark.parametrize("text", ["lrQ", "lrq", "L", "l r", "0", "lr9", "+l", "é"])
def test_an_unknown_right_is_never_passed_over(text):
    with pytest.raises(ProtocolError):
        read_rights(text)


@given(st.frozensets(st.sampled_from(STANDARD)))
def test_what_is_told_is_read_back(held):
    told = format_rights(held).decode().strip('"')
    read = read_rights(told)
    # The virtual rights tell of one member where a client reads all: RFC 4314 has clients pass them over.
    assert read >= held
    assert frozenset(told) - {"c", "d"} == held


def test_each_right_can_be_given_apart():
    assert b" ".join(optional_rights()) == b"l r s w i p k x t e c d a"
