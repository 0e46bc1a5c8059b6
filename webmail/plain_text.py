"""Plain text as markup: escaped, links found on text alone, quotes folded, flowed lines joined. Pure.

Invariant (T027): every character of the mail passes `escape` exactly once; the only tags are written here.
RFC 3676 (format=flowed, DelSp).
"""

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from webmail import sanitize_link

MAX_TEXT = 512 * 1024
MAX_LINKS = 2_000
MAX_LINK = 2_000
_URL = re.compile(
    r"(?:https?://|www\.)[^\s<>\"'`{}|\\^\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\u2018-\u201f]{2,}", re.IGNORECASE
)
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")
_EITHER = re.compile(f"(?:{_URL.pattern})|(?:{_EMAIL.pattern})", re.IGNORECASE)
_TRAILING = ".,;:!?*_~'\"…"
_INTRODUCTION = re.compile(
    r".{0,200}(?:wrote|writes|schrieb|écrit|escribió|写道|寫道|написал\w*)(?:\s[^:：]{0,80})?\s*[:：]\s*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines: `text`, `quote` or `signature`."""

    kind: str
    markup: Markup
    folded: bool = False


def render(text: str, *, flowed: bool = False, delsp: bool = False, limit: int = MAX_TEXT) -> list[Block]:
    """The text as blocks for the page."""
    lines = text[:limit].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if flowed:
        lines = unflow(lines, delsp=delsp)
    runs = _runs(lines)
    found: list[Block] = []
    budget = [MAX_LINKS]
    last = len(runs) - 1
    for index, (kind, members) in enumerate(runs):
        trailing = kind == "quote" and all(other == "signature" for other, _ in runs[index + 1 : last + 1])
        shown = [_unquoted(line) for line in members] if kind == "quote" else members
        body = "\n".join(shown).strip("\n")
        if body.strip():
            found.append(Block(kind, linked(body, budget), folded=trailing and len(found) > 0))
    return found


def unflow(lines: list[str], *, delsp: bool) -> list[str]:
    """Join flowed lines (RFC 3676 §4.2): one that ends in a space goes on in the next of the same quote depth."""
    joined: list[str] = []
    open_depth = -1
    for line in lines:
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")  # §4.4: space-stuffing
        continues = content.endswith(" ") and content != "-- "
        kept = content[:-1] if continues and delsp else content
        if depth == open_depth and content != "-- ":
            joined[-1] += kept
        else:
            joined.append(f"{'>' * depth} {kept}" if depth else kept)
        open_depth = depth if continues else -1
    return joined


def _runs(lines: list[str]) -> list[tuple[str, list[str]]]:
    """Neighbouring lines of one kind; the line that introduces a quote belongs to it."""
    runs: list[tuple[str, list[str]]] = []
    in_signature = False
    for line in lines:
        if line in ("-- ", "--\u00a0"):
            in_signature = True
        kind = "signature" if in_signature else "quote" if line.startswith(">") else "text"
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(line)
        elif kind == "text" and not line.strip() and runs and runs[-1][0] == "quote":
            runs[-1][1].append(">")
        else:
            runs.append((kind, [line]))
    for index in range(1, len(runs)):
        if runs[index][0] == "quote" and runs[index - 1][0] == "text":
            _take_introduction(runs[index - 1][1], runs[index][1])
    return [(kind, members) for kind, members in runs if members]


def _take_introduction(before: list[str], quote: list[str]) -> None:
    tail = len(before)
    while tail and not before[tail - 1].strip():
        tail -= 1
    for size in (1, 2):
        if tail >= size and _INTRODUCTION.match(" ".join(before[tail - size : tail])):
            quote[:0] = [*before[tail - size : tail], ">"]
            del before[tail - size :]
            return


def _unquoted(line: str) -> str:
    return line[1:].removeprefix(" ") if line.startswith(">") else line


def linked(text: str, budget: list[int] | None = None) -> Markup:
    """Escape the text and make links of addresses in it."""
    left = budget if budget is not None else [MAX_LINKS]
    parts: list[Markup] = []
    position = 0
    for match in _EITHER.finditer(text):
        if left[0] <= 0:
            break
        if len(match[0]) > MAX_LINK:
            continue
        found = _trimmed(match[0])
        link = _link(found)
        if link is None:
            continue
        left[0] -= 1
        parts += (escape(text[position : match.start()]), link)
        position = match.start() + len(found)
    parts.append(escape(text[position:]))
    return Markup().join(parts)


def _trimmed(url: str) -> str:
    """Leave what closes a sentence or a bracket outside of the link. Costs the square of its length, which is bounded."""
    while url:
        if url[-1] in _TRAILING or (url[-1] in ")]" and url.count(url[-1]) > url.count("(" if url[-1] == ")" else "[")):
            url = url[:-1]
        else:
            break
    return url


def _link(text: str) -> Markup | None:
    if not text:
        return None
    lowered = text.lower()
    address = (
        text if lowered.startswith("http") else f"https://{text}" if lowered.startswith("www.") else f"mailto:{text}"
    )
    link = sanitize_link.read(address)
    if link is None:
        return None
    return Markup('<a href="{}" title="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>').format(
        link.href, link.shown, text
    )
