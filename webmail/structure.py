"""The parts of a message, from BODYSTRUCTURE: which is the text, which are attachments, what is shown inside. Pure.

RFC 9051 §7.5.2 (BODYSTRUCTURE), RFC 2231 (parameters), RFC 2183 (disposition), RFC 2387 (related).
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from server.mail import charset as charsets
from webmail.envelope import shown, words
from webmail.imap_response import Item, number, text

MAX_PARTS = 1_000
MAX_DEPTH = 50
MAX_FILENAME = 180


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the tree. `path` is IMAP's section number; the root of a multipart has an empty one."""

    path: str
    kind: str
    parameters: dict[str, str]
    content_id: str = ""
    encoding: str = "7bit"
    size: int = 0
    disposition: str = ""
    filename: str = ""
    children: tuple["Part", ...] = ()

    @property
    def charset(self) -> str:
        return self.parameters.get("charset", "")

    @property
    def is_multipart(self) -> bool:
        return self.kind.startswith("multipart/")

    def walk(self) -> Iterator["Part"]:
        """Give this part and all below it, in order, without recursion."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.children))

    def find(self, path: str) -> "Part | None":
        """The part of that section number."""
        return next((part for part in self.walk() if part.path == path and not part.is_multipart), None)

    @property
    def decoded_size(self) -> int:
        """Octets after the transfer encoding, as well as it can be told from outside."""
        return self.size * 3 // 4 if self.encoding == "base64" else self.size


def read(item: Item) -> Part:
    """Build the tree; what cannot be read becomes an empty text part."""
    budget = [MAX_PARTS]
    root = _node(item, "", 0, budget)
    if root is None:
        return Part("1", "text/plain", {})
    return root


def _node(item: Item, path: str, depth: int, budget: list[int]) -> Part | None:
    if not isinstance(item, list) or not item or depth > MAX_DEPTH or budget[0] <= 0:
        return None
    budget[0] -= 1
    if isinstance(item[0], list):
        return _multipart(item, path, depth, budget)
    return _leaf(item, path or "1", depth, budget)


def _multipart(item: list[Item], path: str, depth: int, budget: list[int]) -> Part:
    count = next((i for i, entry in enumerate(item) if not isinstance(entry, list)), len(item))
    prefix = f"{path}." if path else ""
    children = [_node(entry, f"{prefix}{i}", depth + 1, budget) for i, entry in enumerate(item[:count], start=1)]
    subtype = text(item[count]).lower() if count < len(item) else "mixed"
    parameters = _parameters(item[count + 1]) if count + 1 < len(item) else {}
    return Part(path, f"multipart/{subtype}", parameters, children=tuple(child for child in children if child))


def _leaf(item: list[Item], path: str, depth: int, budget: list[int]) -> Part:
    cells = [*item, *[None] * (7 - len(item))]
    kind = f"{shown(text(cells[0])).lower()}/{shown(text(cells[1])).lower()}"
    parameters = _parameters(cells[2])
    after = 7
    children: tuple[Part, ...] = ()
    if kind.startswith("text/"):
        after = 8
    elif kind in ("message/rfc822", "message/global") and len(item) > 8:
        after = 10
        inner = item[8]
        # RFC 9051 §6.4.5.1: the parts of an embedded multipart are numbered under it, a single part gets `.1`.
        nested = isinstance(inner, list) and bool(inner) and isinstance(inner[0], list)
        child = _node(inner, path if nested else f"{path}.1", depth + 1, budget)
        children = (child,) if child else ()
    disposition, named = _disposition(item[after + 1] if len(item) > after + 1 else None)
    filename = named.get("filename") or parameters.get("name", "")
    return Part(
        path=path,
        kind=kind,
        parameters=parameters,
        content_id=text(cells[3]).strip().strip("<>"),
        encoding=text(cells[5]).lower(),
        size=number(cells[6]),
        disposition=disposition,
        filename=safe_filename(filename),
        children=children,
    )


def _disposition(item: Item) -> tuple[str, dict[str, str]]:
    if not isinstance(item, list) or not item:
        return "", {}
    return text(item[0]).lower(), _parameters(item[1]) if len(item) > 1 else {}


def _parameters(item: Item) -> dict[str, str]:
    """Name and value pairs; RFC 2231 pieces (`name*0*`) are put together, RFC 2047 words are read as people write them."""
    if not isinstance(item, list):
        return {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for i in range(0, min(len(item), 256) - 1, 2):
        name, raw = text(item[i]).lower(), item[i + 1]
        value = raw if isinstance(raw, bytes) else b""
        base, star, rest = name.partition("*")
        if not star:
            plain.setdefault(base, words(value))
            continue
        index, _, extended = rest.partition("*")
        number_of = int(index) if index.isdigit() and len(index) < 4 else 0
        is_extended = rest == "" or bool(extended) or rest.endswith("*")
        pieces.setdefault(base, {}).setdefault(number_of, (value, is_extended))
    for base, parts in pieces.items():
        plain[base] = _continued(parts)
    return plain


def _continued(parts: dict[int, tuple[bytes, bool]]) -> str:
    # RFC 2231 §3-4: the first piece may carry charset'language'; extended pieces are percent-encoded.
    charset = "utf-8"
    octets = bytearray()
    for position, index in enumerate(sorted(parts)):
        value, is_extended = parts[index]
        if is_extended and position == 0 and value.count(b"'") >= 2:
            label, _, value = value.split(b"'", 2)
            charset = label.decode("ascii", "replace") or "utf-8"
        octets += _percent_decoded(value) if is_extended else value
    return shown(charsets.decode(bytes(octets), charset))


def _percent_decoded(value: bytes) -> bytes:
    first, *others = value.split(b"%")
    out = bytearray(first)
    for chunk in others:
        try:
            out += bytes.fromhex(chunk[:2].decode("ascii")) + chunk[2:]
        except ValueError:
            out += b"%" + chunk
    return bytes(out)


def safe_filename(name: str) -> str:
    """A name that is only a name: no path, no control or bidirectional characters (T023, T042), not endless."""
    flat = posixpath.basename(shown(name).replace("\\", "/")).strip(". ")
    if len(flat) > MAX_FILENAME:
        stem, dot, extension = flat.rpartition(".")
        flat = f"{stem[: MAX_FILENAME - 12]}{dot}{extension[:10]}" if dot else flat[:MAX_FILENAME]
    return flat
