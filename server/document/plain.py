"""Words of attachments that are text under another type: in whatever character set they come. Pure."""

from collections.abc import Iterator

from server.document.limits import Limits
from server.mail import charset, html_text


def pieces(octets: bytes, limits: Limits, *, is_html: bool) -> Iterator[tuple[str, bool]]:
    """Yield the text, and whether the limits let all of it through."""
    bound = limits.characters * 4
    text = charset.guess(octets[:bound])
    yield html_text.to_text(text) if is_html else text, len(octets) <= bound
