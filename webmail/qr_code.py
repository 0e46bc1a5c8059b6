"""QR codes as SVG for a page, made here: what they hold is nobody else's business. The one door to segno."""

import segno
from markupsafe import Markup

QUIET_ZONE = 4
"""Modules of light around the code, which ISO/IEC 18004 asks for; the box stays light on dark pages, or cameras miss it."""


def svg(text: str, title: str) -> Markup:
    """Return an inline picture, black on white, without a size of its own; `title` is what a screen reader says."""
    code = segno.make(text, error="m", micro=False)
    picture = code.svg_inline(border=QUIET_ZONE, dark="#000", light="#fff", title=title, svgclass="p-qr", omitsize=True)
    return Markup(picture)  # noqa: S704 - made of modules and of the title, which segno escapes
