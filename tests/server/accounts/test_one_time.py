"""The vectors of the RFCs, and what a window of codes lets through."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.accounts import one_time

KEY = b"12345678901234567890"


@pytest.mark.parametrize(
    ("counter", "code"),
    list(
        enumerate(["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"])
    ),
)
def test_rfc_4226_appendix_d(counter, code):
    assert one_time.hotp(KEY, counter) == code


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_rfc_6238_appendix_b(seconds, code):
    assert one_time.totp(KEY, seconds, digits=8) == code
    assert one_time.accepted(KEY, code[2:], seconds) == seconds // 30


@pytest.mark.parametrize(("off", "fine"), [(-61, False), (-30, True), (0, True), (30, True), (61, False)])
def test_one_step_of_drift(off, fine):
    assert (one_time.accepted(KEY, one_time.totp(KEY, 1_000_020 + off), 1_000_020) is not None) is fine


def test_a_step_is_used_up_with_all_before_it():
    now = 1_000_020
    step = one_time.accepted(KEY, one_time.totp(KEY, now), now)
    assert one_time.accepted(KEY, one_time.totp(KEY, now), now, after=step) is None
    assert one_time.accepted(KEY, one_time.totp(KEY, now - 30), now, after=step) is None
    assert one_time.accepted(KEY, one_time.totp(KEY, now + 30), now, after=step) == step + 1


def test_spaces_are_fine():
    code = one_time.totp(KEY, 90)
    assert one_time.accepted(KEY, f" {code[:3]} {code[3:]} ", 90) == 3


@given(st.text(max_size=12), st.integers(0, 2**40))
def test_whatever_is_typed(text, seconds):
    step = one_time.accepted(KEY, text, seconds)
    assert step is None or one_time.hotp(KEY, step) == "".join(text.split())


@given(st.binary(min_size=1, max_size=64), st.integers(0, 2**63))
def test_a_code_is_six_digits(key, counter):
    assert one_time.looks_like_code(one_time.hotp(key, counter))


@given(st.binary(min_size=20, max_size=20), st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_the_address_gives_the_key_back(key, account, issuer):
    found = urlsplit(one_time.address_of(key, account=account, issuer=issuer))
    values = parse_qs(found.query)
    assert (found.scheme, found.netloc) == ("otpauth", "totp")
    assert base64.b32decode(values["secret"][0]) == key == base64.b32decode(one_time.spelled(key).replace(" ", ""))
    assert values["issuer"] == [issuer]
