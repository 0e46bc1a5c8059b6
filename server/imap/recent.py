"""The last few messages a connection has read, decoded.

A client that fetches a large message in pieces does not make the server decompress and parse it for each piece.
Bounded in number and octets; while a client fetches by pieces the newest is kept whatever its size, because the next piece of it is
what will be asked for, as long as the other connections of the account do not keep too much of that kind already.
"""

from collections import OrderedDict
from dataclasses import dataclass

from server.mail.limits import Limits
from server.mail.mime import Part, parse
from server.net.budget import Share

MAX_MESSAGES = 4
MAX_OCTETS = 2 * 2**20
_SHALLOW = Limits(depth=0)


@dataclass(slots=True)
class Decoded:
    """Octets of a message and, once somebody asked for a part, its structure."""

    raw: bytes
    _root: Part | None = None
    _outline: Part | None = None

    @property
    def root(self) -> Part:
        if self._root is None:
            self._root = parse(self.raw)
        return self._root

    @property
    def outline(self) -> Part:
        """Header and body of the whole, without the parts inside: enough for the sections that clients list by."""
        if self._outline is None:
            self._outline = self._root or parse(self.raw, _SHALLOW)
        return self._outline


class RecentMessages:
    """Those of one connection.

    Args:
        share: What all connections of an account may keep of large messages; None for as much as there is.
        account: Whose share.
    """

    __slots__ = ("_account", "_kept", "_octets", "_share")

    def __init__(self, share: Share | None = None, account: int = 0) -> None:
        self._share, self._account = share, account
        self._kept: OrderedDict[int, Decoded] = OrderedDict()
        self._octets = 0

    def get(self, content_id: int) -> Decoded | None:
        found = self._kept.get(content_id)
        if found is not None:
            self._kept.move_to_end(content_id)
        return found

    def put(self, content_id: int, raw: bytes) -> Decoded:
        decoded = Decoded(raw)
        while self._kept and (len(self._kept) >= MAX_MESSAGES or self._octets + len(raw) > MAX_OCTETS):
            self._drop(last=False)
        if len(raw) <= MAX_OCTETS or self._share is None or self._share.take(self._account, len(raw)):
            self._kept[content_id] = decoded
            self._octets += len(raw)
        return decoded

    def _drop(self, *, last: bool) -> None:
        _, dropped = self._kept.popitem(last=last)
        self._octets -= len(dropped.raw)
        if len(dropped.raw) > MAX_OCTETS and self._share is not None:
            self._share.give(self._account, len(dropped.raw))

    def let_go_of_large(self) -> None:
        """Keep nothing beyond the bound: for when no further piece is expected."""
        while self._octets > MAX_OCTETS:
            self._drop(last=True)

    def clear(self) -> None:
        while self._kept:
            self._drop(last=True)
