"""What a message says: the text that search looks through, and the preview a list shows (RFC 8970).

White space is one space everywhere, so that a phrase is found across wrapped lines; whoever searches squeezes the words
looked for the same way. Words that the HTML only repeats from the plain text are not kept twice.
"""

import re
from typing import Final

from server.mail import charset, encoded_word, header, html_text
from server.mail.limits import Limits
from server.mail.part import Part
from server.mail.part_content import decoded
from server.mail.part_content import text as part_text

_QUOTE_OR_RULE: Final = re.compile(r"^(?:>.*|[-_=*~ ]{3,}\r?)$", re.MULTILINE)
_REPEATS_LINES: Final = 1_000  # more lines, or more plain text, and the HTML is kept whole: the look-up must stay cheap
_REPEATS_TEXT: Final = 64_000


def squeeze(text: str) -> str:
    """Text with every run of white space as one space, and without NUL."""
    return " ".join(text.replace("\x00", " ").split())


def read(raw: bytes, root: Part, limits: Limits) -> tuple[str, str]:
    """The searchable text, one line a part, and the preview. What was attached comes last: a limit cuts it off first."""
    pieces: list[str] = []
    room = limits.text
    plain = ""
    plain_preview = html_preview = ""
    for part in sorted(root.walk(), key=_is_attached):
        if room <= 0:
            break
        if part.embedded is not None:
            piece = _inner_header(raw, part.embedded, limits)
        elif part.type != "text":
            continue
        elif part.subtype == "html":
            lines = html_text.to_text(part_text(raw, part, limit=room))
            html_preview = html_preview or preview(lines, limits.preview)
            piece = " ".join(_news(lines, plain))
        else:
            text = _plain(raw, part, room)
            if part.subtype != "calendar" and part.disposition != "attachment":
                plain_preview = plain_preview or preview(text, limits.preview)
            piece = plain = squeeze(text)
        if piece:
            pieces.append(piece[:room])
            room -= len(piece) + 1
    return "\n".join(pieces), plain_preview or html_preview


def _is_attached(part: Part) -> bool:
    return part.disposition == "attachment" and part.embedded is None


def _plain(raw: bytes, part: Part, room: int) -> str:
    """A file's text comes as it lies on a disk, often with no word of its character set."""
    if part.filename is not None and charset.codec(part.params.get("charset")) in {None, charset.FALLBACK}:
        return charset.guess(decoded(raw, part, limit=room))
    return part_text(raw, part, limit=room)


def _news(html_lines: str, plain: str) -> list[str]:
    """The lines that the plain text does not have already."""
    lines = html_lines.split("\n")
    if not plain or len(plain) > _REPEATS_TEXT or len(lines) > _REPEATS_LINES:
        return lines
    return [line for line in lines if line not in plain]


def preview(text: str, length: int) -> str:
    """The first words of the sender's own: quoted lines and rules are passed over while there is anything else."""
    window = text[: length * 10]
    said = squeeze(_QUOTE_OR_RULE.sub("", window))
    return encoded_word.plain(said or squeeze(window))[:length].rstrip()


def _inner_header(raw: bytes, inner: Part, limits: Limits) -> str:
    block, _ = header.split(raw, limits.header_octets, start=inner.header_start, end=inner.body_start)
    return " ".join(filter(None, (block.text(name) for name in ("subject", "from", "to", "cc"))))
