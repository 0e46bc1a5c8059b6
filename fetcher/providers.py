"""Presets: from the domain of an address, its mail exchanger or a server's name to what is known of the provider. Pure.

Sources: the providers' own pages and Thunderbird's directory of providers; a preset only fills in a form, the live check decides.
"""

import fnmatch
from collections.abc import Mapping
from types import MappingProxyType

from fetcher.preset import (
    APP_PASSWORD,
    AUTHORISATION_CODE,
    BRIDGE_ONLY,
    CLIENT_PASSWORD,
    LOCAL_PART,
    MAIL_KEY,
    NO_DOOR,
    OAUTH_ONLY,
    OTHER_PROGRAMS,
    PASSWORD,
    PASSWORD_ENABLE,
    Preset,
    preset,
)

_WORLD = (
    preset(
        *("gmail", "Gmail", "gmail.com googlemail.com", "pop.gmail.com", "imap.gmail.com", APP_PASSWORD),
        minimum_interval=600,
        partial_listing=True,
        help_url="https://myaccount.google.com/apppasswords",
        mx="*.google.com *.googlemail.com",
    ),
    preset(
        *("outlook", "Outlook.com"),
        "outlook.com hotmail.com live.com msn.com windowslive.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es"
        " live.co.uk live.fr live.cn outlook.de outlook.fr outlook.it outlook.es outlook.jp outlook.at outlook.dk outlook.in",
        *("outlook.office365.com", "outlook.office365.com", OAUTH_ONLY),
        minimum_interval=300,
        works=False,
        mx="*.olc.protection.outlook.com",
    ),
    preset(
        *(
            "microsoft365",
            "Microsoft 365",
            "onmicrosoft.com",
            "outlook.office365.com",
            "outlook.office365.com",
            OAUTH_ONLY,
        ),
        minimum_interval=300,
        works=False,
        mx="*.mail.protection.outlook.com *.mx.microsoft",
    ),
    preset(
        *("icloud", "iCloud", "icloud.com me.com mac.com", "", "imap.mail.me.com", APP_PASSWORD),
        username=LOCAL_PART,
        help_url="https://account.apple.com",
        mx="*.mail.icloud.com",
    ),
    preset(
        *("yahoo", "Yahoo Mail"),
        "yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.co.uk yahoo.ca yahoo.fr yahoo.de yahoo.it yahoo.es yahoo.se"
        " yahoo.co.in yahoo.in yahoo.com.au yahoo.co.nz yahoo.com.ar yahoo.com.br yahoo.com.mx yahoo.com.tw yahoo.com.hk"
        " yahoo.com.sg yahoo.com.ph yahoo.co.id yahoo.com.vn cox.net",
        *("pop.mail.yahoo.com", "imap.mail.yahoo.com", APP_PASSWORD),
        minimum_interval=300,
        help_url="https://login.yahoo.com/account/security",
        mx="*.yahoodns.net",
    ),
    preset("yahoo-jp", "Yahoo! JAPAN", "yahoo.co.jp", "pop.mail.yahoo.co.jp", "", PASSWORD_ENABLE, username=LOCAL_PART),
    preset(
        *("aol", "AOL", "aol.com aim.com netscape.net netscape.com compuserve.com verizon.net aol.de aol.fr aol.co.uk"),
        *("pop.aol.com", "imap.aol.com", APP_PASSWORD),
        minimum_interval=300,
        help_url="https://login.aol.com/account/security",
    ),
    preset(
        *("att", "AT&T"),
        "att.net bellsouth.net sbcglobal.net ameritech.net pacbell.net prodigy.net swbell.net snet.net flash.net nvbell.net",
        *("inbound.att.net", "imap.mail.att.net", MAIL_KEY),
        minimum_interval=300,
        help_url="https://www.att.com/my",
    ),
    preset("comcast", "Comcast", "comcast.net", "mail.comcast.net", "imap.comcast.net", OTHER_PROGRAMS),
    preset(
        *("gmx-de", "GMX", "gmx.net gmx.de gmx.at gmx.ch gmx.eu gmx.org gmx.info"),
        *("pop.gmx.net", "imap.gmx.net", PASSWORD_ENABLE),
        help_url="https://hilfe.gmx.net/pop-imap/einschalten.html",
    ),
    preset(
        *("gmx", "GMX", "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es gmx.ca gmx.it gmx.pt gmx.se gmx.tw gmx.hk gmx.sg"),
        *("pop.gmx.com", "imap.gmx.com", PASSWORD_ENABLE),
        help_url="https://support.gmx.com/pop-imap/toggle.html",
    ),
    preset(
        *("mail.com", "mail.com", "mail.com email.com post.com usa.com consultant.com engineer.com europe.com"),
        *("pop.mail.com", "imap.mail.com", PASSWORD_ENABLE),
    ),
    preset(
        *("web.de", "WEB.DE", "web.de", "pop3.web.de", "imap.web.de", PASSWORD_ENABLE),
        username=LOCAL_PART,
        minimum_interval=900,
        help_url="https://hilfe.web.de/pop-imap/einschalten.html",
    ),
    preset(
        *("t-online", "T-Online", "t-online.de magenta.de", "securepop.t-online.de", "secureimap.t-online.de"),
        CLIENT_PASSWORD,
    ),
    preset(
        *("vodafone-de", "Vodafone", "vodafonemail.de arcor.de kabelmail.de"),
        *("pop3.vodafonemail.de", "imap.vodafonemail.de", PASSWORD),
    ),
    preset(
        "posteo", "Posteo", "posteo.de posteo.net posteo.eu posteo.at posteo.ch", "posteo.de", "posteo.de", PASSWORD
    ),
    preset("bluewin", "Bluewin", "bluewin.ch bluemail.ch", "pop3s.bluewin.ch", "imaps.bluewin.ch", PASSWORD),
    preset("orange", "Orange", "orange.fr wanadoo.fr", "pop.orange.fr", "imap.orange.fr", PASSWORD),
    preset("free", "Free", "free.fr", "pop.free.fr", "imap.free.fr", PASSWORD, username=LOCAL_PART),
    preset("sfr", "SFR", "sfr.fr neuf.fr club-internet.fr", "pop.sfr.fr", "imap.sfr.fr", PASSWORD),
    preset("laposte", "La Poste", "laposte.net", "pop.laposte.net", "imap.laposte.net", PASSWORD, username=LOCAL_PART),
    preset(
        *("libero", "Libero", "libero.it iol.it blu.it inwind.it giallo.it"),
        *("popmail.libero.it", "imapmail.libero.it", APP_PASSWORD),
    ),
    preset("virgilio", "Virgilio", "virgilio.it", "in.virgilio.it", "in.virgilio.it", PASSWORD),
    preset("sapo", "SAPO", "sapo.pt meo.pt", "pop.sapo.pt", "imap.sapo.pt", PASSWORD),
    preset(
        *("kpn", "KPN", "kpnmail.nl kpnplanet.nl planet.nl hetnet.nl xs4all.nl telfort.nl"),
        *("pop.kpnmail.nl", "imap.kpnmail.nl", PASSWORD),
    ),
    preset(
        *("ziggo", "Ziggo", "ziggo.nl ziggomail.com casema.nl chello.nl upcmail.nl home.nl quicknet.nl"),
        *("pop.ziggo.nl", "imap.ziggo.nl", PASSWORD),
    ),
    preset(
        "proximus", "Proximus", "proximus.be skynet.be belgacom.net", "pop.proximus.be", "imap.proximus.be", PASSWORD
    ),
    preset(
        *(
            "bt",
            "BT",
            "btinternet.com btopenworld.com talk21.com",
            "mail.btinternet.com",
            "mail.btinternet.com",
            PASSWORD,
        ),
    ),
    preset("virginmedia", "Virgin Media", "virginmedia.com", "pop3.virginmedia.com", "imap.virginmedia.com", PASSWORD),
    preset(
        *(
            "telstra",
            "Telstra",
            "bigpond.com bigpond.net.au telstra.com",
            "pop.telstra.com",
            "imap.telstra.com",
            PASSWORD,
        ),
    ),
    preset(
        *("yandex", "Yandex", "yandex.com yandex.ru yandex.net yandex.by yandex.kz yandex.ua ya.ru narod.ru"),
        *("pop.yandex.com", "imap.yandex.com", APP_PASSWORD),
        help_url="https://id.yandex.com/security/app-passwords",
        mx="mx.yandex.net mx.yandex.ru",
    ),
    preset(
        *("mail.ru", "Mail.ru", "mail.ru inbox.ru list.ru bk.ru", "pop.mail.ru", "imap.mail.ru", APP_PASSWORD),
        mx="emx.mail.ru",
    ),
    preset("rambler", "Rambler", "rambler.ru", "pop.rambler.ru", "imap.rambler.ru", PASSWORD),
    preset("seznam", "Seznam", "seznam.cz email.cz post.cz", "pop3.seznam.cz", "imap.seznam.cz", PASSWORD),
    preset("wp", "WP", "wp.pl", "pop3.wp.pl", "imap.wp.pl", PASSWORD, username=LOCAL_PART),
    preset(
        *("onet", "Onet", "onet.pl onet.eu op.pl vp.pl poczta.onet.pl poczta.onet.eu"),
        *("pop3.poczta.onet.pl", "imap.poczta.onet.pl", PASSWORD),
    ),
    preset(
        *("o2", "o2", "o2.pl go2.pl tlen.pl prokonto.pl", "poczta.o2.pl", "poczta.o2.pl", PASSWORD),
        username=LOCAL_PART,
    ),
    preset("uol", "UOL", "uol.com.br", "pop3.uol.com.br", "imap.uol.com.br", PASSWORD, username=LOCAL_PART),
    preset("bol", "BOL", "bol.com.br", "pop3.bol.com.br", "imap.bol.com.br", PASSWORD, username=LOCAL_PART),
    preset(
        *("zoho", "Zoho Mail", "zoho.com zohomail.com", "pop.zoho.com", "imap.zoho.com", APP_PASSWORD),
        help_url="https://accounts.zoho.com/home#security/app_password",
    ),
    preset(
        *("zoho-eu", "Zoho Mail", "zoho.eu zohomail.eu", "pop.zoho.eu", "imap.zoho.eu", APP_PASSWORD),
        help_url="https://accounts.zoho.eu/home#security/app_password",
    ),
    preset("zoho-in", "Zoho Mail", "zoho.in zohomail.in", "pop.zoho.in", "imap.zoho.in", APP_PASSWORD),
    preset(
        *("fastmail", "Fastmail", "fastmail.com fastmail.fm", "pop.fastmail.com", "imap.fastmail.com", APP_PASSWORD),
        help_url="https://app.fastmail.com/settings/security/integrations",
        mx="*.messagingengine.com",
    ),
    preset(
        *("proton", "Proton Mail", "proton.me protonmail.com protonmail.ch pm.me", "", "", BRIDGE_ONLY),
        help_url="https://proton.me/mail/bridge",
        mx="mail.protonmail.ch mailsec.protonmail.ch",
    ),
    preset(
        *("tuta", "Tuta", "tuta.com tuta.io tutanota.com tutanota.de tutamail.com keemail.me", "", "", NO_DOOR),
        works=False,
        mx="mail.tutanota.de",
    ),
)

_EAST = (
    preset(
        *("qq", "QQ 邮箱", "qq.com foxmail.com vip.qq.com", "pop.qq.com", "imap.qq.com", AUTHORISATION_CODE),
        minimum_interval=120,
        help_url="https://mail.qq.com",
    ),
    preset(
        "163", "网易 163", "163.com", "pop.163.com", "imap.163.com", AUTHORISATION_CODE, help_url="https://mail.163.com"
    ),
    preset("vip163", "网易 VIP", "vip.163.com", "pop.vip.163.com", "imap.vip.163.com", AUTHORISATION_CODE),
    preset(
        "126", "网易 126", "126.com", "pop.126.com", "imap.126.com", AUTHORISATION_CODE, help_url="https://mail.126.com"
    ),
    preset(
        *("yeah", "网易 yeah.net", "yeah.net", "pop.yeah.net", "imap.yeah.net", AUTHORISATION_CODE),
        help_url="https://www.yeah.net",
    ),
    preset("sina", "新浪", "sina.com", "pop.sina.com", "imap.sina.com", AUTHORISATION_CODE),
    preset("sina-cn", "新浪", "sina.cn", "pop.sina.cn", "imap.sina.cn", AUTHORISATION_CODE),
    preset("vip-sina", "新浪 VIP", "vip.sina.com", "pop.vip.sina.com", "imap.vip.sina.com", AUTHORISATION_CODE),
    preset("sohu", "搜狐", "sohu.com", "pop3.sohu.com", "imap.sohu.com", CLIENT_PASSWORD),
    preset("aliyun", "阿里云", "aliyun.com", "pop3.aliyun.com", "imap.aliyun.com", PASSWORD),
    preset("139", "中国移动 139", "139.com", "pop.139.com", "imap.139.com", AUTHORISATION_CODE),
    preset("189", "中国电信 189", "189.cn", "pop.189.cn", "imap.189.cn", PASSWORD),
    preset(
        *("exmail", "腾讯企业邮箱", "exmail.qq.com", "pop.exmail.qq.com", "imap.exmail.qq.com", CLIENT_PASSWORD),
        help_url="https://exmail.qq.com",
        mx="mxbiz*.qq.com",
    ),
    preset(
        *("qiye163", "网易企业邮箱", "qiye.163.com", "pop3.qiye.163.com", "imap.qiye.163.com", CLIENT_PASSWORD),
        help_url="https://qiye.163.com",
        mx="*.qiye.163.com *.ym.163.com",
    ),
    preset(
        *("qiye-aliyun", "阿里企业邮箱", "qiye.aliyun.com", "pop.qiye.aliyun.com", "imap.qiye.aliyun.com"),
        CLIENT_PASSWORD,
        help_url="https://qiye.aliyun.com",
        mx="*.mxhichina.com *.qiye.aliyun.com",
    ),
    preset("feishu", "飞书邮箱", "feishu.cn", "pop.feishu.cn", "imap.feishu.cn", CLIENT_PASSWORD, mx="*.feishu.cn"),
    preset("263", "263", "263.net", "pop.263.net", "imap.263.net", CLIENT_PASSWORD, mx="*.263.net *.263xmail.com"),
    preset("naver", "Naver", "naver.com", "pop.naver.com", "imap.naver.com", APP_PASSWORD),
    preset("daum", "Daum", "daum.net hanmail.net kakao.com", "pop.daum.net", "imap.daum.net", APP_PASSWORD),
)

_HOSTS = (
    preset(
        "ionos", "IONOS", "", "pop.ionos.com", "imap.ionos.com", PASSWORD, mx="*.ionos.com *.ionos.co.uk *.1and1.com"
    ),
    preset("ionos-de", "IONOS", "", "pop.ionos.de", "imap.ionos.de", PASSWORD, mx="*.ionos.de *.kundenserver.de"),
    preset("strato", "STRATO", "", "pop3.strato.de", "imap.strato.de", PASSWORD, mx="*.rzone.de"),
    preset("ovh", "OVHcloud", "", "ssl0.ovh.net", "ssl0.ovh.net", PASSWORD, mx="mx?.mail.ovh.net mx?.ovh.net"),
    preset("gandi", "Gandi", "", "mail.gandi.net", "mail.gandi.net", PASSWORD, mx="*.mail.gandi.net"),
    preset(
        "godaddy", "GoDaddy", "", "pop.secureserver.net", "imap.secureserver.net", PASSWORD, mx="*.secureserver.net"
    ),
    preset(
        "privateemail",
        "Namecheap",
        "",
        "mail.privateemail.com",
        "mail.privateemail.com",
        PASSWORD,
        mx="*.privateemail.com",
    ),
    preset("zoho-pro", "Zoho Mail", "", "poppro.zoho.com", "imappro.zoho.com", APP_PASSWORD, mx="*.zoho.com"),
    preset("zoho-pro-eu", "Zoho Mail", "", "poppro.zoho.eu", "imappro.zoho.eu", APP_PASSWORD, mx="*.zoho.eu"),
    preset("zoho-pro-in", "Zoho Mail", "", "poppro.zoho.in", "imappro.zoho.in", APP_PASSWORD, mx="*.zoho.in"),
)

PRESETS: tuple[Preset, ...] = _WORLD + _EAST + _HOSTS

BY_DOMAIN: Mapping[str, Preset] = MappingProxyType({d: p for p in PRESETS for d in p.domains})
_BY_HOST: Mapping[str, Preset] = MappingProxyType({h: p for p in reversed(PRESETS) for h in (p.pop3, p.imap) if h})
"""Where two share a server, the one that people know by its addresses comes first."""


def for_domain(domain: str) -> Preset | None:
    return BY_DOMAIN.get(domain.strip().rstrip(".").lower())


def for_address(address: str) -> Preset | None:
    """Return the preset of the provider that an address belongs to."""
    return for_domain(address.rpartition("@")[2])


def by_host(host: str) -> Preset | None:
    return _BY_HOST.get(host.lower())


def by_exchanger(host: str) -> Preset | None:
    """Return who hosts a domain, by the name of the server that takes its mail."""
    name = host.rstrip(".").lower()
    return next((p for p in PRESETS for pattern in p.exchangers if fnmatch.fnmatchcase(name, pattern)), None)
