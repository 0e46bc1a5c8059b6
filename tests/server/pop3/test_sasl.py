"""SASL answers of POP3 clients."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.pop3 import sasl
from server.pop3.sasl import Claim, Exchange, SaslRefused


def answer(mechanism: str, text: str | bytes):
    return Exchange(mechanism).answer(text.encode() if isinstance(text, str) else text)


def test_plain():
    assert answer("PLAIN", "\0anna@example.org\0geheim") == Claim("anna@example.org", "geheim")
    assert answer("PLAIN", "anna\0anna\0päss wörd") == Claim("anna", "päss wörd")


@pytest.mark.parametrize("text", ["", "a", "\0a", "\0a\0", "\0\0p", "\0a\0b\0c", "bob\0anna\0p", b"\0\xff\0p"])
def test_plain_refuses(text):
    with pytest.raises(SaslRefused):
        answer("PLAIN", text)


def test_login():
    exchange = Exchange("LOGIN")
    assert base64.b64decode(exchange.begin()) == b"Username:"
    assert base64.b64decode(exchange.answer(b"anna")) == b"Password:"
    assert exchange.answer(b"geheim") == Claim("anna", "geheim")


def test_xoauth2():
    assert answer("XOAUTH2", "user=anna@example.org\x01auth=Bearer pht_x\x01\x01") == Claim(
        "anna@example.org", "pht_x", bearer=True
    )


def test_oauthbearer():
    text = "n,a=an=2Cna=3D@example.org,\x01host=h\x01port=110\x01auth=Bearer pht_x\x01\x01"
    assert answer("OAUTHBEARER", text) == Claim("an,na=@example.org", "pht_x", bearer=True)
    assert answer("OAUTHBEARER", "n,,\x01auth=bearer t\x01\x01") == Claim("", "t", bearer=True)


@pytest.mark.parametrize(
    ("mechanism", "text"),
    [
        ("XOAUTH2", "auth=Bearer x\x01\x01"),
        ("XOAUTH2", "user=a\x01\x01"),
        ("XOAUTH2", "user=a\x01auth=Basic x\x01\x01"),
        ("OAUTHBEARER", ""),
        ("OAUTHBEARER", "n,a=x,"),
        ("OAUTHBEARER", "p=tls,a=x,\x01auth=Bearer t\x01\x01"),
        ("OAUTHBEARER", "n,b=x,\x01auth=Bearer t\x01\x01"),
        ("OAUTHBEARER", "n,a=x,\x01auth=Bearer\x01\x01"),
    ],
)
def test_bearer_refuses(mechanism, text):
    with pytest.raises(SaslRefused):
        answer(mechanism, text)


def test_unknown_mechanism():
    with pytest.raises(SaslRefused):
        Exchange("CRAM-MD5")


def test_decode():
    assert sasl.decode(b"AGEAYg==") == b"\0a\0b"
    assert sasl.decode(b"=") == b""
    assert sasl.decode(b"") == b""
    for bad in (b"AGEAYg", b"A GE", b"%%%%", b"AGEAYg==x"):
        with pytest.raises(SaslRefused):
            sasl.decode(bad)


def test_failure_is_json_without_details():
    assert json.loads(base64.b64decode(sasl.bearer_failure()))["status"] == "invalid_token"


def test_secret_is_not_shown():
    assert "geheim" not in repr(Claim("anna", "geheim"))


@given(st.sampled_from(sasl.MECHANISMS), st.binary(max_size=80))
def test_any_octets(mechanism, data):
    try:
        found = Exchange(mechanism).answer(data)
    except SaslRefused:
        return
    assert isinstance(found, (str, Claim))
