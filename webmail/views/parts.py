"""Attachments: one as a file, a picture beside the text, all of them as an archive.

T039 to T042: only pictures (by their octets) and plain text are ever shown in place, everything else is a file; names are only
names; the type of a stranger decides nothing.
"""

import zipfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request, stream_with_context
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from webmail import mail_views, message, open_letter
from webmail.connection import lease
from webmail.message import Letter
from webmail.structure import Part, safe_filename

blueprint = mail_views.attach(Blueprint("parts", __name__, url_prefix="/mail"))
_FILE_POLICY = "default-src 'none'; sandbox"
_ENDINGS = {
    "message/rfc822": "eml",
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "image/png": "png",
    "image/jpeg": "jpg",
}


@blueprint.get("/part/<int:uidvalidity>/<int:uid>/<section>/<path:mailbox>")
def show(uidvalidity: int, uid: int, section: str, mailbox: str) -> BaseResponse:
    """One part, decoded."""
    with lease(mail_views.session(), mailbox) as mail:
        letter = message.open_letter(mail, mailbox, uidvalidity, uid)
        part = letter.part(section)
        octets = message.part_octets(mail, letter, part)
    picture = open_letter.preview(octets)
    wants_inline = request.args.get("inline") == "1"
    if wants_inline and picture is None:
        raise NotFound
    answer = Response(octets)
    answer.headers["Content-Type"] = picture.kind if picture else _declared(part, octets)
    answer.headers["Content-Disposition"] = disposition("inline" if wants_inline else "attachment", name_of(part))
    answer.headers["Content-Security-Policy"] = _FILE_POLICY
    return answer


def _declared(part: Part, octets: bytes) -> str:
    """The type of a file to keep: what its octets prove, else none in particular."""
    if octets.startswith(b"%PDF-"):
        return "application/pdf"
    return "text/plain; charset=utf-8" if part.kind == "text/plain" else "application/octet-stream"


def name_of(part: Part) -> str:
    """A name to keep it under, also when the message gives none."""
    return part.filename or f"part-{part.path}.{_ENDINGS.get(part.kind, 'bin')}"


def disposition(kind: str, name: str) -> str:
    """Content-Disposition with a name in any script (RFC 6266 §4.3, RFC 8187), safe for every header parser."""
    clean = safe_filename(name) or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " .-_") else "_" for c in clean)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


@blueprint.get("/parts/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def everything(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """All attachments in one archive, made while it is sent: one part in memory at a time (T045)."""
    session = mail_views.session()
    with lease(session, mailbox) as mail:
        letter = message.open_letter(mail, mailbox, uidvalidity, uid)
    if not letter.body.attachments:
        raise NotFound
    answer = Response(stream_with_context(_archive(session, letter)))
    answer.headers["Content-Type"] = "application/zip"
    subject = safe_filename(letter.fetched.envelope.subject)[:60] or "attachments"
    answer.headers["Content-Disposition"] = disposition("attachment", f"{subject}.zip")
    answer.headers["Content-Security-Policy"] = _FILE_POLICY
    return answer


class _Sink(RawIOBase):
    """A file that hands on what is written to it."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


def _archive(session: Any, letter: Letter) -> Iterator[bytes]:
    sink = _Sink()
    used: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for part in letter.body.attachments:
            with lease(session, letter.mailbox) as mail:
                octets = message.part_octets(mail, letter, part)
            archive.writestr(zipfile.ZipInfo(unused(name_of(part), used)), octets)
            yield sink.take()
    yield sink.take()


def unused(name: str, used: set[str]) -> str:
    """A name that no other file of the archive has."""
    candidate, number = name, 1
    stem, dot, ending = name.rpartition(".")
    while candidate.casefold() in used:
        number += 1
        candidate = f"{stem} ({number}){dot}{ending}" if dot else f"{name} ({number})"
    used.add(candidate.casefold())
    return candidate
