"""A delivery report as a card: which address failed, and why, in words. Pure.

RFC 3464 §2 (fields of message/delivery-status), RFC 3463 (enhanced status codes).
"""

import re
from dataclasses import dataclass

from server.mail import header
from webmail.envelope import shown, words

MAX_REPORT = 256 * 1024
MAX_RECIPIENTS = 20
_GROUP_END = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient of a report; `reason` is a key that the page has words for."""

    recipient: str
    action: str
    status: str
    diagnostic: str
    reason: str


def read(data: bytes) -> list[Failure]:
    """The recipients that were not reached, or not yet."""
    found: list[Failure] = []
    for group in _GROUP_END.split(data[:MAX_REPORT])[: MAX_RECIPIENTS + 1]:
        block, _ = header.split(group + b"\r\n\r\n")
        recipient = _typed(block.get("Final-Recipient") or block.get("Original-Recipient"))
        action = shown(words(block.get("Action"))).lower()
        if not recipient or action not in ("failed", "delayed"):
            continue
        status = words(block.get("Status"))
        diagnostic = _typed(block.get("Diagnostic-Code"))
        found.append(Failure(recipient, action, status, diagnostic[:400], reason(status, diagnostic)))
    return found


def _typed(value: bytes | None) -> str:
    """The value behind `rfc822;` or `smtp;`."""
    text = words(value)
    return text.partition(";")[2].strip() if ";" in text else text.strip()


def reason(status: str, diagnostic: str) -> str:
    """A word for the most likely cause."""
    match = _STATUS.search(status) or _STATUS.search(diagnostic)
    if match is None:
        return "unknown"
    subject, detail = int(match[2]), int(match[3])
    if (subject, detail) in ((1, 1), (1, 0), (1, 6)):
        return "no-address"
    if (subject, detail) in ((1, 2), (4, 4)):
        return "no-domain"
    if (subject, detail) == (2, 2):
        return "full"
    if (subject, detail) == (3, 4):
        return "too-large"
    if subject == 7:
        return "refused"
    return "unreachable" if subject == 4 else "unknown"
