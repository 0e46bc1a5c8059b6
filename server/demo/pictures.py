"""Attachments of the demo, drawn here so that none is somebody else's: small PNG pictures, PDF pages, a table, a calendar entry."""

import math
import struct
import zlib
from datetime import datetime

Colour = tuple[int, int, int]


def png(width: int, height: int, hues: tuple[Colour, Colour, Colour], seed: int = 1) -> bytes:
    """Draw a layered landscape. The octets depend on the arguments alone."""
    sky, hill, near = hues
    rows = bytearray()
    ridge = [
        height * (0.45 + 0.13 * math.sin(x / width * 5 + seed) + 0.05 * math.sin(x / 17 + seed)) for x in range(width)
    ]
    meadow = [height * (0.72 + 0.06 * math.sin(x / width * 4 + 2 * seed)) for x in range(width)]
    for y in range(height):
        rows.append(0)
        light = 1 - 0.25 * y / height
        for x in range(width):
            colour = (
                near
                if y > meadow[x]
                else hill
                if y > ridge[x]
                else tuple(min(255, int(c * light + 30 * y / height)) for c in sky)
            )
            rows += bytes(colour)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 9))
        + chunk(b"IEND", b"")
    )


def pdf(title: str, lines: list[str]) -> bytes:
    """Write a one-page PDF with a title and lines of Latin text."""

    def safe(text: str) -> str:
        return (
            text.encode("latin-1", "replace")
            .decode("latin-1")
            .replace("\\", "\\\\")
            .replace("(", "\\(")
            .replace(")", "\\)")
        )

    body = (
        f"BT /F1 20 Tf 60 760 Td ({safe(title)}) Tj /F1 11 Tf "
        + " ".join(f"0 -22 Td ({safe(line)}) Tj" for line in lines)
        + " ET"
    )
    stream = body.encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 4 0 R >> >> /Contents 5 0 R >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Length " + str(len(stream)).encode() + b" >>\nstream\n" + stream + b"\nendstream",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    return bytes(out) + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


def invitation(uid: str, start: datetime, end: datetime, stamp: datetime) -> bytes:
    """Write an iMIP request (RFC 5546) as calendar text."""

    def utc(moment: datetime) -> str:
        return moment.strftime("%Y%m%dT%H%M%SZ")

    lines = (
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Posthouse//Demo//EN", "METHOD:REQUEST", "BEGIN:VEVENT", f"UID:{uid}", f"DTSTAMP:{utc(stamp)}",
        f"DTSTART:{utc(start)}", f"DTEND:{utc(end)}", "SUMMARY:Q1 planning", "LOCATION:Room Säntis or video", "ORGANIZER;CN=Priya Raman:mailto:priya@q1planning.example",
        "ATTENDEE;CN=Iris Lin;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:iris@lin.example", "END:VEVENT", "END:VCALENDAR", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode()


_HUES: dict[str, tuple[Colour, Colour, Colour]] = {
    "Oak and ash.png": ((226, 190, 140), (190, 140, 84), (222, 205, 172)),
    "Ridge.png": ((148, 190, 224), (96, 122, 142), (78, 128, 84)),
    "Fog.png": ((214, 220, 224), (182, 192, 198), (132, 150, 140)),
    "Limani.png": ((120, 180, 220), (224, 214, 196), (40, 110, 160)),
}


def file(name: str) -> tuple[str, bytes]:
    """Return the content type and octets of a named attachment."""
    if name.endswith(".png"):
        hues = _HUES.get(name, ((236, 239, 240), (196, 206, 208), (120, 140, 146)))
        return "image/png", png(480, 300, hues, seed=len(name))
    if name.endswith(".pdf"):
        lines = [
            "This page was made for the Posthouse demo.",
            "Width of the corridor: 1.42 m",
            "Table at the window: 3.20 m",
            "Start of work: Monday, 7 December",
        ]
        return "application/pdf", pdf(name.removesuffix(".pdf"), lines)
    if name.endswith(".csv"):
        return (
            "text/csv",
            b"Position,Quantity,CHF\r\nLong table,1,9800\r\nAcoustic panels,14,11900\r\nKitchen line,1,26550\r\n",
        )
    return "text/plain", (
        "第三章　邮驿\n\n驿站之设，三十里一亭。夜来风雪，信使叩门，灯下拆封，字字皆故人。\n" * 12
    ).encode()
