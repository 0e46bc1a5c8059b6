"""Written address fields read back as what they were, and carry nothing else."""

import pytest

from server.mail import address, address_field, header
from server.mail.address import Address


@pytest.mark.parametrize(
    "mailbox",
    [
        Address("", "a", "example.org"),
        Address("John Doe", "a", "example.org"),
        Address("Joe Q. Public", "a", "example.org"),
        Address('Giant; "Big" \\ Box', "a", "example.org"),
        Address("Smith, John", "john smith", "example.org"),
        Address("Jürgen Müller", "a", "example.org"),
        Address("会议记录和下一步" * 6, "a", "example.org"),
        Address("=?utf-8?Q?spoof?=", "a", "example.org"),
        Address("a@b.c", "x", "example.org"),
        Address("name " * 40 + "end", "a", "example.org"),
        Address("", "x" * 64, "example.org"),
        Address("", "user", "[192.0.2.1]"),
    ],
)
def test_there_and_back(mailbox):
    field = address_field.encode("To", [mailbox, Address("", "second", "example.org"), mailbox])
    assert field.isascii()
    assert max(map(len, field.split(b"\r\n"))) <= 100
    block, _ = header.split(field + b"\r\n")
    assert [one.name for one in block] == ["To"]
    assert address.parse_addresses(block.get("to")) == [mailbox, Address("", "second", "example.org"), mailbox]


def test_the_domain_is_written_in_a_labels_and_a_foreign_local_part_in_utf8():
    assert address_field.encode("To", [Address("", "j", "bücher.example")]) == b"To: j@xn--bcher-kva.example\r\n"
    assert address_field.encode("To", [Address("", "jürgen", "a.b")]) == "To: jürgen@a.b\r\n".encode()  # RFC 6532


@pytest.mark.parametrize(
    "bad",
    [
        Address("a\r\nBcc: x@y", "a", "b"),
        Address("", "a\r\n", "b"),
        Address("", "a", "b\r\nBcc: x"),
        Address("", "a", "b> <c@d"),
        Address("\x00", "a", "b"),
        Address("", "x" * 2000, "b"),
    ],
)
def test_what_would_break_out_is_refused(bad):
    with pytest.raises(ValueError, match="address"):
        address_field.encode("To", [bad])


def test_an_empty_field_is_refused():
    with pytest.raises(ValueError, match="needs an address"):
        address_field.encode("To", [])
