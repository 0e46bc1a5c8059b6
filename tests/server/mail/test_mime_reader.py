"""Structure: boundaries, defaults, damage, and the limits of security.md T122."""

import pytest

from server.mail import mime
from server.mail.limits import Limits


def multipart(*parts, boundary="b", sub="mixed"):
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{sub}; boundary="{boundary}"\r\n\r\n{body}--{boundary}--\r\n'


def leaves(raw):
    root = mime.parse(raw)
    return [
        (part.path, part.content_type, raw[part.body_start : part.body_end])
        for part in root.walk()
        if not part.children and part.embedded is None
    ]


def test_a_message_without_mime_is_one_text():
    raw = b"Subject: x\r\n\r\nline\r\nline\r\n"
    root = mime.parse(raw)
    assert (root.path, root.content_type, root.encoding, root.params) == ("1", "text/plain", "7bit", {})
    assert (root.header_start, root.body_start, root.body_end, root.lines) == (0, 14, len(raw), 2)
    assert (root.disposition, root.content_id, root.language) == (None, None, ())


def test_all_fields_of_a_part():
    raw = (
        b'Content-Type: image/png; name="p.png"\r\nContent-Transfer-Encoding: BASE64 (c)\r\nContent-ID: <pic@x>\r\n'
        b"Content-Description: a =?utf-8?Q?b?=\r\nContent-Disposition: Inline; filename=q.png\r\n"
        b"Content-Language: en, zh-Hant\r\nContent-Location: http://x/y\r\nContent-MD5: abc==\r\n\r\nAAAA\r\n"
    )
    part = mime.parse(raw)
    assert (part.type, part.subtype, part.encoding, part.content_id) == ("image", "png", "base64", "pic@x")
    assert part.description == "a =?utf-8?Q?b?="
    assert (part.disposition, part.disposition_params) == ("inline", {"filename": "q.png"})
    assert (part.language, part.location, part.md5) == (("en", "zh-Hant"), "http://x/y", "abc==")
    assert part.filename == "q.png"
    assert part.lines == 0  # IMAP asks for lines of text and messages only
    assert part.size == 6


def test_nested_multiparts():
    inner = multipart("\r\nplain", "Content-Type: text/html\r\n\r\n<p>", boundary="inner", sub="alternative")
    raw = multipart(inner, "Content-Type: application/pdf\r\n\r\n%PDF").encode()
    assert leaves(raw) == [
        ("1.1", "text/plain", b"plain"),
        ("1.2", "text/html", b"<p>"),
        ("2", "application/pdf", b"%PDF"),
    ]
    assert [part.path for part in mime.parse(raw).walk()] == ["", "1", "1.1", "1.2", "2"]


def test_preamble_and_epilogue_are_nobodys():
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n\r\nx\r\n--b--\r\nepilogue\r\n--b\r\n\r\ny\r\n"
    assert leaves(raw) == [("1", "text/plain", b"x")]


@pytest.mark.parametrize(
    ("raw", "bodies"),
    [
        (b"--b\n\none\n--b\n\ntwo\n--b--\n", [b"one", b"two"]),  # LF only
        (b"--b\r\n\r\none", [b"one"]),  # cut
        (b"--b  \t\r\n\r\none\r\n--b-- \r\n", [b"one"]),  # padding (RFC 2046 §5.1.1)
        (b"--b\r\n\r\none\r\n--bx\r\n--b--x\r\n--b--\r\n", [b"one\r\n--bx\r\n--b--x"]),  # other boundaries
        (b"--b\r\n\r\n\r\n--b--", [b""]),
        (b"--b\r\n\r\n--b--", [b""]),  # the empty line is the delimiter's own
        (b"--b\r\nContent-Type: text/plain\r\n--b--", [b""]),  # a header alone
        (b"--b\r\n--b--", [b""]),
        (b"x--b\r\n\r\n--b\r\n\r\none --b\r\n--b--", [b"one --b"]),  # only at the start of a line
        (b"--b\r\n\r\n\r\n\r\none\r\n\r\n--b--", [b"\r\n\r\none\r\n"]),
    ],
)
def test_delimiters(raw, bodies):
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + raw
    assert [body for _, _, body in leaves(raw)] == bodies


def test_an_outer_delimiter_ends_the_inner_parts():
    raw = (
        b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n"
        b"--i\r\n\r\nnever closed\r\n--o\r\n\r\nsecond\r\n--o--\r\n"
    )
    assert leaves(raw) == [("1.1", "text/plain", b"never closed"), ("2", "text/plain", b"second")]


@pytest.mark.parametrize(
    "header",
    [b"multipart/mixed", b"multipart/mixed; boundary=missing", b'multipart/mixed; boundary=""', b"multipart/x; boundary=" + b"y" * 2000],
)  # fmt: skip
def test_a_multipart_without_parts_is_its_own_text(header):
    """IMAP's grammar wants a part, and people want to read what was sent."""
    raw = b"Content-Type: " + header + b"\r\n\r\nthe text\r\n"
    assert leaves(raw) == [("1", "text/plain", b"the text\r\n")]
    assert mime.text(raw, mime.parse(raw).children[0]) == "the text\r\n"


@pytest.mark.parametrize(
    ("field", "kind"),
    [(b"", "text/plain"), (b"Content-Type: nonsense\r\n", "text/plain"), (b"Content-Type: a/b\r\nContent-Type: c/d\r\n", "a/b")],
)  # fmt: skip
def test_what_an_odd_content_type_means(field, kind):
    assert mime.parse(field + b"\r\nx").content_type == kind


def test_a_digest_defaults_to_messages():
    """RFC 2046 §5.1.5."""
    raw = multipart("\r\nSubject: one\r\n\r\nfirst", "Content-Type: text/plain\r\n\r\nno", sub="digest").encode()
    root = mime.parse(raw)
    assert [part.content_type for part in root.children] == ["message/rfc822", "text/plain"]
    assert root.children[0].embedded.path == "1.1"


def test_a_message_in_a_message():
    inside = multipart("\r\none", "\r\ntwo", boundary="i")
    raw = multipart("Content-Type: message/rfc822\r\n\r\nSubject: in\r\n" + inside).encode()
    outer = mime.parse(raw).children[0]
    assert raw[outer.embedded.header_start : outer.embedded.header_start + 11] == b"Subject: in"
    assert outer.embedded.path == "1"
    assert [part.path for part in outer.embedded.children] == ["1.1", "1.2"]
    assert outer.lines == raw[outer.body_start : outer.body_end].count(b"\n")


def test_an_encoded_message_is_not_looked_into():
    raw = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo="
    part = mime.parse(raw)
    assert part.embedded is None
    assert mime.decoded(raw, part) == b"Subject: x\r\n\r\n"


def depth_of(part):
    deepest, stack = 0, [(part, 0)]
    while stack:
        one, depth = stack.pop()
        deepest = max(deepest, depth)
        stack += [(child, depth + 1) for child in one.children]
        if one.embedded is not None:
            stack.append((one.embedded, depth + 1))
    return deepest


def test_depth_is_bounded():
    """T122: 2,000 nested multiparts end a naive reader by recursion."""
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) for number in range(2_000)
    )
    root = mime.parse(raw)
    assert depth_of(root) == 50
    assert list(root.walk())[-1].content_type == "application/octet-stream"
    assert depth_of(mime.parse(raw, Limits(depth=3))) == 3
    assert depth_of(mime.parse(b"Content-Type: message/rfc822\r\n\r\n" * 2_000)) == 50


def test_the_number_of_parts_is_bounded():
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 5_000 + b"--b--\r\n"
    parts = list(mime.parse(raw).walk())
    assert len(parts) == 1_000
    assert parts[-1].body_end == len(raw)  # the rest is one opaque part: nothing is lost
    nested = multipart(*[multipart("\r\nx", boundary="i")] * 3_000).encode()
    assert len(list(mime.parse(nested).walk())) <= 1_000
    messages = multipart(*["Content-Type: message/rfc822\r\n\r\n\r\nx"] * 3_000).encode()
    assert len(list(mime.parse(messages).walk())) <= 1_001


def test_lines_that_begin_like_a_delimiter_are_bounded():
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"--bx\r\n" * 50 + b"--b--\r\n"
    assert mime.parse(raw, Limits(boundary_candidates=10)).children[0].body_end == len(raw)
    assert mime.parse(raw, Limits(boundary_candidates=50)).children[0].body_end == len(raw) - 9


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece",
    [b"--b\r\n", b"--b", b"--bx\r\n", b"\r\n", b"\n\n", b"--b--\r\n", b"--b\r\n\r\n", b"\r", b"a: b\r\n", b"--\r\n"],
)
def test_megabytes_of_anything_are_read_at_once(piece):
    mime.parse(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + piece * (4_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b"attachment; filename=report.pdf", "report.pdf"),
        (b"attachment; filename*=utf-8''%E4%BC%9A.pdf", "会.pdf"),
        (b'attachment; filename="=?utf-8?B?5Lya6K6u?=.pdf"', "会议.pdf"),
        (b'attachment; filename="../../etc/passwd"', "passwd"),
        (b'attachment; filename="C:\\\\Temp\\\\x.doc"', "x.doc"),
        (b"attachment; filename*=utf-8''a%E2%80%AEfdp.exe", "afdp.exe"),
        (b"attachment; filename*=utf-8''a%00%0D%0Ab.txt", "a b.txt"),
        (b'attachment; filename=".."', None),
        (b'attachment; filename=""', None),
        (b"attachment", None),
    ],
)
def test_file_names_are_names_only(disposition, name):
    """T023 and path traversal: what is shown and saved is one plain name."""
    assert mime.parse(b"Content-Disposition: " + disposition + b"\r\n\r\n").filename == name


def test_the_name_of_the_content_type_is_the_second_choice():
    raw = b"Content-Type: a/b; name=second.txt\r\nContent-Disposition: attachment%b\r\n\r\n"
    assert mime.parse(raw % b"").filename == "second.txt"
    assert mime.parse(raw % b"; filename=first.txt").filename == "first.txt"
