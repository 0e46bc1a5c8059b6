import pytest

from fetcher import account, providers
from fetcher.discovery.offer import Origin, of_preset
from fetcher.guard import PUBLIC_PORTS
from fetcher.preset import TLS_PORTS


def test_every_domain_belongs_to_one_provider():
    domains = [d for p in providers.PRESETS for d in p.domains]
    assert len(domains) == len(set(domains)) and len(providers.PRESETS) >= 70
    assert all(d == d.lower() and "." in d for d in domains)
    assert len({p.key for p in providers.PRESETS}) == len(providers.PRESETS)


@pytest.mark.parametrize(
    ("address", "pop3", "imap"),
    [
        ("ann@gmail.com", "pop.gmail.com", "imap.gmail.com"),
        ("ANN@QQ.COM", "pop.qq.com", "imap.qq.com"),
        ("x@vip.163.com", "pop.vip.163.com", "imap.vip.163.com"),
        ("x@yeah.net", "pop.yeah.net", "imap.yeah.net"),
        ("x@hotmail.com", "outlook.office365.com", "outlook.office365.com"),
        ("x@sina.cn", "pop.sina.cn", "imap.sina.cn"),
        ("x@me.com", "", "imap.mail.me.com"),
        ("x@yahoo.co.jp", "pop.mail.yahoo.co.jp", ""),
        ("x@web.de", "pop3.web.de", "imap.web.de"),
        ("x@bellsouth.net", "inbound.att.net", "imap.mail.att.net"),
    ],
)
def test_known_addresses(address, pop3, imap):
    known = providers.for_address(address)
    assert (known.host("pop3"), known.host("imap")) == (pop3, imap)


def test_unknown_ones_have_none():
    assert providers.for_address("x@example.org") is None
    assert providers.for_address("no address") is None


@pytest.mark.parametrize(
    ("exchanger", "key"),
    [
        ("aspmx.l.google.com", "gmail"),
        ("ALT1.ASPMX.L.GOOGLE.COM.", "gmail"),
        ("mill-fi.mail.protection.outlook.com", "microsoft365"),
        ("hotmail-com.olc.protection.outlook.com", "outlook"),
        ("mxbiz1.qq.com", "exmail"),
        ("mx3.qq.com", None),
        ("qiye163mx01.mxmail.netease.com", None),
        ("mx.qiye.163.com", "qiye163"),
        ("mxn.mxhichina.com", "qiye-aliyun"),
        ("mx1.qiye.aliyun.com", "qiye-aliyun"),
        ("in1-smtp.messagingengine.com", "fastmail"),
        ("mx00.ionos.de", "ionos-de"),
        ("mx1.privateemail.com", "privateemail"),
        ("aspmx.l.google.com.evil.net", None),
        ("notgoogle.com", None),
        ("", None),
    ],
)
def test_who_hosts_a_domain_is_told_by_its_exchanger(exchanger, key):
    known = providers.by_exchanger(exchanger)
    assert (known.key if known else None) == key


def test_by_imap_nobody_is_kept_waiting_for_a_rule_of_pop3():
    gmail = providers.by_host("IMAP.gmail.com")
    assert gmail.key == "gmail"
    assert (gmail.pause("pop3"), gmail.pause("imap")) == (600, 0)
    assert (gmail.offers_more("pop3"), gmail.offers_more("imap")) == (True, False)


@pytest.mark.parametrize("known", providers.PRESETS, ids=lambda p: p.key)
def test_every_preset_can_be_proposed_and_stored(known):
    assert known.secret.endswith(".") and known.label
    assert known.help_url == "" or known.help_url.startswith("https://")
    for protocol in account.PROTOCOLS:
        assert TLS_PORTS[protocol] in PUBLIC_PORTS[protocol]
        assert known.host(protocol) == known.host(protocol).lower()
    offers = of_preset(known, Origin.ADDRESS, "x.net").offers
    assert bool(offers) is (known.key not in ("proton", "tuta"))
    if offers:
        assert offers[0].protocol == known.protocol
        assert all(o.host and o.tls in account.TLS_CHOICES for o in offers)
        assert offers[0].username_for("ann@x.net") in ("ann", "ann@x.net")
