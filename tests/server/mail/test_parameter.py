"""RFC 2045 §5.1, RFC 2231, and what senders make of them (security.md T119)."""

import pytest

from server.mail import parameter


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"text/plain", ("text", "plain", {})),
        (b"TEXT/HTML; Charset=UTF-8", ("text", "html", {"charset": "UTF-8"})),
        (b'text/plain; charset="us-ascii"', ("text", "plain", {"charset": "us-ascii"})),
        (b"text/plain; charset =us-ascii (Plain text)", ("text", "plain", {"charset": "us-ascii"})),
        (b"image/ jpeg", ("image", "jpeg", {})),
        (b"message / rfc822", ("message", "rfc822", {})),
        (b'multipart/mixed; boundary="a; b=c"; x=y', ("multipart", "mixed", {"boundary": "a; b=c", "x": "y"})),
        (b'a/b; name="q\\"uo\\\\te"', ("a", "b", {"name": 'q"uo\\te'})),
        (b"a/b; name=my file.pdf; x=1", ("a", "b", {"name": "my file.pdf", "x": "1"})),
        (b"a/b name=x.pdf", ("a", "b", {"name": "x.pdf"})),  # no semicolon
        (b'a/b;\n access-type=mail-server\n server="x@y"', ("a", "b", {"access-type": "mail-server", "server": "x@y"})),
        (b"a/b; x=1; x=2", ("a", "b", {"x": "1"})),
        (b"a/b; =x; y; z=1;", ("a", "b", {"z": "1"})),
        (b"a/b;;;x=1", ("a", "b", {"x": "1"})),
        (b'a/b; x="open', ("a", "b", {"x": "open"})),
        (b"(hello) text (plain) / (world) plain (eod); charset=us-ascii", ("text", "plain", {"charset": "us-ascii"})),
        (b"text", ("text", "plain", {})),
        (b"text/; charset=utf-8", ("text", "plain", {"charset": "utf-8"})),
        (b"attachment; filename=x.pdf", ("application", "octet-stream", {"filename": "x.pdf"})),
        (b"text/plain/format", ("text", "plain", {})),
        (b"inline", None),
        (b"", None),
        (b"=", None),
        (b"/", None),
        (b"\xc3\xa1/\xc3\xa9", None),
    ],
)
def test_content_type(value, expected):
    assert parameter.content_type(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a; t*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", {"t": "This is ***fun***"}),
        (b"a; t*0*=us-ascii'en'even%20more%20; t*1*=%2Afun%2A; t*2=\" isn't it!\"", {"t": "even more *fun* isn't it!"}),
        (b"a; url*0=ftp://; url*1=cs.utk.edu/x", {"url": "ftp://cs.utk.edu/x"}),
        (b"a; f*1=b; f*0=a", {"f": "ab"}),
        (b"a; f*1=a; f*2=b", {"f": "ab"}),  # counted from one
        (b"a; f*0=a; f*2=c", {"f": "a"}),  # a gap ends it
        (b"a; f*=utf-8''%E4%BC%9A%E8%AE%AE.pdf; f=plain.pdf", {"f": "会议.pdf"}),
        (b"a; f=plain.pdf; f*=utf-8''%E4%BC%9A.pdf", {"f": "会.pdf"}),
        (b"a; f*0*=utf-8''%E4%BC; f*1*=%9A", {"f": "会"}),  # a character cut in two
        (b"a; f*=x-unknown''%E9", {"f": "é"}),
        (b"a; f*=no-quotes", {"f": "no-quotes"}),
        (b"a; f*=utf-8''%0D%0AX", {"f": " X"}),
        (b"a; f*99999=x", {}),
        (b"a; f*x=1; *=2", {"*": "2"}),
    ],
)
def test_rfc_2231(value, expected):
    assert parameter.parse(value) == ("a", expected)


def test_disposition():
    assert parameter.parse(b' ATTACHMENT ; filename="a b.pdf"') == ("attachment", {"filename": "a b.pdf"})
    assert parameter.parse(b"inline filename=x") == ("inline", {"filename": "x"})
    assert parameter.parse(b"") == ("", {})


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece",
    [b";", b"; ", b"=", b";x*0=", b';x="', b'"', b"(", b" ", b"a ", b"a= ", b"x=y ", b";x*%d*=a", b"'", b";a*0*=%%%%", b"\\", b'"\\'],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read_at_once(piece):
    """T119. Quadratic work on a megabyte takes hours, so the time-out is what fails."""
    counted = (piece.replace(b"%d", b"%d" % number) for number in range(1_000_000 // len(piece)))
    bomb = b"".join(counted)
    assert len(parameter.parse(b"a/b" + bomb)[1]) <= 128
    parameter.content_type(b"a/b" + bomb)


def test_the_limit_on_parameters():
    value = b"a" + b"".join(b"; p%d=x" % number for number in range(500))
    assert len(parameter.parse(value)[1]) == 128
    assert len(parameter.parse(value, limit=3)[1]) == 3


@pytest.mark.parametrize(
    "value", ["x.pdf", "", "a b.pdf", 'q"\\.pdf', "会议记录.pdf", "y" * 200, "é" * 200, "50%'*.pdf", "a;b=c"]
)
def test_writing_and_reading_again(value):
    pieces = parameter.encode("filename", value)
    assert all(len(piece) <= 78 and piece.isascii() for piece in pieces)
    assert parameter.parse(b"attachment; " + b"; ".join(pieces)) == ("attachment", {"filename": value})


@pytest.mark.parametrize("bad", ["a\r\nb", "\x00", "a\x7f", "\x85"])
def test_no_control_character_is_written(bad):
    with pytest.raises(ValueError, match="control"):
        parameter.encode("filename", bad)
