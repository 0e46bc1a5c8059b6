"""Messages on their way out: stuffed, ended, cut by TOP, in ASCII, however they are cut into pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.mail import header
from server.pop3 import outgoing
from server.pop3.outgoing import Outgoing
from server.pop3.syntax import END

OCTETS = st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"..", b"\r\n.\r\n", b"\0", b"\xff"])).map(
    b"".join
)


def unstuffed(reply: bytes) -> bytes:
    """What a client makes of the lines up to the closing dot."""
    lines = []
    for line in reply.split(b"\r\n"):
        if line == b".":
            return b"".join(part + b"\r\n" for part in lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    raise AssertionError("no end")


def sent(raw: bytes, **wanted) -> bytes:
    return outgoing.whole(raw, header.split(raw)[1], **wanted)


class TestWhole:
    @pytest.mark.parametrize(
        ("raw", "wire"),
        [
            (b"", b""),
            (b"a\r\n", b"a\r\n"),
            (b"a", b"a\r\n"),
            (b".\r\n", b"..\r\n"),
            (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n"),
            (b"a\n.\nb\n", b"a\r\n..\r\nb\r\n"),
            (b"a\r", b"a\r\n"),
            (b"\n", b"\r\n"),
        ],
    )
    def test_stuffing(self, raw, wire):
        assert sent(raw) == wire

    @given(OCTETS)
    def test_nothing_in_a_message_ends_the_reply(self, raw):
        reply = sent(raw) + END
        assert reply.count(b"\n") == reply.count(b"\r\n")
        # A client that reads by LF and one that reads by CR LF both see one end, the last line.
        assert [line.rstrip(b"\r") for line in reply.split(b"\n")].index(b".") == reply.count(b"\n") - 1
        expected = outgoing._BARE_LF.sub(b"\r\n", raw)
        if expected and not expected.endswith(b"\r\n"):
            expected = expected.removesuffix(b"\r") + b"\r\n"
        assert unstuffed(reply) == expected


class TestTop:
    RAW = b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\nthree"

    @pytest.mark.parametrize(
        ("count", "expected"),
        [
            (0, b"A: 1\r\nB: 2\r\n\r\n"),
            (1, b"A: 1\r\nB: 2\r\n\r\none\r\n"),
            (2, b"A: 1\r\nB: 2\r\n\r\none\r\ntwo\r\n"),
            (3, RAW + b"\r\n"),
            (999, RAW + b"\r\n"),
        ],
    )
    def test_lines(self, count, expected):
        assert sent(self.RAW, top=count) == expected

    def test_odd_messages(self):
        assert sent(b"A: 1\r\n", top=5) == b"A: 1\r\n"
        assert sent(b"\r\nbody\r\nmore", top=1) == b"\r\nbody\r\n"
        assert sent(b"A: 1\n\nbody\nmore\n", top=1) == b"A: 1\r\n\r\nbody\r\n"

    @given(OCTETS, st.integers(0, 20))
    def test_is_a_beginning(self, raw, count):
        assert sent(raw).startswith(sent(raw, top=count).removesuffix(b"\r\n"))

    def test_it_knows_when_it_has_all(self):
        cut = Outgoing(header.split(self.RAW)[1], top=1)
        cut.feed(self.RAW[:16])
        assert not cut.done
        cut.feed(self.RAW[16:])
        assert cut.done


@given(OCTETS, st.lists(st.integers(0, 100), max_size=6), st.none() | st.integers(0, 9))
def test_the_pieces_make_no_difference(raw, cuts, top):
    raw = b"A: 1\r\n" + raw
    size = header.split(raw)[1]
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    leaving, found = Outgoing(size, top=top, utf8=True), b""
    for start, end in itertools.pairwise(edges):
        if not leaving.done:
            found += leaving.feed(raw[start:end])
    assert found + leaving.end() == outgoing.whole(raw, size, top=top, utf8=True)


class TestUtf8:
    RAW = "Subject: grüß dich\r\n\r\n.grüße\r\n".encode()

    def test_as_it_is_for_who_said_utf8(self):
        assert sent(self.RAW, utf8=True) == self.RAW.replace(b"\n.", b"\n..")

    def test_the_header_in_ascii_for_others(self):
        head, _, body = sent(self.RAW).partition(b"\r\n\r\n")
        assert head.isascii()
        assert header.decode_words(head.partition(b": ")[2]) == "grüß dich"
        assert body == "..grüße\r\n".encode()

    def test_top_too(self):
        assert sent(self.RAW, top=0).isascii()
