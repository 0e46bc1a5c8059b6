"""All the work on a message that needs no transaction: reading it, compressing it, folding its text.

A `Prepared` may be appended to any number of accounts.
"""

import hashlib
import threading
from dataclasses import dataclass
from datetime import datetime

import zstandard

from server.mail import header
from server.mail.address import Address
from server.mail.header import HeaderBlock
from server.mail.summary import Summary, summarise
from server.store import attached, lineage
from server.store.errors import OctetsDamaged, TooBig
from server.store.fold import fold, hash_of
from server.store.schema import SEALS

LEVEL = 3
OBJECT_SIZE = 256 * 1024
"""Compressed octets above this size lie beside the database, so that its file stays quick to copy and to check."""
MESSAGE_SIZE = 2**31
HEAD_LENGTH = 256 * 1024
PARTICIPANTS = 50
KEY_LENGTH = 200
FACET_LENGTH = 10_000


class _Compressors(threading.local):
    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_local = _Compressors()


def compress(raw: bytes) -> bytes:
    return _local.compressor.compress(raw)


def decompress(data: bytes, size: int) -> bytes:
    """Return the octets; `size` bounds what a damaged frame may unpack to. Raises OctetsDamaged."""
    try:
        raw = _local.decompressor.decompress(data, max_output_size=max(size, 1))
    except zstandard.ZstdError as error:
        raise OctetsDamaged("the frame cannot be unpacked") from error
    if len(raw) != size:
        raise OctetsDamaged(f"{len(raw)} octets, and not {size}")
    return raw


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message ready to be appended. The texts are folded; hashes are 63-bit numbers, None for what is not there."""

    digest: bytes
    data: bytes
    size: int
    is_object: bool
    header_size: int
    envelope: bytes
    bodystructure: bytes
    body: bytes
    preview: str
    has_attachment: bool
    sent: int | None
    sent_on: str | None
    message_hash: int | None
    reference_hashes: tuple[int, ...]
    subject_hash: int | None
    is_reply: bool
    lineage: tuple[int, bytes]
    participants: tuple[str, ...]
    keys: dict[str, str]
    facets: dict[str, str]
    head: str
    seal: str
    text: str
    unread: bool
    """There are documents in it that are to be read afterwards (see `documents`)."""


def prepare(raw: bytes, *, limit: int = MESSAGE_SIZE, object_size: int = OBJECT_SIZE) -> Prepared:
    """Read and compress a message. Takes time that grows with its size: call it on a thread.

    Raises:
        TooBig: It has more than `limit` octets.
    """
    if len(raw) > limit:
        raise TooBig(f"{len(raw)} octets")
    summary = summarise(raw)
    block, _ = header.split(raw)
    head, seal = _head(block)
    text, whole = attached.text_of(raw, summary, attached.first_at_once())
    base = fold(summary.base_subject)
    data = compress(raw)
    return Prepared(
        digest=hashlib.sha256(raw).digest(),
        data=data,
        size=len(raw),
        is_object=len(data) > object_size,
        header_size=summary.header_size,
        envelope=summary.envelope,
        bodystructure=summary.bodystructure,
        body=summary.body,
        preview=_storable(summary.preview),
        has_attachment=summary.has_attachment,
        sent=_seconds(summary.sent_at),
        sent_on=summary.sent_on,
        message_hash=hash_of(summary.message_id) if summary.message_id else None,
        reference_hashes=tuple(hash_of(reference) for reference in summary.references),
        subject_hash=hash_of(base) if base else None,
        is_reply=summary.is_reply,
        lineage=lineage.of(block, base, is_reply=summary.is_reply),
        participants=_participants(summary),
        keys=_keys(summary, base),
        facets={name: _facet(block, name) for name in ("subject", "from", "to", "cc", "bcc")},
        head=head,
        seal=seal,
        text=text,
        unread=not whole,
    )


def _seconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp()) if moment is not None else None


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _head(block: HeaderBlock) -> tuple[str, str]:
    """Return the folded lines of the fields that are indexed and of those that are not."""
    lines: list[str] = []
    seals: list[str] = []
    for field in block:
        name = field.name.lower()
        (seals if name in SEALS else lines).append(f"\n{name}: {header.decode_words(field.value)}")
    return fold("".join(lines)[:HEAD_LENGTH]) + "\n", fold("".join(seals)[:HEAD_LENGTH]) + "\n"


def _facet(block: HeaderBlock, name: str) -> str:
    # Decoded exactly as in `_head`, so that what is found here is found by the index of the head too.
    return fold("\n".join(header.decode_words(value) for value in block.all(name))[:FACET_LENGTH])


def _participants(summary: Summary) -> tuple[str, ...]:
    """Return the sender first, then everybody it was sent to."""
    people = [*summary.from_[:1], *summary.from_[1:], *summary.to, *summary.cc]
    return tuple(dict.fromkeys(fold(person.addr_spec).replace(" ", "") for person in people[:PARTICIPANTS]))


def _keys(summary: Summary, base: str) -> dict[str, str]:
    """Return what SORT compares: RFC 5256 §3 local parts, RFC 5957 §3 names."""

    def local(first: Address | None) -> str:
        return fold(first.local)[:KEY_LENGTH] if first else ""

    def display(first: Address | None) -> str:
        return fold(first.display)[:KEY_LENGTH] if first else ""

    return {
        "subject_key": base[:KEY_LENGTH],
        "from_key": local(summary.first_from),
        "to_key": local(summary.first_to),
        "cc_key": local(summary.first_cc),
        "display_from": display(summary.first_from),
        "display_to": display(summary.first_to),
    }
