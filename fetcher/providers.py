"""Presets: from the domain of an address to the provider's server and the secret that it wants. Pure.

`secret` and `note` are texts for people, marked for the translators. Sources: the providers' own pages and Thunderbird's
database of providers; a preset only fills in a form, the live check decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fetcher.errors import N_

PASSWORD = N_("Use the password of the account.")
PASSWORD_ENABLE = N_("Use the password of the account; POP3 has to be switched on in the provider's settings first.")
APP_PASSWORD = N_("Use an app password made in the provider's security settings, not the normal password.")
AUTHORISATION_CODE = N_("Use the authorisation code from Settings > Account at the provider, not the password.")
CLIENT_PASSWORD = N_("Use the client password made in the provider's settings, not the password of the web page.")
OAUTH_ONLY = N_("This provider accepts only its own sign-in page (OAuth), no password.")


@dataclass(frozen=True, slots=True)
class Preset:
    """One provider. `port` 995 with TLS unless said otherwise; `username` is `address` or `local`."""

    key: str
    label: str
    domains: tuple[str, ...]
    host: str
    secret: str
    port: int = 995
    tls: str = "implicit"
    protocol: str = "pop3"
    """`imap` where there is no POP3."""
    username: str = "address"
    minimum_interval: int = 0
    """Seconds that the provider wants between two visits."""
    partial_listing: bool = False
    """A session offers only the oldest messages not collected yet; the next one offers more."""
    works: bool = True
    """False where no password can work."""
    help_url: str = ""

    def username_for(self, address: str) -> str:
        return address.partition("@")[0] if self.username == "local" else address


PRESETS = (
    Preset(
        "gmail",
        "Gmail",
        ("gmail.com", "googlemail.com"),
        "pop.gmail.com",
        APP_PASSWORD,
        minimum_interval=600,
        partial_listing=True,
        help_url="https://myaccount.google.com/apppasswords",
    ),
    Preset(
        "outlook",
        "Outlook.com",
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "outlook.de", "live.cn"),
        "outlook.office365.com",
        OAUTH_ONLY,
        minimum_interval=300,
        works=False,
    ),
    Preset(
        "icloud",
        "iCloud",
        ("icloud.com", "me.com", "mac.com"),
        "imap.mail.me.com",
        APP_PASSWORD,
        port=993,
        protocol="imap",
        username="local",
        help_url="https://account.apple.com",
    ),
    Preset(
        "yahoo",
        "Yahoo Mail",
        (
            "yahoo.com",
            "ymail.com",
            "rocketmail.com",
            "yahoo.co.uk",
            "yahoo.fr",
            "yahoo.de",
            "yahoo.com.tw",
            "yahoo.com.hk",
        ),
        "pop.mail.yahoo.com",
        APP_PASSWORD,
        minimum_interval=300,
    ),
    Preset("aol", "AOL", ("aol.com", "aim.com", "verizon.net"), "pop.aol.com", APP_PASSWORD, minimum_interval=300),
    Preset("gmx-de", "GMX", ("gmx.net", "gmx.de", "gmx.at", "gmx.ch"), "pop.gmx.net", PASSWORD_ENABLE),
    Preset("gmx", "GMX", ("gmx.com", "gmx.us", "gmx.co.uk", "gmx.fr"), "pop.gmx.com", PASSWORD_ENABLE),
    Preset("web.de", "WEB.DE", ("web.de",), "pop3.web.de", PASSWORD_ENABLE, username="local", minimum_interval=900),
    Preset("t-online", "T-Online", ("t-online.de", "magenta.de"), "securepop.t-online.de", CLIENT_PASSWORD),
    Preset("orange", "Orange", ("orange.fr", "wanadoo.fr"), "pop.orange.fr", PASSWORD),
    Preset("free", "Free", ("free.fr",), "pop.free.fr", PASSWORD, username="local"),
    Preset("laposte", "La Poste", ("laposte.net",), "pop.laposte.net", PASSWORD, username="local"),
    Preset("libero", "Libero", ("libero.it", "iol.it", "blu.it", "inwind.it"), "popmail.libero.it", APP_PASSWORD),
    Preset(
        "yandex",
        "Yandex",
        ("yandex.com", "yandex.ru", "ya.ru", "narod.ru", "yandex.kz", "yandex.by"),
        "pop.yandex.com",
        APP_PASSWORD,
    ),
    Preset("mail.ru", "Mail.ru", ("mail.ru", "inbox.ru", "list.ru", "bk.ru"), "pop.mail.ru", APP_PASSWORD),
    Preset("seznam", "Seznam", ("seznam.cz", "email.cz", "post.cz"), "pop3.seznam.cz", PASSWORD),
    Preset("zoho", "Zoho Mail", ("zoho.com", "zohomail.com"), "pop.zoho.com", APP_PASSWORD),
    Preset("fastmail", "Fastmail", ("fastmail.com", "fastmail.fm"), "pop.fastmail.com", APP_PASSWORD),
    Preset("naver", "Naver", ("naver.com",), "pop.naver.com", APP_PASSWORD),
    Preset("daum", "Daum", ("daum.net", "hanmail.net", "kakao.com"), "pop.daum.net", APP_PASSWORD),
    Preset(
        "qq",
        "QQ 邮箱",
        ("qq.com", "foxmail.com", "vip.qq.com"),
        "pop.qq.com",
        AUTHORISATION_CODE,
        minimum_interval=120,
        help_url="https://mail.qq.com",
    ),
    Preset("163", "网易 163", ("163.com",), "pop.163.com", AUTHORISATION_CODE, help_url="https://mail.163.com"),
    Preset("vip163", "网易 VIP", ("vip.163.com",), "pop.vip.163.com", AUTHORISATION_CODE),
    Preset("126", "网易 126", ("126.com",), "pop.126.com", AUTHORISATION_CODE, help_url="https://mail.126.com"),
    Preset("yeah", "网易 yeah.net", ("yeah.net",), "pop.yeah.net", AUTHORISATION_CODE, help_url="https://www.yeah.net"),
    Preset("sina", "新浪", ("sina.com",), "pop.sina.com", AUTHORISATION_CODE),
    Preset("sina-cn", "新浪", ("sina.cn",), "pop.sina.cn", AUTHORISATION_CODE),
    Preset("vip-sina", "新浪 VIP", ("vip.sina.com",), "pop.vip.sina.com", AUTHORISATION_CODE),
    Preset("sohu", "搜狐", ("sohu.com",), "pop3.sohu.com", CLIENT_PASSWORD),
    Preset("aliyun", "阿里云", ("aliyun.com",), "pop3.aliyun.com", PASSWORD),
    Preset("139", "中国移动 139", ("139.com",), "pop.139.com", AUTHORISATION_CODE),
    Preset("189", "中国电信 189", ("189.cn",), "pop.189.cn", PASSWORD),
)

BY_DOMAIN: Mapping[str, Preset] = MappingProxyType({d: p for p in PRESETS for d in p.domains})
_BY_HOST: Mapping[str, Preset] = MappingProxyType({p.host: p for p in PRESETS})


def for_address(address: str) -> Preset | None:
    """Return the preset of the provider that an address belongs to."""
    return BY_DOMAIN.get(address.rpartition("@")[2].strip().rstrip(".").lower())


def by_host(host: str) -> Preset | None:
    return _BY_HOST.get(host.lower())
