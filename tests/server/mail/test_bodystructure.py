"""BODY and BODYSTRUCTURE exactly as RFC 9051 §7.5.2 has them."""

from server.mail import bodystructure, mime
from tests.fakes import imap_values


def both(raw):
    full, brief = bodystructure.both(raw, mime.parse(raw))
    imap_values.check_body(imap_values.read(full), extended=True)
    imap_values.check_body(imap_values.read(brief), extended=False)
    return full, brief


def test_a_text():
    """The example of RFC 9051 §7.5.2: 48 lines of us-ascii."""
    full, brief = both(b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" + b"line\r\n" * 48)
    assert brief == b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 288 48)'
    assert full == b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 288 48 NIL NIL NIL NIL)'


def test_every_field_in_its_place():
    full, brief = both(
        b'Content-Type: image/png; name="a \\"b\\".png"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <pic@x>\r\n'
        b"Content-Description: a picture\r\nContent-Disposition: inline; filename=q.png\r\nContent-Language: en, fr\r\n"
        b"Content-Location: http://x/y\r\nContent-MD5: Q2hlY2s=\r\n\r\nAAAA"
    )
    fields = b'"image" "png" ("name" "a \\"b\\".png") "<pic@x>" "a picture" "base64" 4'
    assert brief == b"(" + fields + b")"
    assert full == (
        b"(" + fields + b' "Q2hlY2s=" ("inline" ("filename" "q.png")) ("en" "fr") "http://x/y")'
    )  # fmt: skip


def test_a_multipart():
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Disposition: inline\r\n\r\n--b\r\n\r\none\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n\r\n--b--\r\n"
    )
    full, brief = both(raw)
    assert brief == b'(("text" "plain" NIL NIL NIL "7bit" 3 0)("text" "html" NIL NIL NIL "7bit" 5 1) "mixed")'
    assert full == (
        b'(("text" "plain" NIL NIL NIL "7bit" 3 0 NIL NIL NIL NIL)("text" "html" NIL NIL NIL "7bit" 5 1 NIL NIL NIL NIL) '
        b'"mixed" ("boundary" "b") ("inline" NIL) NIL NIL)'
    )


def test_a_message():
    full, brief = both(b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: a@b\r\n\r\nbody\r\n")
    who = b'((NIL NIL "a" "b"))'
    envelope = b'(NIL "in" %b %b %b NIL NIL NIL NIL NIL)' % (who, who, who)
    inner = b'("text" "plain" NIL NIL NIL "7bit" 6 1'
    assert brief == b'("message" "rfc822" NIL NIL NIL "7bit" 32 ' + envelope + b" " + inner + b") 4)"
    assert full == (
        b'("message" "rfc822" NIL NIL NIL "7bit" 32 '
        + envelope
        + b" "
        + inner
        + b" NIL NIL NIL NIL) 4 NIL NIL NIL NIL)"
    )


def test_an_encoded_message_has_the_form_all_the_same():
    full, _ = both(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n")
    assert full.startswith(b'("message" "rfc822" NIL NIL NIL "base64" 6 (NIL NIL NIL')


def test_other_messages_are_basic():
    _, brief = both(b"Content-Type: message/delivery-status\r\n\r\nA: b\r\n")
    assert brief == b'("message" "delivery-status" NIL NIL NIL "7bit" 6)'


def test_foreign_file_names_go_out_in_ascii():
    full, _ = both(
        "Content-Type: a/b; name=\"会议.pdf\"\r\nContent-Disposition: attachment; filename*=gbk''%BB%E1.pdf\r\n\r\n".encode()
    )
    assert b'("name*" "utf-8\'\'%E4%BC%9A%E8%AE%AE.pdf")' in full
    assert b'("attachment" ("filename*" "utf-8\'\'%E4%BC%9A.pdf"))' in full


def test_raw_8bit_descriptions_are_literals():
    full, _ = both("Content-Description: é\r\n\r\n".encode())
    assert "{2}\r\né".encode() in full
