"""Headers in UTF-8 as a program without it may have them (RFC 6858)."""

from hypothesis import given
from hypothesis import strategies as st

from server.mail import header
from server.mail.address import parse_addresses
from server.mail.surrogate import header_in_ascii


def fields(text: str) -> header.HeaderBlock:
    found = header_in_ascii(text.encode())
    assert found.isascii()
    return header.split(found)[0]


def test_ascii_is_left_alone():
    raw = b"Subject:  odd   spacing \r\nX:\ty\n garbage without a colon\r\n\r\n"
    assert header_in_ascii(raw) is raw


def test_a_national_charset_is_left_alone():
    raw = "Subject: 你好\r\n\r\n".encode("gb18030")
    assert header_in_ascii(raw) is raw


def test_texts_become_encoded_words():
    block = fields("Subject: 你好 grüß\r\n dich\r\nX-Mailer: Zoë 1.0\r\n\r\n")
    assert block.text("subject") == "你好 grüß dich"
    assert block.text("x-mailer") == "Zoë 1.0"


def test_names_and_domains_keep_their_meaning():
    block = fields('From: "Zoë" <zoe@münchen.example>\r\nTo: bob@example.org, Jürgen <j@example.org>\r\n\r\n')
    (sender,) = parse_addresses(block.get("from"))
    assert (sender.name, sender.local, sender.domain) == ("Zoë", "zoe", "xn--mnchen-3ya.example")
    assert [(one.name, one.addr_spec) for one in parse_addresses(block.get("to"))] == [
        ("", "bob@example.org"),
        ("Jürgen", "j@example.org"),
    ]


def test_an_address_without_ascii_leads_nowhere_and_can_be_read():
    """RFC 6858 §2.1."""
    block = fields("From: 佐藤@example.org\r\nCc: Jo <jö@example.org>\r\n\r\n")
    (sender,), (copied,) = parse_addresses(block.get("from")), parse_addresses(block.get("cc"))
    assert (sender.name, sender.addr_spec) == ("佐藤@example.org", "invalid@internationalized-address.invalid")
    assert (copied.name, copied.domain) == ("Jo", "internationalized-address.invalid")


def test_parameters():
    block = fields('Content-Type: text/plain; charset=utf-8;\r\n name="été.txt"\r\n\r\n')
    assert block.get("content-type") == b"text/plain; charset=utf-8; name*=utf-8''%C3%A9t%C3%A9.txt"


def test_what_identifies_or_signs_goes():
    block = fields("Message-ID: <ä@example.org>\r\nDKIM-Signature: v=1; i=ä@b\r\nDate: today\r\nSubject: ä\r\n\r\n")
    assert [field.name for field in block] == ["Date", "Subject"]


def test_fields_in_ascii_keep_their_octets_and_the_end_is_the_end():
    raw = "X-A:  as  it \r\n\tis\r\nSubject: ä\r\nX-B: y\n\n".encode()
    found = header_in_ascii(raw)
    assert found.startswith(b"X-A:  as  it \r\n\tis\r\nSubject: =?")
    assert found.endswith(b"\r\nX-B: y\n\n")


@given(st.text(max_size=200))
def test_any_text(text):
    found = header_in_ascii(text.encode("utf-8", "surrogatepass"))
    assert found.isascii() or "\ud800" <= max(text, default="") <= "\udfff" or not _encodable(text)


def _encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


@given(st.lists(st.sampled_from(["From", "To", "Subject", "Content-Type", "Received", "X-Y"])), st.text(max_size=60))
def test_any_value(names, value):
    raw = "".join(f"{name}: {value}é\r\n" for name in names).encode("utf-8", "replace") + b"\r\n"
    found = header_in_ascii(raw)
    assert found.isascii()
    assert header.split(found)[1] == len(found)


@given(st.binary(max_size=200))
def test_any_octets(raw):
    header_in_ascii(raw)
