"""The HTML of a message ready for its frame: parts fetched, images of the same message put in, sanitised, remembered.

A message never changes, so what was made of it is kept under everything it depends on: whose, which, in which form, with which
consent, and the version of the lists.
"""

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from server.mail import html_text
from webmail import image_type, message, sanitize_policy
from webmail.body import Form
from webmail.connection import Mail
from webmail.message import Letter
from webmail.sanitize import Reading, Sanitised

MAX_INLINE = 2 * 2**20
"""Octets of images that travel inside the document (security.md section 3 step 4)."""
MAX_INLINE_IMAGES = 60
CACHE_OCTETS = 48 * 2**20
_DATA = "data:{};base64,{}"


class Cleaner(Protocol):
    """What makes HTML safe; `sanitize_process.Sanitiser` is one."""

    def sanitise(self, html: str, reading: Reading) -> Sanitised | None: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """One form of a message for the frame. `safe` is None when it has to be shown as text, which `text` then is."""

    safe: Sanitised | None
    text: str = ""


class LetterCache:
    """Made documents of one web process, the least used forgotten first."""

    def __init__(self, octets: int = CACHE_OCTETS) -> None:
        self._limit = octets
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Shown] = OrderedDict()
        self._octets = 0

    def get(self, key: str) -> Shown | None:
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: str, shown: Shown) -> None:
        with self._lock:
            old = self._entries.pop(key, None)
            self._octets += _size(shown) - (_size(old) if old else 0)
            self._entries[key] = shown
            while self._octets > self._limit and self._entries:
                _, gone = self._entries.popitem(last=False)
                self._octets -= _size(gone)


def _size(shown: Shown) -> int:
    return len(shown.text) + (len(shown.safe.html) if shown.safe else 0)


def key(account: int, mailbox: str, uidvalidity: int, uid: int, form: int, consent: str) -> str:
    """The name of one document. `consent` is empty, or changes with the day its image addresses were signed for."""
    words = (account, quote(mailbox, safe=""), uidvalidity, uid, form, consent, sanitize_policy.VERSION)
    return hashlib.sha256("/".join(map(str, words)).encode()).hexdigest()


def make(
    mail: Mail, letter: Letter, form: Form, cleaner: Cleaner, *, sign: Callable[[str], str] | None = None
) -> Shown:
    """Build the document of a form that has HTML.

    Args:
        mail: A connection, which must not be used by another.
        letter: The message.
        form: One of its texts.
        cleaner: The sanitiser.
        sign: Gives the proxy's address of a remote image; None without a person's consent.
    """
    if form.html is None:
        return Shown(None, message.part_text(mail, letter, form.text) if form.text else "")
    source = message.part_text(mail, letter, form.html)
    inline = _inline(mail, letter, source)
    safe = cleaner.sanitise(source, Reading(inline=inline))
    if safe is not None and sign is not None and safe.remote:
        safe = cleaner.sanitise(source, Reading(images={url: sign(url) for url in safe.remote}, inline=inline)) or safe
    if safe is not None:
        return Shown(safe)
    text = (
        message.part_text(mail, letter, form.text)
        if form.text
        else html_text.to_text(source[: sanitize_policy.MAX_HTML])
    )
    return Shown(None, text)


def _inline(mail: Mail, letter: Letter, source: str) -> dict[str, str]:
    """Images of this message that its HTML names, as data; only of this message (T037), only by magic number."""
    found: dict[str, str] = {}
    room = MAX_INLINE
    for part in letter.body.inline[:MAX_INLINE_IMAGES]:
        mentioned = part.content_id in source or quote(part.content_id) in source
        if not mentioned or part.decoded_size > room:
            continue
        data = message.part_octets(mail, letter, part)
        picture = image_type.sniff(data)
        if picture is None or not picture.showable or len(data) > room:
            continue
        room -= len(data)
        found[part.content_id] = _DATA.format(picture.kind, base64.b64encode(data).decode("ascii"))
    return found
