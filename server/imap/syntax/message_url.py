"""URLs of messages and their parts on this server, as CATENATE names them (RFC 4469 §3, RFC 5092).

    /enc-mailbox [;UIDVALIDITY=nz-number] /;UID=nz-number [/;SECTION=enc-section] [/;PARTIAL=number[.nz-number]]

Only relative ones: whatever names a scheme or a server, or has parts of other extensions, is none of them.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fetch_att import Section, parse_attribute
from server.imap.syntax.fragment import RawCommand
from server.imap.syntax.mailbox_name import DELIMITER
from server.imap.syntax.token import MAX_NUMBER, MAX_NUMBER64, Reader

MAX_LENGTH = 4_000
_URL = re.compile(
    rb"(?P<path>[^;]*?)(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{0,9}))?/?;UID=(?P<uid>[1-9][0-9]{0,9})"
    rb"(?:/?;SECTION=(?P<section>[^;]+?))?(?:/?;PARTIAL=(?P<offset>[0-9]{1,19})(?:\.(?P<count>[1-9][0-9]{0,18}))?)?/?\Z",
    re.IGNORECASE,
)
_NOT_RELATIVE = re.compile(rb"//|[A-Za-z][A-Za-z0-9+.-]*:")
_CHARACTERS = re.compile(rb"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+\Z")
_UNWANTED = re.compile(rb"[^!-Z^-~]|\\")


class UrlMalformed(ValueError):
    """Not the URL of a message here."""


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """`path` is as it stands before the UID; `mailbox` tells which mailbox that means."""

    path: str
    uidvalidity: int | None
    uid: int
    section: Section

    def mailbox(self, selected: str | None) -> str:
        """The mailbox, where `selected` is the base of what is relative (RFC 4469 §3); raises UrlMalformed."""
        if self.path.startswith(DELIMITER) and self.path != DELIMITER:
            return self.path[1:]
        if self.path in {"", DELIMITER}:
            if selected is None:
                raise UrlMalformed
            return selected
        above, delimiter, _ = (selected or "").rpartition(DELIMITER)
        return above + delimiter + self.path


def parse_url(text: bytes) -> MessageUrl:
    """Read a URL; raises UrlMalformed."""
    match = _URL.match(text) if len(text) <= MAX_LENGTH and _CHARACTERS.match(text) else None
    if match is None or _NOT_RELATIVE.match(text):
        raise UrlMalformed
    path = _decoded(match["path"])
    if any(level in {".", ".."} for level in path.split(DELIMITER)):
        raise UrlMalformed  # RFC 3986 §5.2.4 would take them away; nobody means them
    validity, uid = int(match["validity"] or 0), int(match["uid"])
    if max(validity, uid) > MAX_NUMBER:
        raise UrlMalformed
    partial = None
    if match["offset"] is not None:
        partial = (int(match["offset"]), int(match["count"] or MAX_NUMBER64))
        if max(partial) > MAX_NUMBER64:
            raise UrlMalformed
    return MessageUrl(path, validity or None, uid, _section(match["section"] or b"", partial))


def _decoded(value: bytes) -> str:
    try:
        text = unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise UrlMalformed from None
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in text):
        raise UrlMalformed
    return text


def _section(value: bytes, partial: tuple[int, int] | None) -> Section:
    """enc-section is what stands in the brackets of FETCH BODY[]."""
    reader = Reader(RawCommand((b"BODY.PEEK[" + unquote_to_bytes(value) + b"]",)))
    try:
        found = parse_attribute(reader)
        reader.end()
    except ProtocolError:
        raise UrlMalformed from None
    if not isinstance(found, Section) or found.partial is not None:
        raise UrlMalformed
    return Section(found.path, found.kind, found.names, partial, peek=True, label=found.label)


def in_response_code(text: bytes) -> bytes:
    """A URL as BADURL gives it back (RFC 4469 §5: no brackets, no line ends)."""
    return _UNWANTED.sub(lambda match: b"%%%02X" % match[0][0], text[:MAX_LENGTH])
