"""What is known of a message once it is stored."""

from datetime import UTC, datetime

import pytest

from server.mail.address import Address
from server.mail.limits import Limits
from server.mail.summary import summarise
from tests.fakes import imap_values

RAW = (
    b"From: =?utf-8?Q?Anna?= <anna@example.org>\r\nTo: bo@example.net, Carl <carl@example.net>\r\nCc: d@e.f\r\nBcc: g@h.i\r\n"
    b"Date: Tue, 24 Nov 2026 01:30:00 +0800\r\nSubject: Re: [x] =?utf-8?B?5Lya6K6u?=\r\nMessage-ID: <m@x>\r\n"
    b"References: <a@x> <b@x>\r\nIn-Reply-To: <b@x>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
    b"--b\r\nContent-Type: application/pdf; name=r.pdf\r\n\r\n%PDF\r\n--b--\r\n"
)


def test_a_whole_summary():
    found = summarise(RAW)
    anna = Address("Anna", "anna", "example.org")
    assert (found.size, found.header_size) == (len(RAW), RAW.index(b"--b\r\n"))
    assert (found.subject, found.base_subject, found.is_reply) == ("Re: [x] 会议", "会议", True)
    assert found.from_ == found.sender == found.reply_to == (anna,)
    assert found.to == (Address("", "bo", "example.net"), Address("Carl", "carl", "example.net"))
    assert (found.cc, found.bcc) == ((Address("", "d", "e.f"),), (Address("", "g", "h.i"),))
    assert found.sent_at == datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
    assert found.sent_on == "2026-11-24"  # the day the sender wrote, not the day in UTC
    assert (found.message_id, found.references) == ("m@x", ("a@x", "b@x"))
    assert (found.preview, found.text) == ("Hello", "Hello")
    assert (found.has_attachment, found.attachment_names) == (True, ("r.pdf",))
    imap_values.check_envelope(imap_values.read(found.envelope))
    imap_values.check_body(imap_values.read(found.bodystructure), extended=True)
    imap_values.check_body(imap_values.read(found.body), extended=False)


def test_an_empty_message():
    found = summarise(b"")
    assert (found.size, found.header_size, found.subject, found.text, found.preview) == (0, 0, "", "", "")
    assert (found.from_, found.sent_at, found.sent_on, found.message_id, found.references) == ((), None, None, None, ())
    assert not found.has_attachment


@pytest.mark.parametrize(
    ("header", "references"),
    [
        (b"", ()),
        (b"In-Reply-To: <a@x>\r\n", ("a@x",)),
        (b"References: <a@x>\r\nIn-Reply-To: <b@x>\r\n", ("a@x", "b@x")),
        (b"References: <b@x> <a@x>\r\nIn-Reply-To: <b@x>\r\n", ("b@x", "a@x")),
        (b"References: <a@x>\r\n\t<b@x>\r\nReferences: <c@x>\r\n", ("a@x", "b@x")),
        (b"In-Reply-To: your message of yesterday\r\n", ()),
    ],
)
def test_ancestors(header, references):
    assert summarise(header + b"\r\n").references == references


def test_of_too_many_ancestors_the_nearest_are_kept():
    header = (
        b"References: " + b" ".join(b"<%d@x>" % number for number in range(500)) + b"\r\nIn-Reply-To: <last@x>\r\n\r\n"
    )
    found = summarise(header).references
    assert len(found) == 100
    assert found[-2:] == ("499@x", "last@x")


def mixed(*parts, sub="mixed"):
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"Content-Type: multipart/{sub}; boundary=b\r\n\r\n{body}--b--\r\n".encode()


IMAGE = "Content-Type: image/png\r\nContent-ID: <i@x>\r\n"


@pytest.mark.parametrize(
    ("raw", "has", "names"),
    [
        (b"\r\ntext", False, ()),
        (mixed("\r\ntext", "Content-Type: text/html\r\n\r\n<p>", sub="alternative"), False, ()),
        (mixed("\r\ntext", "Content-Disposition: attachment; filename=n.txt\r\n\r\nx"), True, ("n.txt",)),
        (mixed("\r\ntext", "Content-Disposition: attachment\r\n\r\nx"), True, ()),
        (mixed("\r\ntext", "Content-Disposition: inline; filename=n.txt\r\n\r\nx"), True, ("n.txt",)),
        (mixed("Content-Type: text/html\r\n\r\n<p>", IMAGE + "\r\nx", sub="related"), False, ()),
        (mixed("Content-Type: text/html\r\n\r\n<p>", IMAGE + "Content-Disposition: inline; filename=i.png\r\n\r\nx", sub="related"), False, ()),
        (mixed("\r\ntext", IMAGE + "Content-Disposition: inline; filename=photo.png\r\n\r\nx"), True, ("photo.png",)),
        (mixed("\r\ntext", "Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nx", sub="signed"), False, ()),
        (mixed("\r\ntext", "Content-Type: application/pgp-signature\r\n\r\nx", sub="signed"), False, ()),
        (mixed("\r\ntext", "Content-Type: text/calendar\r\n\r\nx", sub="alternative"), False, ()),
        (mixed("\r\ntext", "Content-Type: text/calendar\r\nContent-Disposition: attachment; filename=i.ics\r\n\r\nx"), True, ("i.ics",)),
        (mixed("\r\ntext", "Content-Type: message/delivery-status\r\n\r\nx", sub="report"), False, ()),
        (mixed("\r\ntext", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ny"), True, ()),
        (b"Content-Type: application/pdf; name=only.pdf\r\n\r\n%PDF", True, ("only.pdf",)),
        (b"Content-Type: message/rfc822\r\n\r\n" + mixed("\r\nx", "Content-Type: a/b; name=inner\r\n\r\ny"), True, ()),
    ],
)  # fmt: skip
def test_attachments(raw, has, names):
    found = summarise(raw)
    assert (found.has_attachment, found.attachment_names) == (has, names)


def test_limits_reach_every_reader():
    raw = RAW.replace(b"To: ", b"To: a@b, c@d, ")
    found = summarise(raw, limits=Limits(addresses=2, references=1, parts=1, preview=2, text=3))
    assert len(found.to) == 2
    assert found.references == ("b@x",)
    assert found.bodystructure.startswith(b'("application" "octet-stream"')
    assert summarise(RAW, limits=Limits(header_octets=10)).subject == ""
    assert summarise(RAW, limits=Limits(field_octets=20)).subject == "Re: [x] =?utf-8?B?5"


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "raw",
    [
        b"To: " + b",\r\n ".join(b"a%d@b" % number for number in range(50_000)) + b"\r\n\r\n",
        b"To: x\r\n" * 500_000,
        b"Subject: " + b"word\r\n " * 1_000_000 + b"\r\n\r\n",
        b"Subject: " + b"\r" * 1_000_000,
        b"garbage\r\n" * 500_000,
        b"References: " + b"<a@b> " * 200_000,
        b"\r\n" * 2_000_000,
    ],
    ids=["addresses", "fields", "folds", "returns", "garbage", "references", "blank"],
)
def test_bombs_of_the_threat_list(raw):
    """security.md T119-T121, with the sizes that took other readers minutes."""
    found = summarise(raw)
    assert found.size == len(raw)
    assert len(found.to) <= 1_000
    assert len(found.envelope) < 300_000
