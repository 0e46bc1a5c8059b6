"""Pictures by their first octets: type and size, never by what a stranger calls them (T040, T044, T056). Pure."""

from dataclasses import dataclass

MAX_PIXELS = 25_000_000
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xDA)})
MAX_SEGMENTS = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """What a raster image says of itself."""

    kind: str
    width: int
    height: int

    @property
    def showable(self) -> bool:
        """Small enough that a browser may decode it without being asked."""
        return 0 < self.width * self.height <= MAX_PIXELS


def sniff(data: bytes) -> Picture | None:
    """PNG, JPEG, GIF or WebP; None for anything else, SVG included."""
    if data.startswith(_PNG) and len(data) >= 24:
        return Picture("image/png", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return Picture("image/gif", int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little"))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30:
        return _webp(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    return None


def _webp(data: bytes) -> Picture:
    form = data[12:16]
    if form == b"VP8X":
        width, height = int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    elif form == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width = int.from_bytes(data[26:28], "little") & 0x3FFF
        height = int.from_bytes(data[28:30], "little") & 0x3FFF
    return Picture("image/webp", width, height)


def _jpeg(data: bytes) -> Picture:
    position = 2
    for _ in range(MAX_SEGMENTS):
        if position + 9 > len(data) or data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker in _JPEG_SIZES:
            return Picture(
                "image/jpeg",
                int.from_bytes(data[position + 7 : position + 9]),
                int.from_bytes(data[position + 5 : position + 7]),
            )
        position += 2 if marker in _JPEG_ALONE else 2 + int.from_bytes(data[position + 2 : position + 4])
    return Picture("image/jpeg", 0, 0)
