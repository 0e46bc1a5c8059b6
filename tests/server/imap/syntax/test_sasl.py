import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imap.syntax import sasl
from server.imap.syntax.error import ProtocolError

WORDS = st.text(min_size=1, max_size=50).filter(lambda t: "\0" not in t)


@given(WORDS, WORDS, WORDS)
def test_plain(acting_as, username, password):
    message = f"{acting_as}\0{username}\0{password}".encode("utf-8", "surrogatepass")
    try:
        message.decode()
    except UnicodeDecodeError:
        with pytest.raises(ProtocolError):
            sasl.plain(message)
    else:
        assert sasl.plain(message) == sasl.Password(username, password, acting_as)


@pytest.mark.parametrize("message", [b"", b"\0\0", b"\0\0pw", b"a\0b", b"a\0b\0c\0d", b"\0\xff\0pw"])
def test_bad_plain(message):
    with pytest.raises(ProtocolError):
        sasl.plain(message)


def test_oauthbearer():
    """RFC 7628 §4.1."""
    message = b"n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    assert sasl.oauthbearer(message) == sasl.Token("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
    assert sasl.oauthbearer(b"n,,\x01auth=bearer pht_x\x01\x01") == sasl.Token(None, "pht_x")
    assert sasl.oauthbearer(b"n,a=a=2Cb=3Dc,\x01auth=Bearer x\x01\x01").username == "a,b=c"


def test_xoauth2():
    assert sasl.xoauth2(b"user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01") == sasl.Token(
        "someuser@example.com", "ya29.vF9dft4"
    )


@pytest.mark.parametrize(
    "message", [b"", b"user=a", b"user=a\x01auth=Basic x\x01\x01", b"auth=Bearer x\x01\x01", b"n,a=b,\x01\x01", b"\xff"]
)
@pytest.mark.parametrize("read", [sasl.oauthbearer, sasl.xoauth2])
def test_bad_bearers(message, read):
    with pytest.raises(ProtocolError):
        read(message)


def test_base64():
    assert sasl.decode_base64(b"=") == b""
    assert sasl.decode_base64(base64.b64encode(b"\0a\0b")) == b"\0a\0b"
    for bad in (b"a", b"a b=", b"!!!!", b"YQ"):
        with pytest.raises(ProtocolError):
            sasl.decode_base64(bad)


def test_secrets_are_not_shown():
    assert "pw" not in repr(sasl.Password("ann", "pw"))
    assert "pht_x" not in repr(sasl.Token("ann", "pht_x"))
