"""POP3 lines: what is read, what is written, and that hostile octets do neither harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pop3 import syntax
from server.pop3.syntax import Command, LineReader, SyntaxRefused


def unstuffed(reply: bytes) -> bytes:
    """What a client makes of the lines up to the closing dot."""
    lines = []
    for line in reply.split(b"\r\n"):
        if line == b".":
            return b"".join(part + b"\r\n" for part in lines)
        lines.append(line[1:] if line.startswith(b".") else line)
    raise AssertionError("no end")


class TestCommand:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (b"stat", Command("STAT")),
            (b"RETR 1", Command("RETR", b"1")),
            (b"PASS two  words ", Command("PASS", b"two  words ")),
            (b"TOP 1 10", Command("TOP", b"1 10")),
            (b"USER a\tb", Command("USER", b"a\tb")),
        ],
    )
    def test_reads(self, line, expected):
        assert syntax.command(line) == expected

    @pytest.mark.parametrize(
        "line", [b"", b" STAT", b"QU\0IT", b"GET / HTTP/1.1\r", b"PASS a\rb", b"X", b"\xff\xfe", b"RETR:1"]
    )
    def test_refuses(self, line):
        with pytest.raises(SyntaxRefused):
            syntax.command(line)

    def test_only_auth_may_be_long(self):
        assert syntax.command(b"AUTH PLAIN " + b"A" * 4000).verb == "AUTH"
        with pytest.raises(SyntaxRefused, match="too long"):
            syntax.command(b"USER " + b"a" * syntax.COMMAND_LIMIT)

    @given(st.binary(max_size=600))
    def test_any_octets(self, line):
        try:
            found = syntax.command(line)
        except SyntaxRefused:
            return
        assert found.verb.isalnum()
        assert found.verb == found.verb.upper()


class TestNumber:
    def test_reads(self):
        assert syntax.number(b"0042") == 42

    @pytest.mark.parametrize("word", [b"", b"-1", b"+1", b"1.0", b"0x1", b"9" * 10, "٣".encode(), b"1 "])
    def test_refuses(self, word):
        with pytest.raises(SyntaxRefused):
            syntax.number(word)


class TestReplies:
    def test_lines(self):
        assert syntax.ok() == b"+OK\r\n"
        assert syntax.ok("2 320") == b"+OK 2 320\r\n"
        assert syntax.error("no") == b"-ERR no\r\n"
        assert syntax.error("busy", "IN-USE") == b"-ERR [IN-USE] busy\r\n"
        assert syntax.challenge(b"") == b"+ \r\n"

    def test_multi_line(self):
        assert syntax.lines("x", []) == b"+OK x\r\n.\r\n"
        assert syntax.lines("x", [b"1 2", b"2 3"]) == b"+OK x\r\n1 2\r\n2 3\r\n.\r\n"

    def test_unique_id_is_as_rfc_1939_wants_it(self):
        longest = syntax.unique_id(2**32 - 1, 2**32 - 1)
        assert len(longest) <= 70
        assert all(0x21 <= octet <= 0x7E for octet in longest)
        assert syntax.unique_id(11, 1) != syntax.unique_id(1, 11)


class TestMessage:
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
        assert syntax.message(raw) == wire

    @given(
        st.lists(st.sampled_from([b".", b"\r", b"\n", b"\r\n", b"a", b"..", b"\r\n.\r\n", b"\0", b"\xff"])).map(
            b"".join
        )
    )
    def test_nothing_in_a_message_ends_the_reply(self, raw):
        reply = syntax.message(raw) + syntax.END
        assert reply.count(b"\n") == reply.count(b"\r\n")
        # A client that reads by LF and one that reads by CR LF both see one end, the last line.
        assert [line.rstrip(b"\r") for line in reply.split(b"\n")].index(b".") == reply.count(b"\n") - 1
        expected = syntax._BARE_LF.sub(b"\r\n", raw)
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
            (3, RAW),
            (999, RAW),
        ],
    )
    def test_lines(self, count, expected):
        assert syntax.top(self.RAW, count) == expected

    def test_odd_messages(self):
        assert syntax.top(b"A: 1\r\n", 5) == b"A: 1\r\n"
        assert syntax.top(b"\r\nbody\r\nmore", 1) == b"\r\nbody\r\n"
        assert syntax.top(b"A: 1\n\nbody\nmore\n", 1) == b"A: 1\r\n\r\nbody\r\n"

    @given(st.binary(max_size=200), st.integers(0, 20))
    def test_is_a_beginning(self, raw, count):
        assert syntax._BARE_LF.sub(b"\r\n", raw).startswith(syntax.top(raw, count))


class TestLineReader:
    def test_pieces(self):
        reader = LineReader()
        reader.feed(b"NO")
        assert reader.line() is None
        reader.feed(b"OP\r\nSTAT\nQU")
        assert [reader.line(), reader.line(), reader.line()] == [b"NOOP", b"STAT", None]
        reader.feed(b"IT\r\n")
        assert reader.line() == b"QUIT"

    def test_limit_without_an_end(self):
        reader = LineReader(limit=10)
        reader.feed(b"12345678901")
        with pytest.raises(SyntaxRefused):
            reader.line()

    def test_limit_with_an_end(self):
        reader = LineReader(limit=10)
        reader.feed(b"123456789012345\r\nNOOP\r\n")
        with pytest.raises(SyntaxRefused):
            reader.line()

    def test_clear_forgets_plain_text(self):
        reader = LineReader()
        reader.feed(b"STLS\r\nUSER eve\r\n")
        assert reader.line() == b"STLS"
        reader.clear()
        assert reader.line() is None

    @given(
        st.lists(st.binary(max_size=8).filter(lambda b: b"\n" not in b and not b.endswith(b"\r"))), st.integers(1, 7)
    )
    def test_cutting_does_not_matter(self, lines, step):
        stream = b"".join(line + b"\r\n" for line in lines)
        reader, found = LineReader(), []
        for start in range(0, len(stream), step):
            reader.feed(stream[start : start + step])
            while (line := reader.line()) is not None:
                found.append(line)
        assert found == lines
