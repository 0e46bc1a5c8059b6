"""The header of the newer mechanisms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import gs2
from server.accounts.sasl_refusal import Fault, SaslRefused


def fault(call, *arguments):
    with pytest.raises(SaslRefused) as caught:
        call(*arguments)
    return caught.value.fault


@pytest.mark.parametrize(
    ("message", "octets", "acting_as", "rest"),
    [
        ("n,,n=user", "n,,", "", "n=user"),
        ("y,,", "y,,", "", ""),
        ("n,a=anna,n=x,r=y", "n,a=anna,", "anna", "n=x,r=y"),
        ("y,a=a=2Cb=3Dc,rest", "y,a=a=2Cb=3Dc,", "a,b=c", "rest"),
    ],
)
def test_headers(message, octets, acting_as, rest):
    assert gs2.header(message) == (gs2.Header(octets, acting_as), rest)


def test_channel_binding_is_not_offered():
    """RFC 5802 §6: who asks for it without its being offered is refused; who could and believes we cannot (`y`) is right."""
    assert fault(gs2.header, "p=tls-exporter,,n=x") is Fault.BINDING
    assert fault(gs2.header, "p=tls-unique,a=x,n=x") is Fault.BINDING


@pytest.mark.parametrize(
    "message", ["", ",", "n", "n,", "n=x", "N,,", "F,n,,", "p,,", "p=a_b,,", "n,a=,", "n,b=x,", "n,a=\0,"]
)
def test_what_is_none(message):
    assert fault(gs2.header, message) is Fault.FORM


@given(st.text(min_size=1, max_size=60).filter(lambda text: "\0" not in text))
def test_names_both_ways(name):
    written = name.replace("=", "=3D").replace(",", "=2C")
    assert gs2.name(written) == name
    assert gs2.header(f"n,a={written},") == (gs2.Header(f"n,a={written},", name), "")


@pytest.mark.parametrize("written", ["=", "a=b", "=2c", "=3d", "=2", "x=41", "==2C"])
def test_an_equals_sign_stands_for_nothing_else(written):
    assert fault(gs2.name, written) is Fault.FORM
