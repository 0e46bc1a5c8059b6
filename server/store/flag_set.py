"""Flags between the wire and the row: system flags are bits, keywords a text in which each stands between spaces.

RFC 9051 §2.3.2: flags are compared without regard to case. A keyword keeps the spelling of its first use in the account.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import bindparam, func, insert, select

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import schema
from server.store.errors import TooManyKeywords

SYSTEM = {
    "\\seen": schema.SEEN,
    "\\answered": schema.ANSWERED,
    "\\flagged": schema.FLAGGED,
    "\\deleted": schema.DELETED,
    "\\draft": schema.DRAFT,
}
NAMES = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
HAS_ATTACHMENT = "$HasAttachment"

KEYWORDS_PER_MESSAGE = 64
KEYWORDS_PER_ACCOUNT = 500
KEYWORD_LENGTH = 100

# RFC 9051 §9: flag-keyword is an atom.
_ATOM = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")

_FIND = Statement(select(schema.keyword.c.name).where(schema.keyword.c.folded == bindparam("folded")))
_COUNT = Statement(select(func.count()).select_from(schema.keyword))
_ADD = Statement(insert(schema.keyword).values(folded=bindparam("folded"), name=bindparam("name")))
_ALL = Statement(select(schema.keyword.c.name).order_by(schema.keyword.c.folded))
_OF_MAILBOX = Statement(
    select(schema.placement.c.keywords).distinct().where(schema.placement.c.mailbox_id == bindparam("mailbox"))
)

Stored = tuple[int, tuple[str, ...]]


@lru_cache(maxsize=4096)
def decode(bits: int, keywords: str) -> frozenset[str]:
    """Return the flags of a row as on the wire. There are few different sets, and many rows."""
    names = [name for n, name in enumerate(NAMES) if bits >> n & 1]
    return frozenset(names + keywords.split())


def encode_keywords(names: Iterable[str]) -> str:
    """Return the text of a row for keywords in their stored spelling."""
    ordered = sorted(set(names))
    return f" {' '.join(ordered)} " if ordered else ""


def own_keywords(keywords: str) -> str:
    """Return what of a row's keywords is the server's own word on the message, not anybody's mark."""
    return encode_keywords({HAS_ATTACHMENT}.intersection(keywords.split()))


def bits_of(flags: Iterable[str]) -> tuple[int, list[str]]:
    """Part flags into the bits of the system flags and the names of the keywords."""
    bits, names = 0, []
    for flag in flags:
        bit = SYSTEM.get(flag.lower())
        if bit is not None:
            bits |= bit
        elif not flag.startswith("\\"):
            names.append(flag)
        # RFC 9051 §2.3.2: \Recent cannot be stored, and unknown system flags are not kept.
    return bits, names


def known(r: Reader, name: str) -> str | None:
    """Return the stored spelling of a keyword, None when no message of the account ever had it."""
    row = r.run(_FIND, folded=name.lower()).fetchone()
    return row[0] if row else None


def keywords(r: Reader) -> list[str]:
    """Return every keyword of the account (for the FLAGS response of SELECT)."""
    return [name for (name,) in r.run(_ALL).fetchall()]


def keywords_in(r: Reader, mailbox_id: int) -> list[str]:
    """Return the keywords of one mailbox's messages: whoever sees only that one learns of no others."""
    rows = r.run(_OF_MAILBOX, mailbox=mailbox_id).fetchall()
    return sorted({name for (words,) in rows for name in words.split()}, key=str.lower)


def learn(w: Writer, names: Iterable[str]) -> list[str]:
    """Return the stored spellings of keywords, new ones taken in.

    Raises:
        TooManyKeywords: A name is no atom or too long, or there are too many.
    """
    spelled = []
    for name in names:
        found = known(w, name)
        if found is None:
            if len(name) > KEYWORD_LENGTH or not _ATOM.fullmatch(name):
                raise TooManyKeywords(f"not a keyword: {name[:KEYWORD_LENGTH]!r}")
            if w.run(_COUNT).fetchone()[0] >= KEYWORDS_PER_ACCOUNT:
                raise TooManyKeywords(f"the account has {KEYWORDS_PER_ACCOUNT} keywords already")
            w.run(_ADD, folded=name.lower(), name=name)
            found = name
        spelled.append(found)
    if len(spelled) > KEYWORDS_PER_MESSAGE:
        raise TooManyKeywords(f"{len(spelled)} keywords for one message")
    return spelled
