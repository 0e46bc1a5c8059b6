"""POP3 lines: what is read, what is written, and that hostile octets do neither harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pop3 import syntax
from server.pop3.syntax import Command, LineReader, SyntaxRefused


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
        assert syntax.lines(b"+OK x\r\n", []) == b"+OK x\r\n.\r\n"
        assert syntax.lines(b"+OK x\r\n", [b"1 2", b"2 3"]) == b"+OK x\r\n1 2\r\n2 3\r\n.\r\n"

    def test_unique_id_is_as_rfc_1939_wants_it(self):
        longest = syntax.unique_id(2**32 - 1, 2**32 - 1)
        assert len(longest) <= 70
        assert all(0x21 <= octet <= 0x7E for octet in longest)
        assert syntax.unique_id(11, 1) != syntax.unique_id(1, 11)


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
