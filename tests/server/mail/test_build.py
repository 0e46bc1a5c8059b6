"""New messages: what is written reads back, travels anywhere, and holds nothing that was not asked for."""

from datetime import UTC, datetime

import pytest

from server.mail import build, header, mime, summary
from server.mail.address import Address
from server.mail.build import Attachment

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
ANNA = Address("Anna Müller", "anna", "example.org")
BO = Address("", "bo", "example.net")


def message(**changes):
    values = {
        "from_": [ANNA],
        "to": [BO],
        "subject": "Hello",
        "date": NOW,
        "message_id": "1@example.org",
        "text": "Hello\nBo\n",
    }
    return build.message(**{**values, **changes})


def travels(raw):
    """7bit, CRLF, short lines: what any transport must carry (RFC 5321 §4.5.3.1.6)."""
    assert build.is_7bit(raw)
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_a_plain_message_octet_for_octet():
    assert message(cc=[ANNA], in_reply_to="0@x", references=["a@b", "0@x"]) == (
        b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
        b"From: =?utf-8?Q?Anna_M=C3=BCller?= <anna@example.org>\r\n"
        b"To: bo@example.net\r\n"
        b"Cc: =?utf-8?Q?Anna_M=C3=BCller?= <anna@example.org>\r\n"
        b"Subject: Hello\r\n"
        b"Message-ID: <1@example.org>\r\n"
        b"In-Reply-To: <0@x>\r\n"
        b"References: <a@b> <0@x>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"Hello\r\nBo\r\n"
    )


def test_the_same_arguments_give_the_same_octets():
    attachment = Attachment("a.bin", "application/octet-stream", b"\x00" * 100)
    assert message(attachments=[attachment]) == message(attachments=[attachment])


def test_everything_at_once():
    raw = message(
        subject="Re: 会议",
        text="Grüße\n",
        html="<p>会议 <img src='cid:pic@x'></p>",
        inline=[Attachment("p.png", "image/png", b"\x89PNG", "pic@x")],
        attachments=[
            Attachment("Übersicht.pdf", "application/pdf", b"%PDF" * 500),
            Attachment("in.eml", "message/rfc822", b"Subject: in\r\n\r\nhi\r\n"),
        ],
    )
    travels(raw)
    root = mime.parse(raw)
    assert [(part.path, part.content_type, part.disposition) for part in root.walk()] == [
        ("", "multipart/mixed", None),
        ("1", "multipart/alternative", None),
        ("1.1", "text/plain", None),
        ("1.2", "multipart/related", None),
        ("1.2.1", "text/html", None),
        ("1.2.2", "image/png", "inline"),
        ("2", "application/pdf", "attachment"),
        ("3", "message/rfc822", "attachment"),
        ("3.1", "text/plain", None),
    ]
    assert mime.text(raw, mime.part_at(root, "1.1")) == "Grüße\r\n"
    assert mime.text(raw, mime.part_at(root, "1.2.1")) == "<p>会议 <img src='cid:pic@x'></p>\r\n"
    assert mime.part_at(root, "1.2.2").content_id == "pic@x"
    assert mime.part_at(root, "2").filename == "Übersicht.pdf"
    assert mime.decoded(raw, mime.part_at(root, "2")) == b"%PDF" * 500
    found = summary.summarise(raw)
    assert (found.subject, found.base_subject, found.attachment_names) == (
        "Re: 会议",
        "会议",
        ("Übersicht.pdf", "in.eml"),
    )
    assert found.from_ == (ANNA,)


def test_bcc_is_written_only_when_asked_for():
    assert b"bcc" not in message().lower()
    assert b"Bcc: bo@example.net\r\n" in message(bcc=[BO])


def test_further_fields():
    raw = message(sender=BO, reply_to=[BO], extra=[("Auto-Submitted", "auto-replied")], to=())
    block, _ = header.split(raw)
    assert (block.get("sender"), block.get("reply-to")) == (b"bo@example.net", b"bo@example.net")
    assert block.get("auto-submitted") == b"auto-replied"
    assert block.get("to") is None


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain\n", "7bit"),
        ("", "7bit"),
        ("Grüße aus der großen Stadt an alle, die hier mitlesen\n", "quoted-printable"),
        ("会议记录和下一步\n" * 20, "base64"),
        ("x" * 5000, "quoted-printable"),
        ("a\x00b", "base64"),
        (".\n..\n.dots\nFrom here\n", "7bit"),
        ("\ud800", "7bit"),
    ],
)
def test_the_encoding_of_text(text, encoding):
    raw = message(text=text)
    travels(raw)
    root = mime.parse(raw)
    assert root.encoding == encoding
    expected = text.replace("\n", "\r\n").replace("\ud800", "?")
    assert mime.text(raw, root).removesuffix("\r\n") == expected.removesuffix("\r\n")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_line_ends_become_crlf(end):
    assert message(text=f"a{end}b").endswith(b"\r\n\r\na\r\nb\r\n")


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: x@y"},
        {"from_": [Address("a\nb", "x", "y")]},
        {"to": [Address("", "x", "y\r\nBcc: z")]},
        {"message_id": "a b"},
        {"message_id": "a>\r\nX: y"},
        {"in_reply_to": "<x@y>"},
        {"references": ["ok@x", "bad\n@x"]},
        {"extra": [("X-A", "b\r\nC: d")]},
        {"extra": [("X A", "b")]},
        {"attachments": [Attachment("a\r\nb", "a/b", b"")]},
        {"inline": [Attachment("a", "a/b", b"", "c\r\n")], "html": ""},
        {"from_": []},
    ],
)
def test_injection_is_refused(changes):
    with pytest.raises(ValueError, match=r"control|message id|field name|needs an address"):
        message(**changes)


@pytest.mark.parametrize(
    ("given", "written", "encoding"),
    [
        ("application/pdf", "application/pdf", "base64"),
        ("not a type", "application/octet-stream", "base64"),
        ("a/b\r\nX: y", "a/b", "base64"),
        ("multipart/mixed; boundary=x", "application/octet-stream", "base64"),
        ("message/delivery-status", "application/octet-stream", "base64"),
        ("text/html", "text/html", "base64"),
    ],
)
def test_types_of_attachments(given, written, encoding):
    raw = message(attachments=[Attachment("f", given, b"data \xff")])
    travels(raw)
    part = mime.part_at(mime.parse(raw), "2")
    assert (part.content_type, part.encoding) == (written, encoding)
    assert mime.decoded(raw, part) == b"data \xff"


def test_parameters_of_a_type_are_kept():
    raw = message(attachments=[Attachment("i.ics", 'text/calendar; method=REQUEST; charset="utf-8"', b"BEGIN")])
    part = mime.part_at(mime.parse(raw), "2")
    assert part.params == {"method": "REQUEST", "charset": "utf-8", "name": "i.ics"}


def test_a_message_that_is_not_7bit_travels_as_a_file():
    """RFC 2046 §5.2.1: message/rfc822 may not be encoded."""
    raw = message(attachments=[Attachment("x.eml", "message/rfc822", "Subject: é\r\n\r\n".encode())])
    travels(raw)
    part = mime.part_at(mime.parse(raw), "2")
    assert (part.content_type, part.encoding) == ("application/octet-stream", "base64")


def test_a_boundary_that_stands_in_a_part_is_not_used():
    one = build.text_part("x", "plain")
    first = build.multipart("mixed", [one], seed="s").header.split(b'"')[1]
    again = build.multipart("mixed", [build.text_part(first.decode(), "plain")], seed="s").header.split(b'"')[1]
    assert first != again
