"""One entity of a message as a value: what its MIME header says and where its octets lie (RFC 2045, 2046, 2183)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from server.mail import address, encoded_word

NO_PARAMS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """One entity. Offsets are into the whole message; `path` is the IMAP section number ("" for a multipart root)."""

    type: str
    subtype: str
    params: Mapping[str, str]
    content_id: str | None  # without angle brackets
    description: str | None  # as written: header.decode_words reads it
    encoding: str  # lower case; "7bit" when none is named
    disposition: str | None
    disposition_params: Mapping[str, str]
    language: tuple[str, ...]
    location: str | None
    md5: str | None
    header_start: int
    body_start: int
    body_end: int
    lines: int  # of text and message parts; 0 for the others, which IMAP does not ask for
    path: str
    children: tuple["Part", ...] = field(default=(), repr=False)
    embedded: "Part | None" = field(default=None, repr=False)  # the message in a message/rfc822

    @property
    def content_type(self) -> str:
        return f"{self.type}/{self.subtype}"

    @property
    def size(self) -> int:
        return self.body_end - self.body_start

    @property
    def filename(self) -> str | None:
        """The file name that may be shown and saved; None when none is given."""
        return safe_file_name(self.disposition_params.get("filename") or self.params.get("name"))

    def walk(self) -> Iterator["Part"]:
        """The part and all below it, embedded messages included, in the order of the octets."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            if part.embedded is not None:
                stack.append(part.embedded)
            stack.extend(reversed(part.children))


def safe_file_name(given: str | None) -> str | None:
    """A file name as one plain name: encoded words read, no control characters, no path, no bidirectional overrides."""
    if not given:
        return None
    if "=?" in given:  # RFC 2047 §5(3) forbids encoded words here; half of the world writes them
        given = encoded_word.decode(given.encode("utf-8", "replace"))
    name = address.without_bidi(encoded_word.plain(given)).replace("\\", "/").rpartition("/")[2]
    return name.strip().strip(".").strip()[:255] or None
