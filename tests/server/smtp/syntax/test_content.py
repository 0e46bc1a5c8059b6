from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.mail import dotstuff
from server.smtp.syntax import reply as r
from server.smtp.syntax.content import HOLD, Content, DotReader

LIMIT = 1_000_000


def run(stream, cuts=(), limit=LIMIT):
    """Feed a stream cut at the given places; return (content, refusal, what stood behind the end or None)."""
    pieces = []
    content = Content(pieces.append, limit)
    reader = DotReader(content)
    edges = [0, *sorted(c for c in cuts if 0 < c < len(stream)), len(stream)]
    for start, end in pairwise(edges):
        rest = reader.feed(stream[start:end])
        if rest is not None:
            return b"".join(pieces), content.refusal, rest + stream[end:]
    return b"".join(pieces), content.refusal, None


def every_octet(stream):
    return range(1, len(stream))


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b".a\r\n..b\r\n.\r\n", b"a\r\n.b\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
        (b"a\r\n\r\n\r\n.\r\n", b"a\r\n\r\n\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
    ],
)
def test_end_and_dots(stream, expected):
    assert run(stream) == (expected, None, b"")
    assert run(stream, every_octet(stream)) == (expected, None, b"")


def test_what_follows_the_end_is_given_back():
    assert run(b"a\r\n.\r\nQUIT\r\n") == (b"a\r\n", None, b"QUIT\r\n")
    assert run(b".\r\nRSET\r\n.\r\n") == (b"", None, b"RSET\r\n.\r\n")


SMUGGLED = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\n.\r",
    b"\r\r\n.\r\n",
    b"\0\r\n.\n",
]


@pytest.mark.parametrize("end", SMUGGLED)
@pytest.mark.parametrize("octet_by_octet", [False, True])
def test_no_other_end_is_believed(end, octet_by_octet):
    # security.md T095: whichever way the false end is written, it is one message and it is refused.
    stream = b"Subject: one\r\n\r\ntext" + end + b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n.\r\nNOOP\r\n"
    if end == b"\r\r\n.\r\n":
        # This one holds the true end, behind a bare CR: the message is refused, what follows are commands.
        assert run(stream)[1:] == (r.SMUGGLING, b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n.\r\nNOOP\r\n")
        return
    _, refusal, rest = run(stream, every_octet(stream) if octet_by_octet else ())
    assert refusal is r.SMUGGLING
    assert rest == b"NOOP\r\n"


@pytest.mark.parametrize("bad", [b"a\rb\r\n", b"a\nb\r\n", b"a\0b\r\n", b"\n", b"a\r", b"\r\r\n"])
def test_bare_line_ends_and_nul_are_refused(bad):
    _, refusal, rest = run(b"x\r\n" + bad + b"\r\n.\r\n")
    assert (refusal, rest) == (r.SMUGGLING, b"")


def test_size_is_counted_and_the_rest_is_read():
    kept, refusal, rest = run(b"12345678\r\n.\r\nNOOP\r\n", limit=9)
    assert (kept, refusal, rest) == (b"", r.TOO_BIG, b"NOOP\r\n")
    assert run(b"1234567\r\n.\r\n", limit=9)[1] is None


def test_a_line_without_end_is_handed_on_in_pieces():
    line = b"x" * (3 * HOLD)
    stream = line + b"\r\n.\r\n"
    cuts = range(1000, len(stream), 1000)
    assert run(stream, cuts) == (line + b"\r\n", None, b"")


def test_a_dot_within_a_long_line_stays():
    stream = b"y" * (2 * HOLD) + b".\r\n.\r\n"
    for cut in range(2 * HOLD - 2, len(stream)):
        assert run(stream, (HOLD + 1, cut)) == (stream[:-3], None, b"")


lines = st.lists(st.text("ab.\u00e9", max_size=12).map(str.encode), max_size=12)


@given(lines, st.lists(st.integers(1, 400)), st.binary(max_size=20))
def test_round_trip_at_any_cut(content_lines, cuts, behind):
    message = b"".join(line + b"\r\n" for line in content_lines)
    wire = dotstuff.transmit(message) + behind
    assert run(wire, cuts) == (message, None, behind)


@given(st.binary(max_size=200), st.lists(st.integers(1, 220)))
def test_any_octets_at_any_cut_are_read_the_same(octets, cuts):
    wire = octets + b"\r\n.\r\n"
    whole, cut = run(wire), run(wire, cuts)
    assert whole[1:] == cut[1:]
    if whole[1] is None:
        assert whole[0] == cut[0]
        assert whole[0].count(b"\r") == whole[0].count(b"\n") == whole[0].count(b"\r\n")


@given(st.lists(st.binary(max_size=30)))
def test_chunks_without_dots_are_checked_across_their_edges(chunks):
    pieces = []
    content = Content(pieces.append, LIMIT)
    for chunk in chunks:
        content.add(chunk)
    content.finish()
    whole = b"".join(chunks)
    clean = b"\0" not in whole and whole.count(b"\r") == whole.count(b"\n") == whole.count(b"\r\n")
    assert (content.refusal is None) == clean
    assert not clean or b"".join(pieces) == whole
