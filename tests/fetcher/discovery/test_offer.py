import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.discovery import offer as offers
from fetcher.discovery.offer import Found, Offer, Origin, acceptable, domain_of, filled, found, name_of


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Mail.Mill.FI", "mail.mill.fi"),
        ("mill.fi.", "mill.fi"),
        ("bücher.de", "xn--bcher-kva.de"),
        ("邮箱.中国", "xn--c0zu34b.xn--fiqs8s"),
        ("localhost", None),
        ("db.internal", None),
        ("printer.local", None),
        ("a.example", None),
        ("example.org", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("1.2.3.4.5", None),
        ("0x7f.1", None),
        ("mill.fi:25", None),
        ("user@mill.fi", None),
        ("mill.fi/x", None),
        ("-a.fi", None),
        ("a..fi", None),
        ("a b.fi", None),
        ("a" * 64 + ".fi", None),
        (".".join(["abcdefgh"] * 40) + ".fi", None),
        ("", None),
    ],
)
def test_names_of_the_internet(typed, name):
    assert name_of(typed) == name


@given(st.text())
def test_whatever_is_typed_gives_a_name_or_none(text):
    name = name_of(text)
    assert name is None or (name_of(name) == name and all(c.isalnum() or c in "-." for c in name) and name.isascii())


@pytest.mark.parametrize(
    ("address", "domain"),
    [("a@mill.fi", "mill.fi"), ("@mill.fi", None), ("mill.fi", None), ("a@", None), ("a@b", None)],
)
def test_where_to_look(address, domain):
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("%EMAILADDRESS%", "ann@mill.fi"),
        ("%EMAILLOCALPART%", "ann"),
        ("%EMAILLOCALPART%.%EMAILDOMAIN%", "ann.mill.fi"),
        ("%REALNAME%", "ann@mill.fi"),
        ("fixed", "fixed"),
        ("", "ann@mill.fi"),
    ],
)
def test_user_names(pattern, name):
    assert filled(pattern, "ann@mill.fi") == name


def test_an_address_with_percent_signs_is_filled_in_once():
    assert filled("%EMAILADDRESS%", "a%b@mill.fi") == "a%b@mill.fi"


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"tls": "starttls", "port": 143}, True),
        ({"tls": "none"}, False),
        ({"port": 25}, False),
        ({"port": 6379}, False),
        ({"protocol": "exchange"}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "localhost"}, False),
        ({"username": "a\r\nb"}, False),
        ({"username": "a" * 400}, False),
    ],
)
def test_what_a_stranger_may_propose(change, fits):
    plain = {"protocol": "imap", "host": "imap.mill.fi", "port": 993, "tls": "implicit"}
    assert acceptable(Offer(**(plain | change))) is fits


def test_the_first_of_each_protocol_is_kept_and_one_without_passwords_only_where_there_is_no_other():
    oauth = Offer("imap", "oauth.mill.fi", 993, "implicit", password_works=False)
    good, later = Offer("imap", "imap.mill.fi", 993, "implicit"), Offer("imap", "b.mill.fi", 143, "starttls")
    pop = Offer("pop3", "pop.mill.fi", 995, "implicit")
    result = found(Origin.PROVIDER, "mill.fi", "Mill", [oauth, good, later, pop])
    assert result.offers == (good, pop) and result.works and result.secret == ""
    only = found(Origin.PROVIDER, "mill.fi", "Mill", [oauth])
    assert not only.works and "OAuth" in only.secret
    assert found(Origin.PROVIDER, "mill.fi", "Mill", []) is None


def test_a_server_that_we_know_brings_what_its_provider_wants():
    result = found(Origin.DNS, "mill.fi", "mill.fi", [Offer("pop3", "pop.fastmail.com", 995, "implicit")])
    assert result.preset.key == "fastmail" and "app password" in result.secret and not result.must_be_compared


@pytest.mark.parametrize(
    ("origin", "host", "compare"),
    [
        (Origin.PROVIDER, "mail.hoster.net", False),
        (Origin.DIRECTORY, "mail.hoster.net", False),
        (Origin.DNS, "mail.hoster.net", True),
        (Origin.DNS, "mail.mill.fi", False),
        (Origin.DNS, "mail.notmill.fi", True),
        (Origin.HOST, "mail.hoster.net", True),
        (Origin.UNPROTECTED, "mail.hoster.net", True),
    ],
)
def test_what_others_could_have_written_is_to_be_compared(origin, host, compare):
    assert Found(origin, "mill.fi", "Mill", (Offer("imap", host, 993, "implicit"),)).must_be_compared is compare


def test_labels_of_strangers_are_one_short_line():
    assert offers.printable(" A\r\n\x1b[1m \u202eB\x00 " + "x" * 100, 20) == "A [1m B xxxxxxxxxxxx"
