from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax.message_url import MessageUrl, UrlMalformed, in_response_code, parse_url

paths = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda name: not {".", "..", ""} & set(name.split("/"))
)
numbers = st.integers(1, 2**32 - 1)


def read(text):
    url = parse_url(text.encode())
    s = url.section
    return url.path, url.uidvalidity, url.uid, s.path, s.kind, s.partial


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The examples of RFC 4469, RFC 8508 and RFC 5092.
        ("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", ("/Drafts", 385759045, 20, "", "HEADER", None)),
        ("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=1.MIME", ("/Drafts", 385759045, 20, "1", "MIME", None)),
        ("/Drafts;UIDVALIDITY=385759045/;UID=30", ("/Drafts", 385759045, 30, "", "", None)),
        ("/Drafts/;UID=3002", ("/Drafts", None, 3002, "", "", None)),
        ("/INBOX/;uid=20/;section=1.2/;partial=0.1024", ("/INBOX", None, 20, "1.2", "", (0, 1024))),
        ("/INBOX/;uid=20/;partial=7", ("/INBOX", None, 20, "", "", (7, 2**63 - 1))),
        ("/a%2Fb%3B/%E5%8F%B0/;UID=1", ("/a/b;/台", None, 1, "", "", None)),
        ("/x/;UID=1/;SECTION=HEADER.FIELDS%20(Subject)", ("/x", None, 1, "", "HEADER.FIELDS", None)),
        (";UID=5/;SECTION=TEXT", ("", None, 5, "", "TEXT", None)),
        ("/;UID=5", ("", None, 5, "", "", None)),
        ("Other/;UID=5", ("Other", None, 5, "", "", None)),
    ],
)
def test_forms(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "/", "/INBOX", "/INBOX;UIDVALIDITY=1", "/INBOX/;UID=0", "/INBOX/;UID=x", "/INBOX/;UID=4294967296", "/INBOX/;UID=01", "/INBOX/;UID=1:2",
        "imap://ann@example.org/INBOX/;UID=1", "//example.org/INBOX/;UID=1", "mailto:x", "/INBOX;UIDVALIDITY=0/;UID=1", "/INBOX;UIDVALIDITY=99999999999/;UID=1",
        "/INBOX/;UID=1/;SECTION=", "/INBOX/;UID=1/;SECTION=FOO", "/INBOX/;UID=1/;SECTION=1]BODY[", "/INBOX/;UID=1/;SECTION=1%5D%20FLAGS", "/INBOX/;UID=1/;SECTION=MIME",
        "/INBOX/;UID=1/;SECTION=1%3C0.5%3E", "/INBOX/;UID=1/;PARTIAL=1.0", "/INBOX/;UID=1/;PARTIAL=x", "/INBOX/;UID=1/;PARTIAL=9999999999999999999",
        "/INBOX/;UID=1;URLAUTH=anonymous:internal:00", "/INBOX/;UID=1/;EXPIRE=2020", "/INBOX;TYPE=LIST", "/a b/;UID=1", "/a%/;UID=1", "/a%G0/;UID=1",
        "/%FF/;UID=1", "/a%00/;UID=1", "/a%0D%0A/;UID=1", "/caf\xe9/;UID=1", "/../;UID=1", "/a/%2E%2E/b/;UID=1", "/INBOX/;UID=1\r\n", "/" + "a" * 4000 + "/;UID=1",
    ],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(UrlMalformed):
        parse_url(text.encode())


def test_which_mailbox_is_meant():
    """RFC 4469 §3: the selected mailbox is the base."""
    for text, selected, expected in (
        ("/Sent/;UID=1", "Work/New", "Sent"),
        ("/Work/Old/;UID=1", None, "Work/Old"),
        ("Old/;UID=1", "Work/New", "Work/Old"),
        ("Old/;UID=1", None, "Old"),
        (";UID=1", "Work/New", "Work/New"),
        ("/;UID=1", "Work/New", "Work/New"),
    ):
        assert parse_url(text.encode()).mailbox(selected) == expected
    with pytest.raises(UrlMalformed):
        parse_url(b";UID=1").mailbox(None)


@given(paths, st.one_of(st.none(), numbers), numbers, st.sampled_from(["", "1", "1.2.MIME", "HEADER", "TEXT"]))
def test_what_a_client_writes_is_read(path, validity, uid, section):
    text = "/" + quote(path, safe="/") + (f";UIDVALIDITY={validity}" if validity else "") + f"/;UID={uid}"
    url = parse_url((text + (f"/;SECTION={section}" if section else "")).encode())
    assert (url.path, url.uidvalidity, url.uid) == ("/" + path, validity, uid)
    assert ".".join(filter(None, (url.section.path, url.section.kind))) == section


@given(st.binary(max_size=200))
def test_any_octets_are_a_url_or_none(octets):
    with suppress(UrlMalformed):
        assert isinstance(parse_url(octets), MessageUrl)
    assert not set(in_response_code(octets)) & set(b"]\r\n\\ \x00")
    assert in_response_code(octets).isascii()
