"""RFC 5322 §3.6.4."""

import pytest

from server.mail import message_id


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<1234@local.machine.example>", ["1234@local.machine.example"]),
        (b"<a@b> <c@d>", ["a@b", "c@d"]),
        (b"<a@b><c@d>\r\n\t<a@b>", ["a@b", "c@d"]),
        (b'Your message of "Tue, 1 Jul" <a@b>', ["a@b"]),
        (b"<a@b> (comment) junk", ["a@b"]),
        (b"<a\r\n b@c>", ["ab@c"]),  # folded in the middle
        (b"bare@id.example", ["bare@id.example"]),
        (b"two bare@words", []),
        (b"<>", []),
        (b"<unclosed@id", []),
        (b"", []),
        ("<é@b>".encode(), ["é@b"]),
        (b"<a\x00b@c>", ["ab@c"]),
        (b"<" + b"x" * 2000 + b"@y>", []),
    ],
)
def test_reading(value, ids):
    assert message_id.parse_all(value) == ids


def test_the_limit_holds():
    assert message_id.parse_all(b"<a@b><c@d><e@f>", limit=2) == ["a@b", "c@d"]


def test_text_is_taken_too():
    assert message_id.parse_all("<a@b>") == ["a@b"]


def test_making():
    assert message_id.make("example.org", "20261124.1") == "20261124.1@example.org"


@pytest.mark.parametrize(
    ("domain", "unique"), [("", "a"), ("a", ""), ("a b", "c"), ("a>", "c"), ("a", "\r\nBcc"), ("a@b", "c")]
)
def test_what_cannot_be_an_id_is_refused(domain, unique):
    with pytest.raises(ValueError, match="message id"):
        message_id.make(domain, unique)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (b"<a@b> <c@d><a@b>", ["a@b", "c@d", "a@b"]),
        (b"<01KF8@xxx.example>", ["01KF8@xxx.example"]),
        (b'<"01KF8"@xxx.example>', ["01KF8@xxx.example"]),
        (b'<"01K\\F8"@xxx.example>', ["01KF8@xxx.example"]),
        (b'<"a b"@c>', ["a b@c"]),
        (b'<"a>b"@c> <d@e>', ["a>b@c", "d@e"]),
        (b"<A@b> <a@b>", ["A@b", "a@b"]),
        (b"<a\r\n b@c>", ["ab@c"]),
        (b'Your message of "Tue, 1 Jul" <a@b>', ["a@b"]),
        (b"<no-at> <@b> <a@> <> a@b <a@b", []),
        (b'<"unclosed@b> <c@d>', ["c@d"]),
        (b"<" + b"x" * 2000 + b"@y>", []),
    ],
)
def test_valid_ids_as_threads_compare_them(value, ids):
    """RFC 5256 §3: what has no form of an id counts as none, and quoting makes no difference."""
    assert message_id.valid(value) == ids


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", [b"<", b'<"', b'"', b'"<', b"\\", b'<"\\', b'<a"b', b">", b'<""'])
def test_valid_ids_of_a_long_field_are_found_at_once(piece):
    assert message_id.valid(piece * (500_000 // len(piece))) == []
