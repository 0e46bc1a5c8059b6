import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmail import imap_response as response
from webmail.imap_response import Copied, Found, Unreadable


def test_values_of_every_kind():
    data = b'1 (UID 5 BODY[HEADER.FIELDS (X Y)] {3}\r\na)( FLAGS (\\Seen $X) ENVELOPE ("a \\"q\\\\" NIL "NIL" ((NIL))))'
    assert response.parse(data) == [
        b"1",
        [
            b"UID",
            b"5",
            b"BODY[HEADER.FIELDS (X Y)]",
            b"a)(",
            b"FLAGS",
            [b"\\Seen", b"$X"],
            b"ENVELOPE",
            [b'a "q\\', None, b"NIL", [[None]]],
        ],
    ]


@pytest.mark.parametrize("data", [b"(", b")", b'"a', b"(a))", b"{5}\r\nab", b'a\x00\r\n"', b"(" * 5000])
def test_what_is_not_imap_is_told(data):
    with pytest.raises(Unreadable):
        response.parse(data)


@given(st.binary(max_size=200))
def test_any_octets_end_in_values_or_in_unreadable(data):
    try:
        response.parse(data)
    except Unreadable:
        return


WORDS = st.recursive(
    st.one_of(st.none(), st.binary(max_size=12)), lambda inner: st.lists(inner, max_size=5), max_leaves=25
)


def written(item):
    if item is None:
        return b"NIL"
    if isinstance(item, list):
        return b"(" + b" ".join(map(written, item)) + b")"
    if b"\r" in item or b"\n" in item or b"\x00" in item:
        return b"{%d}\r\n" % len(item) + item
    return b'"' + item.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@given(st.lists(WORDS, max_size=6))
def test_what_is_written_is_read_again(items):
    assert response.parse(b" ".join(map(written, items))) == items


def test_depth_is_bounded_without_recursion():
    assert response.parse(b"(" * 100 + b")" * 100, max_depth=100)
    with pytest.raises(Unreadable):
        response.parse(b"(" * 101 + b")" * 101, max_depth=100)


def test_responses_are_told_apart_when_literals_split_them():
    records = [b'() "/" INBOX', (b'() "/" {4}', b'a"b('), b"", b'(\\Sent) "/" Sent']
    assert response.responses(records) == [[[], b"/", b"INBOX"], [[], b"/", b'a"b('], [[b"\\Sent"], b"/", b"Sent"]]


def test_fetch_rows_by_name():
    records = [(b"1 (UID 7 body[1] {2}", b"hi"), b" FLAGS (\\Seen))", b"2 (UID 8)"]
    assert response.fetch_rows(records) == [
        (1, {"UID": b"7", "BODY[1]": b"hi", "FLAGS": [b"\\Seen"]}),
        (2, {"UID": b"8"}),
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'(TAG "A1") UID PARTIAL (1:3 9,7:5)', Found([9, 7, 6, 5])),
        (b'(TAG "A1") UID COUNT 40 PARTIAL (1:3 9,7)', Found([9, 7], 40)),
        (b'(TAG "A1") UID PARTIAL (1:3 NIL) COUNT 0', Found([], 0)),
        (b'(TAG "A1") UID ALL 1:3,9', Found([1, 2, 3, 9])),
        (b'(TAG "A1") UID', Found([])),
    ],
)
def test_extended_search(line, found):
    assert response.extended_search([line]) == found


def test_copyuid():
    assert response.copied(b"38505 304,319:320 3956:3958") == Copied(38505, (304, 319, 320), (3956, 3957, 3958))
    assert response.copied(b"38505 304,319 3956") is None
    assert response.copied(b"x 1 2") is None
    assert response.copied(None) is None


def test_numbers_do_not_grow_without_end():
    with pytest.raises(Unreadable):
        response.numbers(b"1:4294967295", limit=1000)
    assert response.numbers(b"3:1,x,9") == [3, 2, 1, 9]


def test_small_readers_have_defaults():
    assert response.number(b"12") == 12
    assert response.number(b"x", 3) == 3
    assert response.number(None) == 0
    assert response.text(None) == ""
    assert response.text(b"\xff") == "\ufffd"
    assert response.pairs(None) == {}
    assert response.plain_numbers([b"1 2 3", None, b""]) == [1, 2, 3]
