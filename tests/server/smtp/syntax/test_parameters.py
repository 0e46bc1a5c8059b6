import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.smtp.syntax import reply as r
from server.smtp.syntax.parameters import (
    MAIL_LMTP,
    Mail,
    Rcpt,
    parse_mail,
    parse_rcpt,
    xtext_decode,
    xtext_encode,
)
from server.smtp.syntax.reply import ProtocolError


def mail_refusal(argument, **options):
    with pytest.raises(ProtocolError) as caught:
        parse_mail(argument, **options)
    return caught.value.reply


def rcpt_refusal(argument, *, utf8=False):
    with pytest.raises(ProtocolError) as caught:
        parse_rcpt(argument, utf8=utf8)
    return caught.value.reply


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<>", Mail("")),
        ("from:<a@b.test>", Mail("a@b.test")),
        ("FROM: <a@b.test>", Mail("a@b.test")),
        ('FROM:<"a >b"@b.test> SIZE=10', Mail('"a >b"@b.test', size=10)),
        ("FROM:<a@b.test> BODY=8BITMIME SIZE=0", Mail("a@b.test", size=0, eight_bit=True)),
        ("FROM:<a@b.test> body=7bit", Mail("a@b.test")),
        ("FROM:<jörg@b.test> SMTPUTF8", Mail("jörg@b.test", smtputf8=True)),
        ("FROM:<a@b.test> RET=hdrs ENVID=QQ+20314", Mail("a@b.test", ret="HDRS", envelope_id="QQ 314")),
        ("FROM:<a@b.test> AUTH=<>", Mail("a@b.test")),
    ],
)
def test_mail(argument, expected):
    assert parse_mail(argument) == expected


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("", r.BAD_ARGUMENT),
        ("TO:<a@b.test>", r.BAD_ARGUMENT),
        ("FROM:a@b.test", r.BAD_SENDER_ADDRESS),
        ("FROM:<a@b.test", r.BAD_SENDER_ADDRESS),
        ("FROM:<@x.test:a@b.test>", r.BAD_SENDER_ADDRESS),
        ("FROM:<a>", r.BAD_SENDER_ADDRESS),
        ("FROM:<a@b.test,c@d.test>", r.BAD_SENDER_ADDRESS),
        ("FROM:<<a@b.test>>", r.BAD_ARGUMENT),
        ("FROM:<a@b.test>SIZE=1", r.BAD_ARGUMENT),
        ("FROM:<jörg@b.test>", r.NEEDS_SMTPUTF8),
        ("FROM:<a@b.test> SIZE=x", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SIZE", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SIZE=-1", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SIZE=\u0663", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SIZE=" + "9" * 21, r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SIZE=1 SIZE=2", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> BODY=BINARYMIME", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> SMTPUTF8=1", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> RET=SOME", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> ENVID=a+0Ab", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> ENVID=a+zz", r.BAD_ARGUMENT),
        ("FROM:<a@b.test> ENVID=" + "x" * 101, r.BAD_ARGUMENT),
        ("FROM:<a@b.test> XMAILBOX=Work", r.UNKNOWN_PARAMETER),
        ("FROM:<a@b.test> NOTIFY=NEVER", r.UNKNOWN_PARAMETER),
        ("FROM:<" + "a" * 600 + "@b.test>", r.BAD_SENDER_ADDRESS),
    ],
)
def test_mail_refused(argument, reply):
    assert mail_refusal(argument) is reply


def test_private_parameters_of_lmtp():
    argument = f"FROM:<> XMAILBOX={xtext_encode('Wörk/a b')} XDATE=1732440000 ENVID=s7-abc"
    expected = Mail("", mailbox="Wörk/a b", received_at=1732440000, envelope_id="s7-abc")
    assert parse_mail(argument, allowed=MAIL_LMTP) == expected
    assert mail_refusal("FROM:<> XMAILBOX=a+0D+0Ab", allowed=MAIL_LMTP) is r.BAD_ARGUMENT


def test_parameters_need_ehlo():
    assert mail_refusal("FROM:<a@b.test> SIZE=1", allowed=frozenset()) is r.UNKNOWN_PARAMETER


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<a@b.test>", Rcpt("a@b.test")),
        ("TO:<Postmaster>", Rcpt("Postmaster")),
        ("TO:<a@b.test> NOTIFY=success,DELAY", Rcpt("a@b.test", notify=frozenset({"SUCCESS", "DELAY"}))),
        ("TO:<a@b.test> NOTIFY=NEVER", Rcpt("a@b.test", notify=frozenset({"NEVER"}))),
        ("TO:<a@b.test> ORCPT=rfc822;b+2Bc@d.test", Rcpt("a@b.test", original="rfc822;b+2Bc@d.test")),
        ("TO:<a@[192.0.2.1]>", Rcpt("a@[192.0.2.1]")),
    ],
)
def test_rcpt(argument, expected):
    assert parse_rcpt(argument, utf8=False) == expected


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<>", r.BAD_ADDRESS),
        ("TO:a@b.test", r.BAD_ADDRESS),
        ("TO:<a@b.test> NOTIFY=", r.BAD_ARGUMENT),
        ("TO:<a@b.test> NOTIFY", r.BAD_ARGUMENT),
        ("TO:<a@b.test> NOTIFY=NEVER,DELAY", r.BAD_ARGUMENT),
        ("TO:<a@b.test> NOTIFY=DELAY,DELAY", r.BAD_ARGUMENT),
        ("TO:<a@b.test> ORCPT=rfc822", r.BAD_ARGUMENT),
        ("TO:<a@b.test> ORCPT=;a@b.test", r.BAD_ARGUMENT),
        ("TO:<a@b.test> ORCPT=rfc822;" + "x" * 500, r.BAD_ARGUMENT),
        ("TO:<a@b.test> SIZE=1", r.UNKNOWN_PARAMETER),
        ("TO:<jörg@b.test>", r.NEEDS_SMTPUTF8),
    ],
)
def test_rcpt_refused(argument, reply):
    assert rcpt_refusal(argument) is reply


# security.md T098: other ways to write "relay this"; none of them is one of our addresses, most are no address at all.
@pytest.mark.parametrize(
    "path",
    [
        "<@ours.test:victim@far.test>",
        "<@ours.test,@x.test:victim@far.test>",
        "<victim@far.test@ours.test>",
        "<victim@far.test,a@ours.test>",
        "<victim@far.test>@ours.test",
        "<victim@far.test> <a@ours.test>",
        "victim@far.test",
        "<victim@far.test\u00a0a@ours.test>",
    ],
)
def test_relay_forms_are_no_address(path):
    assert rcpt_refusal(f"TO:{path}") in (r.BAD_ADDRESS, r.BAD_ARGUMENT, r.NEEDS_SMTPUTF8)


@given(st.text(min_size=1))
def test_xtext_round_trip(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    encoded = xtext_encode(text)
    assert encoded.isascii()
    assert " " not in encoded
    assert xtext_decode(encoded) == text


@given(st.text(max_size=60))
def test_never_anything_but_a_value_or_a_refusal(text):
    for parse in (parse_mail, lambda t: parse_rcpt(t, utf8=True)):
        for argument in (text, f"FROM:<{text}>", f"TO:<{text}>", f"FROM:<a@b.test> {text}", f"TO:<a@b.test> {text}"):
            try:
                found = parse(argument)
            except ProtocolError:
                continue
            address = found.reverse_path if isinstance(found, Mail) else found.address
            assert not set(address) & set("\r\n\0<>") or address.startswith('"')
