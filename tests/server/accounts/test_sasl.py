"""What clients say when they sign in, whatever the protocol."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import sasl, scram
from server.accounts.sasl import Challenge, Claim, Exchange
from server.accounts.sasl_refusal import Fault, SaslRefused
from tests.fakes.scram_client import ScramClient

SALT = b"0123456789abcdef"
NAMES = st.text(min_size=1, max_size=50).filter(lambda t: "\0" not in t and t.isprintable())
TOKENS = st.from_regex(r"[A-Za-z0-9._~+/-]{1,60}={0,2}", fullmatch=True)


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data)


def dialogue():
    return scram.Dialogue(lambda name: SALT, "the-server's-part-of-it")


def begun(mechanism):
    return Exchange(mechanism, dialogue())


def said(mechanism, data):
    return Exchange(mechanism).start(b64(data))


def fault(call, *arguments):
    with pytest.raises(SaslRefused) as caught:
        call(*arguments)
    assert str(caught.value) == caught.value.fault.value
    return caught.value.fault


# -- PLAIN


@given(NAMES, NAMES)
def test_plain(name, secret):
    for acting_as in ("", name):
        assert said("PLAIN", f"{acting_as}\0{name}\0{secret}") == Claim(name, secret)


def test_plain_in_two_steps_and_in_any_case():
    exchange = Exchange("plain")
    assert exchange.start() == Challenge(b"")
    assert exchange.answer(b64("Anna\0anna\0päss wörd")) == Claim("anna", "päss wörd")


@pytest.mark.parametrize("data", [b"", b"a", b"\0a", b"\0a\0", b"\0\0p", b"\0\0", b"\0a\0b\0c", b"a\0b\0"])
def test_plain_malformed(data):
    assert fault(said, "PLAIN", data) is Fault.FORM


def test_plain_for_somebody_else():
    assert fault(said, "PLAIN", "bob\0anna\0p") is Fault.ACTING


def test_plain_is_utf8():
    assert fault(said, "PLAIN", b"\0\xff\0p") is Fault.UTF8


# -- LOGIN


@pytest.mark.parametrize("initial", [True, False])
def test_login(initial):
    exchange = Exchange("LOGIN")
    if initial:
        step = exchange.start(b64("anna"))
    else:
        assert exchange.start() == Challenge(b"Username:")
        step = exchange.answer(b64("anna"))
    assert step == Challenge(b"Password:")
    assert step.line == b"UGFzc3dvcmQ6"
    assert exchange.answer(b64("geheim")) == Claim("anna", "geheim")


@pytest.mark.parametrize(("name", "secret"), [("", "x"), ("x", ""), ("a\0b", "x"), ("a", "x\0y")])
def test_login_malformed(name, secret):
    def run():
        exchange = Exchange("LOGIN")
        exchange.start(b64(name))
        exchange.answer(b64(secret))

    assert fault(run) is Fault.FORM


# -- OAUTHBEARER and XOAUTH2


def test_oauthbearer_as_in_the_rfc():
    """RFC 7628 §4.1."""
    message = (
        "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
        "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01"
    )
    expected = Claim("user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", bearer=True)
    assert said("OAUTHBEARER", message) == expected


@given(NAMES, TOKENS)
def test_names_in_oauthbearer_come_back(name, token):
    written = name.replace("=", "=3D").replace(",", "=2C")
    assert said("OAUTHBEARER", f"y,a={written},\x01auth=bearer {token}\x01\x01") == Claim(name, token, bearer=True)


def test_the_token_may_say_who():
    assert said("OAUTHBEARER", "n,,\x01auth=Bearer t\x01\x01") == Claim("", "t", bearer=True)
    assert said("XOAUTH2", "user=\x01auth=Bearer t\x01\x01") == Claim("", "t", bearer=True)


@given(NAMES, TOKENS)
def test_xoauth2(name, token):
    assert said("XOAUTH2", f"user={name}\x01auth=Bearer {token}\x01\x01") == Claim(name, token, bearer=True)


@pytest.mark.parametrize(
    "header", ["", "n", "n,", "n,a=x", "n,,x", "p=,,", "n,b=x,", "n,a=,", "n,a=a=b,", "n,a=a=2c,", "user=x"]
)
def test_bad_headers(header):
    assert fault(said, "OAUTHBEARER", f"{header}\x01auth=Bearer t\x01\x01") is Fault.FORM


@pytest.mark.parametrize(
    "pairs",
    [
        "",
        "\x01\x01",
        "\x01auth=Basic t\x01\x01",
        "\x01auth=Bearer\x01\x01",
        "\x01auth=Bearer \x01\x01",
        "\x01auth=Bearer a b\x01\x01",
        "\x01auth=Bearer t\0\x01\x01",
        "\x01Auth=Bearer t\x01\x01",
        "\x01auth=Bearer t\x01auth=Bearer u\x01\x01",
    ],
)
@pytest.mark.parametrize(("mechanism", "header"), [("OAUTHBEARER", "n,a=x,"), ("XOAUTH2", "user=x")])
def test_bad_tokens(mechanism, header, pairs):
    assert fault(said, mechanism, header + pairs) is Fault.FORM


def test_a_refused_token_is_explained_without_details():
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        assert json.loads(Exchange(mechanism).failure().data)["status"] == "invalid_token"
    for mechanism in ("PLAIN", "LOGIN"):
        assert Exchange(mechanism).failure() is None


# -- lines


def test_unknown_mechanism():
    assert fault(Exchange, "CRAM-MD5") is Fault.MECHANISM
    assert fault(Exchange, "SCRAM-SHA-256-PLUS", dialogue()) is Fault.MECHANISM
    assert fault(Exchange, "SCRAM-SHA-256") is Fault.MECHANISM


# -- SCRAM, as far as it is lines; the messages are in test_scram.py


def test_scram_line_by_line():
    """RFC 5802 §5, with and without an initial response, and the server's proof after it."""
    for at_once in (True, False):
        client, exchange = ScramClient("anna", "geheim", nonce="mine"), Exchange("scram-sha-256", dialogue())
        step = exchange.start(b64(client.first())) if at_once else None
        if step is None:
            assert exchange.start() == Challenge(b"")
            step = exchange.answer(b64(client.first()))
        answer = exchange.answer(b64(client.final(step.data)))
        assert answer.username == "anna"
        signed = scram.signature(answer, scram.keys("geheim", SALT))
        client.check(exchange.success(signed).data)
        assert exchange.failure() is None
        exchange.agreed(b"")
        exchange.agreed(b"=")
        assert fault(exchange.agreed, b"*") is Fault.CANCELLED
        assert fault(exchange.agreed, b"AGEA") is Fault.FORM


def test_only_scram_proves_the_server():
    for mechanism in sasl.MECHANISMS[1:]:
        assert Exchange(mechanism, dialogue()).success(b"") is None


@pytest.mark.parametrize("line", [b"AGEAYg", b"A GE", b"%%%%", b"AGEAYg==x", b"=AGE", b"AGEA\r\n", b"\xff", b"AGE"])
def test_base64_is_strict(line):
    for mechanism in sasl.MECHANISMS:
        assert fault(begun(mechanism).start, line) is Fault.BASE64
        assert fault(begun(mechanism).answer, line) is Fault.BASE64


def test_an_equals_sign_is_empty_only_at_the_start():
    assert fault(Exchange("PLAIN").start, b"=") is Fault.FORM
    assert fault(Exchange("PLAIN").answer, b"=") is Fault.BASE64
    assert fault(Exchange("PLAIN").answer, b"") is Fault.FORM


def test_a_star_cancels():
    exchange = Exchange("LOGIN")
    exchange.start()
    assert fault(exchange.answer, b"*") is Fault.CANCELLED
    assert fault(Exchange("LOGIN").start, b"*") is Fault.BASE64


def test_length_is_bounded():
    long = b64("\0a\0" + "p" * 9_213)
    assert len(long) == sasl.LINE_LIMIT
    assert Exchange("PLAIN").start(long).username == "a"
    assert fault(Exchange("PLAIN", limit=100).start, b64("\0a\0" + "p" * 100)) is Fault.TOO_LONG
    assert fault(Exchange("PLAIN").answer, b"A" * (sasl.LINE_LIMIT + 4)) is Fault.TOO_LONG


def test_secrets_are_not_shown():
    assert "geheim" not in repr(Claim("anna", "geheim"))


@given(
    st.sampled_from(sasl.MECHANISMS),
    st.none() | st.binary(max_size=80),
    st.lists(st.binary(max_size=80), max_size=3),
    st.booleans(),
)
def test_whatever_the_octets(mechanism, initial, lines, encoded):
    """Only a challenge, a whole claim, or the one error."""
    exchange = begun(mechanism)
    wire = b64 if encoded else bytes
    try:
        step = exchange.start(None if initial is None else wire(initial))
        for line in lines:
            if not isinstance(step, Challenge):
                break
            step = exchange.answer(wire(line))
    except SaslRefused:
        return
    assert isinstance(step, Challenge | Claim)
    if isinstance(step, Claim):
        assert step.secret
        assert step.bearer or step.username
        assert "\0" not in step.username + step.secret


@given(st.sampled_from(["OAUTHBEARER", "XOAUTH2"]), st.text("n,aBeuthr =user\x01\x002C3D", max_size=60))
def test_whatever_looks_like_a_token(mechanism, message):
    try:
        claim = said(mechanism, message)
    except SaslRefused:
        return
    assert claim.bearer
    assert claim.secret
