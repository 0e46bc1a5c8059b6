"""Which attachments are documents that can be read, and as what: by their type, else by the ending of their name. Pure.

Half of the senders call everything application/octet-stream, and some have types of their own (application/wps-office.docx), so an
ending counts where the type says nothing.
"""

from enum import IntEnum
from typing import Final

from server.mail.part import Part


class Kind(IntEnum):
    """A way to read a document. The numbers go over the pipe to the process that reads."""

    PLAIN = 1
    HTML = 2
    WORD = 3
    SHEET = 4
    SLIDES = 5
    OPEN_DOCUMENT = 6
    PDF = 7


_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_MACRO: Final = "macroenabled.12"
_ODF: Final = "application/vnd.oasis.opendocument."

_TYPES: Final = {
    "application/pdf": Kind.PDF,
    "application/x-pdf": Kind.PDF,
    f"{_OOXML}wordprocessingml.document": Kind.WORD,
    f"{_OOXML}wordprocessingml.template": Kind.WORD,
    f"application/vnd.ms-word.document.{_MACRO}": Kind.WORD,
    f"{_OOXML}spreadsheetml.sheet": Kind.SHEET,
    f"{_OOXML}spreadsheetml.template": Kind.SHEET,
    f"application/vnd.ms-excel.sheet.{_MACRO}": Kind.SHEET,
    f"{_OOXML}presentationml.presentation": Kind.SLIDES,
    f"{_OOXML}presentationml.slideshow": Kind.SLIDES,
    f"{_OOXML}presentationml.template": Kind.SLIDES,
    f"application/vnd.ms-powerpoint.presentation.{_MACRO}": Kind.SLIDES,
    **{
        f"{_ODF}{name}{template}": Kind.OPEN_DOCUMENT
        for name in ("text", "spreadsheet", "presentation", "graphics")
        for template in ("", "-template")
    },
    "application/json": Kind.PLAIN,
    "application/xml": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "application/x-yaml": Kind.PLAIN,
    "application/x-tex": Kind.PLAIN,
    "application/sql": Kind.PLAIN,
}
_ENDINGS: Final = {
    **dict.fromkeys(("pdf",), Kind.PDF),
    **dict.fromkeys(("docx", "docm", "dotx"), Kind.WORD),
    **dict.fromkeys(("xlsx", "xlsm", "xltx"), Kind.SHEET),
    **dict.fromkeys(("pptx", "pptm", "ppsx", "potx"), Kind.SLIDES),
    **dict.fromkeys(("odt", "ott", "ods", "ots", "odp", "otp", "odg"), Kind.OPEN_DOCUMENT),
    **dict.fromkeys(("html", "htm", "xhtml"), Kind.HTML),
    **dict.fromkeys(("txt", "text", "md", "csv", "tsv", "log", "json", "yaml", "yml", "ini", "tex", "srt"), Kind.PLAIN),
}
# What these hold is no document, whatever its name says.
_NEVER: Final = frozenset(
    {
        "application/pgp-signature", "application/pgp-encrypted", "application/pgp-keys", "application/pkcs7-signature",
        "application/x-pkcs7-signature", "application/pkcs7-mime", "application/x-pkcs7-mime", "application/ms-tnef",
    }
)  # fmt: skip

CHEAP: Final = frozenset(Kind) - {Kind.PDF}
"""What may be read where a message is stored, while its sender waits."""


def kind_of(part: Part) -> Kind | None:
    """Return how a part is read as a document; None when it is none, or text of the message itself."""
    if part.children or part.embedded is not None or part.type in {"text", "message", "multipart"}:
        return None
    found = _TYPES.get(part.content_type)
    if found is None and part.type == "application" and part.content_type not in _NEVER:
        found = _ENDINGS.get((part.filename or "").rpartition(".")[2].lower())
    return found
