"""Members of a zip archive, unpacked piece by piece under limits (OOXML and OpenDocument files are such). Pure.

Sizes that the archive states are not believed: what really comes out is counted. Only "stored" and "deflated" are read, as
Office writes no other, and the other methods unpack without a bound.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from server.document.limits import LimitReached, Limits

CHUNK = 64 * 1024
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
# What zipfile raises for damage of all sorts, and for names that it cannot decode.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError, KeyError)


class Archive:
    """A zip archive that is read once, under limits that hold for all of its members together.

    Args:
        octets: The archive.
        limits: What may be read of it.
    """

    def __init__(self, octets: bytes, limits: Limits) -> None:
        self._limits = limits
        self._unpacked_left = limits.unpacked_octets
        self._packed = len(octets)
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._zip: zipfile.ZipFile | None = None
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(octets))
        except DAMAGE:
            return
        listed: Sequence[zipfile.ZipInfo] = self._zip.infolist()
        if len(listed) > limits.members:
            raise LimitReached
        self._members = {info.filename: info for info in listed}

    @property
    def names(self) -> list[str]:
        """The names of the members; none for what is no archive."""
        return list(self._members)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Unpack a member piece by piece; nothing for one that is missing or damaged.

        Raises:
            LimitReached: There is more than the limits allow.
        """
        info = self._members.get(name)
        if info is None or self._zip is None or info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
            return
        allowed = max(self._limits.small, self._limits.ratio * min(max(info.compress_size, 0), self._packed))
        left = min(self._limits.member_octets, allowed)
        try:
            with self._zip.open(info) as member:
                while chunk := member.read(CHUNK):
                    left -= len(chunk)
                    self._unpacked_left -= len(chunk)
                    if left < 0 or self._unpacked_left < 0:
                        raise LimitReached
                    yield chunk
        except DAMAGE:
            return  # what came before the damage has been read
