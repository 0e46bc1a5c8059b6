import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.smtp.syntax import sasl
from server.smtp.syntax.sasl import Malformed, Secret


def test_plain():
    assert sasl.plain(b"\0a@b.test\0pw") == Secret("a@b.test", "pw")
    assert sasl.plain(b"a@b.test\0a@b.test\0pw") == Secret("a@b.test", "pw")


@pytest.mark.parametrize("data", [b"", b"a\0b", b"\0\0pw", b"\0a\0", b"x\0a\0pw", b"\0a\0p\0w", b"\0\xff\0pw"])
def test_plain_malformed(data):
    with pytest.raises(Malformed):
        sasl.plain(data)


def test_bearers():
    token = b"n,a=us=2Cer@b.test,\x01host=x\x01port=587\x01auth=Bearer tok\x01\x01"
    assert sasl.oauthbearer(token) == Secret("us,er@b.test", "tok", is_token=True)
    assert sasl.oauthbearer(b"n,,\x01auth=bearer tok\x01\x01") == Secret(None, "tok", is_token=True)
    assert sasl.xoauth2(b"user=a@b.test\x01auth=Bearer tok\x01\x01") == Secret("a@b.test", "tok", is_token=True)


@pytest.mark.parametrize(
    "data", [b"", b"n,,\x01\x01", b"p=tls,,\x01auth=Bearer t\x01\x01", b"n,,\x01auth=Basic t\x01\x01"]
)
def test_bearer_malformed(data):
    with pytest.raises(Malformed):
        sasl.oauthbearer(data)
    with pytest.raises(Malformed):
        sasl.xoauth2(data)


def test_secret_is_not_shown():
    assert "pw" not in repr(Secret("a", "pw"))


@given(st.binary(max_size=60))
def test_never_anything_but_a_secret_or_malformed(data):
    for read in (sasl.plain, sasl.oauthbearer, sasl.xoauth2, sasl.decode, lambda d: sasl.login(d, d)):
        try:
            read(data)
        except Malformed:
            continue
    assert sasl.decode(base64.b64encode(data)) == data
