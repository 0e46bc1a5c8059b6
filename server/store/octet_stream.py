"""Reading the octets of one message piece by piece, for those too large to be held whole.

Invariants: a piece is all that is unpacked at once, whatever the frame says of itself; nothing beyond the message's size is given; a
message that is removed meanwhile is read to its end, since the file stays open.
"""

import io
from typing import BinaryIO

import zstandard
from sqlalchemy import bindparam, select

from server.db.database import Reader
from server.db.statement import Statement
from server.store import objects, schema
from server.store.errors import NoSuchMessage, OctetsDamaged

PIECE = 256 * 1024

place, content, octets = schema.placement, schema.content, schema.octets

_FIND = Statement(
    select(content.c.is_object, content.c.digest, content.c.size, content.c.header_size, octets.c.data)
    .select_from(place)
    .join(content, content.c.id == place.c.content_id)
    .join(octets, octets.c.content_id == content.c.id, isouter=True)
    .where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("uid"))
)


class OctetStream:
    """The octets of a message, from the first to the last. `read` and `close` block, on any thread, one at a time."""

    def __init__(self, packed: BinaryIO, size: int, header_size: int) -> None:
        self.size, self.header_size = size, header_size
        self._left = size
        self._packed = packed
        self._source = zstandard.ZstdDecompressor().stream_reader(packed)

    def read(self) -> bytes:
        """Return the next piece, at most `PIECE` octets; nothing at the end. Raises OctetsDamaged."""
        if not self._left:
            return b""
        try:
            found: bytes = self._source.read(min(PIECE, self._left))
        except zstandard.ZstdError as error:
            raise OctetsDamaged("the frame cannot be unpacked") from error
        if not found:
            # A frame that was cut off ends without an error, and half a message must never pass for a whole one.
            raise OctetsDamaged(f"{self._left} octets are missing")
        self._left -= len(found)
        return found

    def close(self) -> None:
        self._packed.close()


def open_stream(r: Reader, mailbox_id: int, uid: int) -> OctetStream:
    """Begin to read a message; raises NoSuchMessage when it is not there (any more)."""
    row = r.run(_FIND, mailbox=mailbox_id, uid=uid).fetchone()
    if row is None:
        raise NoSuchMessage(str(uid))
    is_object, digest, size, header_size, data = row
    if not is_object and data is None:
        raise OctetsDamaged(str(uid))
    packed: BinaryIO = objects.open_file(r.folder, digest) if is_object else io.BytesIO(data)
    return OctetStream(packed, size, header_size)
