"""Arguments of MAIL and RCPT: one path and the ESMTP parameters behind it.

Invariants: a path is `<...>` and holds what `server.mail.address` reads as exactly one address, or nothing where the null
reverse-path may stand; a parameter that is not known here, stands twice, or has a value it must not have refuses the command.
Source routes (`<@a,@b:user@c>`) are refused: nobody has needed one for decades and relays were fooled by them.

RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2 (grammar), RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8), RFC 3461 §4 (DSN),
RFC 4954 §5 (AUTH).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from server.mail.address import parse_addr_spec
from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import ProtocolError

PATH_LIMIT = 512
"""RFC 5321 §4.5.3.1.3 asks for 256 octets at least; SMTPUTF8 and long sub-addresses need more."""
DIGITS_LIMIT = 20
"""RFC 1870 §5: size-value has at most 20 digits."""
ENVID_LIMIT = 100
"""RFC 3461 §4.4: at most 100 characters after decoding."""
ORCPT_LIMIT = 500
"""RFC 3461 §4.2: at most 500 characters."""
PARAMETERS_LIMIT = 20

KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
VALUE = re.compile(r"[!-<>-~\u0080-\U0010ffff]+")
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
ADDRESS_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
NOTIFY_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})

MAIL_SMTP = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
MAIL_LMTP = MAIL_SMTP | {"XMAILBOX", "XDATE"}
"""Private to LMTP on loopback: where a collected message goes and when its server had it."""
RCPT_SMTP = frozenset({"NOTIFY", "ORCPT"})


@dataclass(frozen=True, slots=True)
class Mail:
    """A MAIL command; `reverse_path` is '' for `<>`."""

    reverse_path: str
    size: int | None = None
    eight_bit: bool = False
    smtputf8: bool = False
    ret: str | None = None
    envelope_id: str | None = None
    mailbox: str | None = None
    received_at: int | None = None


@dataclass(frozen=True, slots=True)
class Rcpt:
    """A RCPT command."""

    address: str
    notify: frozenset[str] | None = None
    original: str | None = None


def parse_mail(argument: str, *, allowed: frozenset[str] = MAIL_SMTP) -> Mail:
    """Read what follows MAIL; raises ProtocolError."""
    path, given = _split(argument, "FROM:", allowed)
    utf8 = "SMTPUTF8" in given
    address = "" if path == "" else _address(path, utf8=utf8, refusal=r.BAD_SENDER_ADDRESS)
    return Mail(
        address,
        size=_number(given, "SIZE"),
        eight_bit=_body(given) == "8BITMIME",
        smtputf8=utf8 and _flag(given, "SMTPUTF8"),
        ret=_ret(given),
        envelope_id=_envid(given),
        mailbox=_mailbox(given),
        received_at=_number(given, "XDATE"),
    )


def parse_rcpt(argument: str, *, utf8: bool, allowed: frozenset[str] = RCPT_SMTP) -> Rcpt:
    """Read what follows RCPT; raises ProtocolError. `utf8` tells whether MAIL had SMTPUTF8."""
    path, given = _split(argument, "TO:", allowed)
    # RFC 5321 §4.1.1.3: <Postmaster> without a domain is an address; Directory gives it to ours.
    address = path if path.casefold() == "postmaster" else _address(path, utf8=utf8, refusal=r.BAD_ADDRESS)
    return Rcpt(address, notify=_notify(given), original=_original(given))


def xtext_decode(value: str) -> str | None:
    """RFC 3461 §4: undo xtext; None when it is not xtext or not UTF-8 inside."""
    if not XTEXT.fullmatch(value):
        return None
    raw = re.sub(rb"\+([0-9A-F]{2})", lambda m: bytes([int(m.group(1), 16)]), value.encode("ascii"))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def xtext_encode(text: str) -> str:
    """RFC 3461 §4: make text fit for a parameter."""
    return "".join(chr(b) if 0x21 <= b <= 0x7E and b not in b"+=" else f"+{b:02X}" for b in text.encode("utf-8"))


def _split(argument: str, keyword: str, allowed: frozenset[str]) -> tuple[str, Mapping[str, str | None]]:
    if argument[: len(keyword)].upper() != keyword:
        raise ProtocolError(r.BAD_ARGUMENT)
    # A blank after the colon is wrong and common (RFC 5321 §3.3 forbids it); it does no harm.
    rest = argument[len(keyword) :].lstrip(" ")
    end = _path_end(rest)
    if end < 0:
        raise ProtocolError(r.BAD_SENDER_ADDRESS if keyword == "FROM:" else r.BAD_ADDRESS)
    tail = rest[end + 1 :]
    if tail and not tail.startswith(" "):
        raise ProtocolError(r.BAD_ARGUMENT)
    return rest[1:end], _parameters(tail.split(), allowed)


def _path_end(rest: str) -> int:
    """Return the place of the `>` that ends the path: not one inside a quoted local part."""
    if not rest.startswith("<"):
        return -1
    quoted = escaped = False
    for place, char in enumerate(rest[: PATH_LIMIT + 2]):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == ">" and not quoted:
            return place
    return -1


def _parameters(words: list[str], allowed: frozenset[str]) -> Mapping[str, str | None]:
    given: dict[str, str | None] = {}
    if len(words) > PARAMETERS_LIMIT:
        raise ProtocolError(r.BAD_ARGUMENT)
    for word in words:
        name, equals, value = word.partition("=")
        key = name.upper()
        if not KEYWORD.fullmatch(name) or (equals and not VALUE.fullmatch(value)) or key in given:
            raise ProtocolError(r.BAD_ARGUMENT)
        if key not in allowed:
            raise ProtocolError(r.UNKNOWN_PARAMETER)
        given[key] = value if equals else None
    return given


def _address(path: str, *, utf8: bool, refusal: r.Reply) -> str:
    parsed = parse_addr_spec(path)
    if parsed is None or not parsed.domain:
        raise ProtocolError(refusal)
    # RFC 6531 §3.5: a non-ASCII address only in a transaction that asked for SMTPUTF8.
    if not utf8 and not path.isascii():
        raise ProtocolError(r.NEEDS_SMTPUTF8)
    return parsed.addr_spec


def _flag(given: Mapping[str, str | None], key: str) -> bool:
    if given[key] is not None:
        raise ProtocolError(r.BAD_ARGUMENT)
    return True


def _number(given: Mapping[str, str | None], key: str) -> int | None:
    if key not in given:
        return None
    value = given[key] or ""
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS_LIMIT):
        raise ProtocolError(r.BAD_ARGUMENT)
    return int(value)


def _body(given: Mapping[str, str | None]) -> str:
    # RFC 6152 §2; BINARYMIME (RFC 3030) is not offered.
    body = (given.get("BODY", "7BIT") or "").upper()
    if body not in ("7BIT", "8BITMIME"):
        raise ProtocolError(r.BAD_ARGUMENT)
    return body


def _ret(given: Mapping[str, str | None]) -> str | None:
    if "RET" not in given:
        return None
    value = (given["RET"] or "").upper()
    # RFC 3461 §4.3.
    if value not in ("FULL", "HDRS"):
        raise ProtocolError(r.BAD_ARGUMENT)
    return value


def _text(given: Mapping[str, str | None], key: str) -> str | None:
    if key not in given:
        return None
    value = xtext_decode(given[key] or "")
    if value is None:
        raise ProtocolError(r.BAD_ARGUMENT)
    return value


def _envid(given: Mapping[str, str | None]) -> str | None:
    value = _text(given, "ENVID")
    # RFC 3461 §4.4: printable ASCII and blanks; it will stand in a header of a report.
    if value is not None and (len(value) > ENVID_LIMIT or not value.isascii() or not value.isprintable()):
        raise ProtocolError(r.BAD_ARGUMENT)
    return value


def _mailbox(given: Mapping[str, str | None]) -> str | None:
    value = _text(given, "XMAILBOX")
    if value is not None and not value.isprintable():
        raise ProtocolError(r.BAD_ARGUMENT)
    return value


def _notify(given: Mapping[str, str | None]) -> frozenset[str] | None:
    if "NOTIFY" not in given:
        return None
    words = (given["NOTIFY"] or "").upper().split(",")
    # RFC 3461 §4.1: NEVER stands alone.
    if words == ["NEVER"]:
        return frozenset({"NEVER"})
    if not words or not NOTIFY_WORDS.issuperset(words) or len(set(words)) != len(words):
        raise ProtocolError(r.BAD_ARGUMENT)
    return frozenset(words)


def _original(given: Mapping[str, str | None]) -> str | None:
    if "ORCPT" not in given:
        return None
    value = given["ORCPT"] or ""
    kind, _, address = value.partition(";")
    # RFC 3461 §4.2: `addr-type ";" xtext`; kept as it came, the report quotes it.
    if len(value) > ORCPT_LIMIT or not ADDRESS_TYPE.fullmatch(kind) or not XTEXT.fullmatch(address):
        raise ProtocolError(r.BAD_ARGUMENT)
    return value
