import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.discovery.autoconfig import ELEMENT_LIMIT, SIZE_LIMIT, NotSettings, parse
from fetcher.discovery.offer import Offer, Origin, acceptable

SERVER = """<incomingServer type="{type}"><hostname>{host}</hostname><port>{port}</port><socketType>{tls}</socketType>
<authentication>{way}</authentication><username>{name}</username></incomingServer>"""
PLAIN = {
    "type": "imap",
    "host": "imap.mill.fi",
    "port": "993",
    "tls": "SSL",
    "way": "password-cleartext",
    "name": "%EMAILADDRESS%",
}


def server(**change):
    return SERVER.format(**(PLAIN | change))


def document(*servers, label="The Mill", before='<?xml version="1.0" encoding="UTF-8"?>'):
    inside = "".join(servers)
    return (
        f'{before}<clientConfig version="1.1"><emailProvider id="mill.fi"><domain>mill.fi</domain>'
        f"<displayName>{label}</displayName>{inside}"
        '<outgoingServer type="smtp"><hostname>smtp.mill.fi</hostname><port>465</port></outgoingServer>'
        "</emailProvider><webMail><loginPage url='https://mill.fi'/></webMail></clientConfig>"
    ).encode()


def read(octets):
    return parse(octets, "mill.fi", Origin.PROVIDER)


def test_a_whole_document():
    pop = server(type="pop3", host="pop.mill.fi", port="110", tls="STARTTLS", name="%EMAILLOCALPART%")
    result = read(document(server(), pop))
    assert result.label == "The Mill" and result.origin is Origin.PROVIDER and result.domain == "mill.fi"
    assert result.offers == (
        Offer("imap", "imap.mill.fi", 993, "implicit", "%EMAILADDRESS%"),
        Offer("pop3", "pop.mill.fi", 110, "starttls", "%EMAILLOCALPART%"),
    )


def test_the_domain_stands_for_itself_in_names():
    assert read(document(server(host="mail.%EMAILDOMAIN%"))).offers[0].host == "mail.mill.fi"


def test_a_document_without_a_label_is_called_by_its_domain():
    assert read(document(server(), label="")).label == "mill.fi"


@pytest.mark.parametrize(
    "change",
    [
        {"tls": "plain"},
        {"tls": ""},
        {"tls": "nonsense"},
        {"type": "exchange"},
        {"type": ""},
        {"host": "127.0.0.1"},
        {"host": "169.254.169.254"},
        {"host": "localhost"},
        {"host": "redis.internal"},
        {"host": "imap.mill.fi/x"},
        {"port": "6379"},
        {"port": "-1"},
        {"port": "99999999999"},
        {"port": "٩٩٣"},
        {"name": "a\x7fb"},
    ],
)
def test_what_must_not_be_proposed_is_not(change):
    with pytest.raises(NotSettings):
        read(document(server(**change)))
    assert len(read(document(server(**change), server())).offers) == 1


def test_a_server_that_takes_no_password_is_told_apart():
    assert not read(document(server(way="OAuth2"))).works
    both = server(way="OAuth2</authentication><authentication>password-cleartext")
    assert read(document(both)).works


BOMB = """<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>"""
OUTSIDE = """<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>"""
ELSEWHERE = """<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">"""
PARAMETER = """<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]>"""


@pytest.mark.parametrize("before", [BOMB, OUTSIDE, ELSEWHERE, PARAMETER, "<!DOCTYPE clientConfig>"])
def test_a_document_type_is_refused_whatever_it_holds(before):
    """security.md T053: no entity is ever defined, and nothing outside is ever loaded."""
    with pytest.raises(NotSettings):
        read(document(server(), before=before))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html><body>Not found</body></html>",
        b"<clientConfig>",
        b"<clientConfig/>",
        document(),
        document(server())[:-20],
        document(server(name="&a;")),
        document(server() * 30),
        document(server(), "<x/>" * (ELEMENT_LIMIT + 1)),
        document(server(), "<x>" * 20 + "</x>" * 20),
        document(server(name="a" * 600)),
        document(server()) + b" " * SIZE_LIMIT,
        document(server()).replace(b"imap.", b"\xff\xfe."),
        "<clientConfig/>".encode("utf-16"),
    ],
)
def test_what_is_no_settings_is_refused(octets):
    with pytest.raises(NotSettings):
        read(octets)


def test_a_long_description_is_not_kept_and_does_no_harm():
    assert read(document(server(), f"<documentation><descr>{'x' * 5000}</descr></documentation>")).works


def test_octets_are_utf_8_whatever_they_say():
    octets = document(server(), label="Mühle", before='<?xml version="1.0" encoding="unicode_escape"?>')
    assert read(octets).label == "Mühle"


@given(st.binary(max_size=400))
def test_any_octets_are_refused_in_order(octets):
    with pytest.raises(NotSettings):
        read(octets)


@given(st.lists(st.sampled_from([*PLAIN]), max_size=3), st.text(max_size=40), st.integers(0, 400))
def test_whatever_stands_in_it_only_what_is_acceptable_comes_out(fields, text, cut):
    octets = document(server(**dict.fromkeys(fields, text)))
    for part in (octets, octets[:-cut] if cut else octets):
        try:
            result = read(part)
        except NotSettings:
            continue
        assert all(acceptable(o) for o in result.offers)
