"""The picture of a correspondent: initials in a colour that stays, round for people, square for organisations. Pure."""

import re
from dataclasses import dataclass
from functools import lru_cache

from webmail.envelope import Person
from webmail.page import hue, initials

_ROLES = frozenset(
    [
        "noreply",
        "no-reply",
        "donotreply",
        "do-not-reply",
        "info",
        "news",
        "newsletter",
        "support",
        "billing",
        "invoice",
        "invoices",
        "orders",
        "order",
        "service",
        "services",
        "notification",
        "notifications",
        "alerts",
        "alert",
        "team",
        "office",
        "contact",
        "hello",
        "help",
        "sales",
        "accounts",
        "security",
        "updates",
        "mailer",
        "mailer-daemon",
        "postmaster",
        "admin",
        "root",
        "robot",
        "bot",
        "rechnung",
        "kundenservice",
    ]
)
_BOUNCERS = frozenset({"mailer-daemon", "postmaster"})
_COMPANY = re.compile(
    r"\b(?:gmbh|ag|inc|ltd|llc|corp|bank|team|shop|store|support|service|services|news|newsletter|weekly|digest|university|"
    r"universität|stadtwerke|office|daily|club|verein|app)\b|公司|书店|書店|银行|銀行|周刊|週刊|客服|商城|平台|团队|團隊|大学|大學|邮箱|郵箱",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Avatar:
    """What the template draws."""

    text: str
    hue: str
    square: bool
    wide: bool
    """One wide character, as of a Chinese name."""
    icon: str = ""


@lru_cache(maxsize=4_000)
def of(person: Person | None) -> Avatar:
    """The avatar of an address; of nobody, a question mark."""
    if person is None or not (person.name or person.email):
        return Avatar("?", "slate", square=False, wide=False)
    local = person.email.partition("@")[0].casefold()
    text = initials(_without_article(person.name) or person.email)
    if local in _BOUNCERS:
        return Avatar("", "coral", square=True, wide=False, icon="mail-x")  # icons: mail-x
    base = re.split(r"[.+_]", local)[0]
    square = local in _ROLES or base in _ROLES or bool(_COMPANY.search(person.name)) or _is_title(person.name)
    return Avatar(text, hue(person.email or person.name), square, wide=bool(text) and ord(text[0]) > 0x2E7F)


def _without_article(name: str) -> str:
    return name[4:] if _is_title(name) else name


def _is_title(name: str) -> bool:
    """`The Slow Page`: no person is called The."""
    return name.casefold().startswith("the ")
