"""RFC 5322 §2.2 fields, unfolding, folding, and the injection that must not happen (CVE-2024-6923)."""

import pytest

from server.mail import header
from server.mail.limits import DEFAULT

RAW = b"Subject: Hello\r\n World\r\nX-Empty:\r\nsubject: second\r\nTo : a@b\r\n\r\nBody: no field\r\n"


def test_fields_in_order():
    block, body = header.split(RAW)
    assert [(field.name, field.value) for field in block] == [
        ("Subject", b"Hello World"),
        ("X-Empty", b""),
        ("subject", b"second"),
        ("To", b"a@b"),
    ]
    assert RAW[body:] == b"Body: no field\r\n"
    assert b"".join(field.raw for field in block.fields) + b"\r\n" == RAW[:body]


def test_by_name():
    block, _ = header.split(RAW)
    assert block.get("SUBJECT") == b"Hello World"  # the first one counts
    assert block.all("subject") == [b"Hello World", b"second"]
    assert block.count("subject") == 2
    assert block.get("cc") is None
    assert "to" in block
    assert "cc" not in block
    assert block.text("cc") == ""
    assert len(block) == 4


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        (b"", 0),
        (b"\r\n", 2),
        (b"\n", 1),
        (b"a: b", 4),
        (b"a: b\r\n", 6),
        (b"a: b\r\n\r\n", 8),
        (b"a: b\n\nbody\r\n\r\n", 6),
        (b"a: b\r\n\nbody", 7),
        (b"a: b\n\r\nbody", 7),
        (b"\r\nbody", 2),
    ],
)
def test_where_the_body_begins(raw, size):
    assert header.split(raw)[1] == size


def test_garbage_lines_are_passed_over():
    raw = b"From mbox@host Mon Jan  1\r\nno colon here\r\n continued: x\r\n: empty name\r\nReal: yes\r\n\r\n"
    block, _ = header.split(raw)
    assert [field.name for field in block] == ["Real"]


def test_limits():
    raw = b"A: 1\r\n" * 10 + b"Last: x\r\n\r\nbody"
    block, body = header.split(raw, limit=24)
    assert len(block) == 4
    assert raw[body:] == b"body"  # the true end, whatever is read
    block, _ = header.split(raw, fields=3)
    assert len(block) == 3
    block, _ = header.split(b"A: " + b"x" * 100 + b"\r\n\r\n", field_octets=10)
    assert block.get("a") == b"x" * 9
    assert block.fields[0].raw == b"A: " + b"x" * 100 + b"\r\n"


def test_a_block_of_a_part_keeps_to_its_span():
    raw = b"skip: me\r\nA: b\r\n\r\nbody"
    block, body = header.split(raw, start=10, end=18)
    assert [field.name for field in block] == ["A"]
    assert body == 18


@pytest.mark.parametrize(
    ("written", "value"),
    [(b" a\r\n b ", b"a b"), (b"a\n\tb", b"a\tb"), (b"a\rb", b"a b"), (b"a\r\n\r\n b", b"a  b"), (b"\r\n a", b"a")],
)
def test_unfolding(written, value):
    assert header.unfold(written) == value


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        "",
        "会议记录和下一步",
        "Re: [list] Grüße aus Köln",
        "a  é  b",
        "a  double  space and é at  the end  ",
        "=?utf-8?Q?looks_encoded?=",
        " leading",
        "é " * 100,
        "word " * 60 + "end",
        "x" * 2000,
        "💩",
    ],
)
def test_writing_and_reading_again(value):
    field = header.encode("Subject", value)
    assert field.isascii()
    assert field.endswith(b"\r\n")
    lines = field.removesuffix(b"\r\n").split(b"\r\n")
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert all(len(line) <= header.LINE_LIMIT for line in lines)
    block, _ = header.split(field + b"\r\n")
    assert len(block) == 1
    assert block.text("subject") == value


def test_lines_are_short_where_words_are():
    for value in ("word " * 60 + "end", "会议 " * 60 + "end", "x é " * 60 + "end"):
        lines = header.encode("Subject", value).split(b"\r\n")
        assert max(map(len, lines)) <= header.LINE


@pytest.mark.parametrize(
    "bad", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\x00", "\x1b[0m", "a\x7f", "a\x85b", "\u2028", "\ud800"]
)
def test_no_control_character_is_written(bad):
    with pytest.raises(ValueError, match="control"):
        header.encode("Subject", bad)


def test_the_encoded_newline_of_cve_2024_6923_stays_in_its_field():
    field = header.encode("Subject", "A 💩 subject=?UTF-8?Q?=0A?=Bcc: x@y")
    block, _ = header.split(field + b"\r\n")
    assert [one.name for one in block] == ["Subject"]
    assert b"=0A" not in field.replace(b"=3D0A", b"")


@pytest.mark.parametrize("name", ["", "a b", "a:", "é", "a\r\n"])
def test_a_bad_name_is_refused(name):
    with pytest.raises(ValueError, match="name"):
        header.encode(name, "x")


def test_defaults_are_those_of_the_threat_list():
    """security.md T119-T122."""
    assert (DEFAULT.header_octets, DEFAULT.field_octets) == (1 << 20, 64 << 10)
    assert (DEFAULT.addresses, DEFAULT.parameters, DEFAULT.depth, DEFAULT.parts) == (1_000, 128, 50, 1_000)
