from hypothesis import given
from hypothesis import strategies as st

from server.smtp.syntax.reply import LINE_LIMIT, Reply


def test_wire_form():
    assert Reply(250, "2.0.0", "OK").encode() == b"250 2.0.0 OK\r\n"
    assert Reply(250, None, "mx.test", ("SIZE 1", "DSN")).encode() == b"250-mx.test\r\n250-SIZE 1\r\n250 DSN\r\n"


@given(st.text(max_size=1000))
def test_a_reply_is_one_line_of_ascii(text):
    wire = Reply(550, "5.1.1", text).encode()
    assert len(wire) <= LINE_LIMIT
    assert wire.endswith(b"\r\n")
    assert wire[:-2].decode("ascii").isprintable()
