import pytest

from fetcher import account, providers


def test_every_domain_belongs_to_one_provider():
    domains = [d for p in providers.PRESETS for d in p.domains]
    assert len(domains) == len(set(domains)) and len(providers.PRESETS) >= 25
    assert all(d == d.lower() and "." in d for d in domains)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("ann@gmail.com", "pop.gmail.com"),
        ("ANN@QQ.COM", "pop.qq.com"),
        ("x@vip.163.com", "pop.vip.163.com"),
        ("x@yeah.net", "pop.yeah.net"),
        ("x@hotmail.com", "outlook.office365.com"),
        ("x@sina.cn", "pop.sina.cn"),
    ],
)
def test_known_addresses(address, host):
    assert providers.for_address(address).host == host


def test_unknown_ones_have_none():
    assert providers.for_address("x@example.org") is None
    assert providers.for_address("no address") is None


def test_what_to_sign_in_with():
    assert providers.for_address("ann@web.de").username_for("ann@web.de") == "ann"
    assert providers.for_address("ann@gmail.com").username_for("ann@gmail.com") == "ann@gmail.com"


def test_presets_can_be_stored():
    for preset in providers.PRESETS:
        assert preset.tls in account.TLS_CHOICES and preset.secret.endswith(".")
