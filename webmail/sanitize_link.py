"""Links of mail: which may stay, where they really lead, and when a person is asked first. Pure.

T006, T008: only `https://`, `http://`, `mailto:` and `tel:`. T022: a text that names another host leads to a page that says
so. T023: hosts are written in ASCII (punycode), as the browser will resolve them.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

LEAVE = "/mail/leave"
COMPOSE = "/mail/compose"
MAX_URL = 8_192
MAX_HOST = 253
_STRIPPED = "".join(map(chr, range(33)))
_REMOVED = dict.fromkeys(map(ord, "\t\r\n"))
_SAFE = "%/:=&?~#+!$,;'@()*[]-._"
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]+")
_HOST_IN_TEXT = re.compile(
    r"(?:https?://)?(?:[^\s/@:]*@)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?=[/:?#]|\Z)", re.IGNORECASE
)
_TOP_LEVELS = frozenset(
    [
        "com",
        "org",
        "net",
        "edu",
        "gov",
        "mil",
        "int",
        "info",
        "biz",
        "app",
        "dev",
        "bank",
        "pay",
        "shop",
        "online",
        "site",
        "xyz",
        "top",
        "club",
        "vip",
        "example",
        "eu",
        "uk",
        "de",
        "fr",
        "ch",
        "at",
        "it",
        "es",
        "pt",
        "nl",
        "be",
        "lu",
        "dk",
        "se",
        "no",
        "fi",
        "pl",
        "cz",
        "ru",
        "ua",
        "tr",
        "gr",
        "ie",
        "us",
        "ca",
        "mx",
        "br",
        "ar",
        "au",
        "nz",
        "in",
        "jp",
        "kr",
        "cn",
        "tw",
        "hk",
        "sg",
        "my",
        "th",
        "vn",
        "id",
        "za",
        "io",
        "ai",
    ]
)
"""What makes words with a dot in them an address of the web, and not a file name or a version."""
_MAILTO_FIELDS = ("cc", "subject", "body")


@dataclass(frozen=True, slots=True)
class Link:
    """`href` as it is written into the document; `shown` is what the tooltip says."""

    href: str
    shown: str


def read(value: str, text: str = "") -> Link | None:
    """Judge one href; None when the link has to go.

    Args:
        value: The attribute, character references resolved.
        text: What a person sees of the link.
    """
    # WHATWG URL §4.4: a browser strips C0 controls and spaces at both ends and takes tabs and line ends out everywhere.
    url = value.strip(_STRIPPED).translate(_REMOVED)
    lowered = url[:8].lower()
    if len(url) > MAX_URL or any(ord(c) < 32 for c in url):
        return None
    if lowered.startswith(("https://", "http://")):
        return _web(url, text)
    if lowered.startswith("mailto:"):
        return _mailto(url[7:])
    if lowered.startswith("tel:"):
        number = "".join(c for c in unquote(url[4:]) if c in "+0123456789 -().*#")
        return Link(f"tel:{quote(number, safe='+-().*')}", number) if number.strip() else None
    return None


def host_of(url: str) -> str:
    """The host of a web address in ASCII, or nothing where there is none that could be resolved."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        return ""
    # The IDNA tables turn odd spaces and dots into plain ones; what comes out is judged, not what went in.
    return ascii_host if len(ascii_host) <= MAX_HOST and _HOST.fullmatch(ascii_host) else ""


def web_address(url: str) -> str:
    """The address written anew: ASCII host, no user name in front of it, everything odd percent-encoded."""
    host = host_of(url)
    if not host or not url.lower().startswith(("https://", "http://")):
        return ""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    shown = f"[{host}]" if ":" in host else host
    path, query, fragment = (quote(piece, safe=_SAFE) for piece in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme.lower(), shown + port, path or "/", query, fragment))


def _web(url: str, text: str) -> Link | None:
    clean = web_address(url)
    if not clean:
        return None
    host = host_of(clean)
    try:
        named = urlsplit(url)
        has_user = "@" in named.netloc
    except ValueError:
        return None
    if has_user or _claims_another(text, host):
        claim = " ".join(text.split())[:200]
        return Link(f"{LEAVE}?{urlencode({'to': clean, 'said': claim})}", host)
    return Link(clean, host)


def _claims_another(text: str, host: str) -> bool:
    """Whether what is shown is itself an address, and one of somebody else."""
    shown = " ".join(text.split())
    match = _HOST_IN_TEXT.match(shown)
    if match is None or " " in shown[: match.end()]:
        return False
    is_address = shown.lower().startswith(("http://", "https://", "www."))
    if not is_address and match[1].rpartition(".")[2].lower() not in _TOP_LEVELS:
        return False
    claimed = host_of(f"https://{match[1]}/").removeprefix("www.")
    real = host.removeprefix("www.")
    return bool(claimed) and claimed != real and not real.endswith(f".{claimed}") and not claimed.endswith(f".{real}")


def _mailto(rest: str) -> Link | None:
    # RFC 6068 §2; T085: only to, cc, subject and body are taken over, never bcc or a file.
    addresses, _, query = rest.partition("?")
    to = unquote(addresses).strip()
    fields = {
        name.lower(): value for name, value in parse_qsl(query, max_num_fields=20) if name.lower() in _MAILTO_FIELDS
    }
    if any(ord(c) < 32 for c in to):
        return None
    return Link(f"{COMPOSE}?{urlencode({'to': to} | fields)}", to)
