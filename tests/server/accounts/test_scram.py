"""SCRAM-SHA-256: the example of its RFC, what is refused, and whatever octets."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import scram
from server.accounts.sasl_refusal import Fault, SaslRefused
from tests.fakes.scram_client import ScramClient

SALT = bytes(range(16))
NONCE = "3rfcNHYJY1ZVvWVs7j-server"
FORMS = st.text(st.sampled_from("ny p=,amrcs\0é=2C3D+/AZx"), max_size=60)


def dialogue():
    return scram.Dialogue(lambda name: SALT, NONCE)


def fault(call, *arguments):
    with pytest.raises(SaslRefused) as caught:
        call(*arguments)
    return caught.value.fault


def begun(client):
    talk = dialogue()
    return talk, talk.first(client.first().decode())


def test_the_example_of_rfc_7677():
    """§3, both ways."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    talk = scram.Dialogue(lambda name: salt, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", iterations=4096)
    client = ScramClient("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert client.first() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    first = talk.first("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert first == b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert client.final(first).decode() == final
    answer = talk.final(final)
    assert answer.username == "user"
    signed = scram.signature(answer, scram.keys("pencil", salt, 4096))
    assert scram.last_message(signed) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_wrong_password_is_no_proof():
    client = ScramClient("anna", "wrong")
    talk, first = begun(client)
    answer = talk.final(client.final(first).decode())
    assert scram.signature(answer, scram.keys("right", SALT)) is None
    assert scram.signature(answer, scram.keys("wrong", b"another salt....")) is None
    assert scram.signature(answer, scram.keys("wrong", SALT, 4096)) is None
    assert scram.signature(answer, scram.keys("wrong", SALT)) is not None


def test_the_password_is_prepared():
    """RFC 5802 §2.2: the client hashes the prepared form."""
    assert scram.keys("\uff50\uff41\uff53\uff53\u3000\u00adword", SALT) == scram.keys("pass word", SALT)


def test_names_are_read_as_they_are_written():
    client = ScramClient("a,b=c@lin.example", "x")
    talk, first = begun(client)
    assert talk.final(client.final(first).decode()).username == "a,b=c@lin.example"


@pytest.mark.parametrize("header", ["n,,", "y,,", "n,a=anna,", "n,a=ANNA,", "y,a=anna,"])
def test_headers_that_are_fine(header):
    client = ScramClient("anna", "x", header=header)
    talk, first = begun(client)
    assert talk.final(client.final(first).decode()).username == "anna"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("p=tls-unique,,n=anna,r=x", Fault.BINDING),
        ("p=tls-server-end-point,,n=anna,r=x", Fault.BINDING),
        ("n,a=bert,n=anna,r=x", Fault.ACTING),
        ("n,,m=new,n=anna,r=x", Fault.EXTENSION),
        ("n,,n=anna,r=x,m=new", Fault.EXTENSION),
        ("", Fault.FORM),
        ("n=anna,r=x", Fault.FORM),
        ("n,,", Fault.FORM),
        ("n,,n=anna", Fault.FORM),
        ("n,,r=x,n=anna", Fault.FORM),
        ("n,,n=,r=x", Fault.FORM),
        ("n,,n=anna,r=", Fault.FORM),
        ("n,,n=anna,r=x\u00e9", Fault.FORM),
        ("n,,n=anna,r=x y", Fault.FORM),
        ("n,,n=anna,r=x,", Fault.FORM),
        ("n,,n=anna,r=x,e", Fault.FORM),
        ("n,,n=anna,r=x,e=", Fault.FORM),
        ("n,,n=an=na,r=x", Fault.FORM),
        ("n,,n=anna,r=x\r\n", Fault.FORM),
        ("n,,n=anna,r=" + "x" * 257, Fault.FORM),
        (" n,,n=anna,r=x", Fault.FORM),
    ],
)
def test_first_messages_that_are_refused(message, why):
    assert fault(dialogue().first, message) is why


def test_optional_extensions_are_passed_over_and_signed():
    client = ScramClient("anna", "x")
    client.bare += ",t=a new thing,u=b"
    talk, first = begun(client)
    answer = talk.final(client.final(first, extensions=",z=1").decode())
    assert scram.signature(answer, scram.keys("x", SALT))


def test_final_messages_that_are_refused():
    client = ScramClient("anna", "x")
    talk, first = begun(client)
    good = client.final(first).decode()
    whole = client.nonce + NONCE
    cases = [
        client.final(first, nonce=client.nonce).decode(),
        client.final(first, nonce=whole + "x").decode(),
        client.final(first, nonce=whole[:-1] + "X").decode(),
        client.final(first, header="y,,").decode(),
        client.final(first, header="n,a=anna,").decode(),
        client.final(first, header="").decode(),
        good.rpartition(",p=")[0],
        good + ",x=y",
        good + "\n",
        good.replace(",p=", ",p=AAAA"),
        good[:-4],
        good.replace("c=biws", "c=biw"),
        good.replace("c=biws", "c=b!ws"),
        "",
        "p=x",
    ]
    for case in cases:
        assert fault(talk.final, case) is Fault.FORM, case
    assert fault(talk.final, client.final(first, extensions=",m=x").decode()) is Fault.EXTENSION
    assert scram.signature(talk.final(good), scram.keys("x", SALT))


def test_nothing_secret_is_shown():
    kept = scram.keys("geheim", SALT)
    client = ScramClient("anna", "geheim")
    talk, first = begun(client)
    shown = repr((kept, talk.final(client.final(first).decode())))
    assert "stored" not in shown and "proof" not in shown and "said" not in shown


@given(FORMS | st.text(max_size=80), FORMS | st.text(max_size=80))
def test_whatever_is_said(first, final):
    """A message, an answer, or the one error; the answer only when both messages have the form."""
    talk = dialogue()
    try:
        said = talk.first(first)
        assert said.isascii() and said.endswith(f",i={scram.ITERATIONS}".encode()) and b"\r" not in said
        talk.final(final)
    except SaslRefused:
        return
    raise AssertionError("nobody guesses the nonce")


@given(st.text(min_size=1, max_size=40).filter(lambda t: "\0" not in t), st.text(min_size=1, max_size=20))
def test_whoever_knows_the_password_proves_it(name, password):
    made = []
    client = ScramClient(name, password)
    talk = scram.Dialogue(lambda n: made.append(n) or SALT, NONCE, iterations=2)
    answer = talk.final(client.final(talk.first(client.first().decode())).decode())
    assert answer.username == name and made == [name]
    kept = scram.keys(password, SALT, 2)
    if password.isascii() and password.isprintable():
        client.check(scram.last_message(scram.signature(answer, kept)))
