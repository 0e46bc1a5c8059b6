"""How many connections one peer, and everybody together, may hold in this process.

Invariants: `leave` is called once for each `enter` that returned True; a count that falls to zero is forgotten, so the table is
no larger than the number of open connections. IPv6 peers are counted by /64, the smallest network one customer gets: else
one machine has 2**64 addresses to come from (security.md T102). Loopback has a bound of its own: the webmail, the collector and
local tests come from there in hundreds.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from server.config import Limits

DEFAULT = Limits()


class ConnectionLimits:
    """Counts open connections. Used on the event loop only, so without a lock."""

    def __init__(
        self,
        total: int = DEFAULT.connections,
        per_address: int = DEFAULT.connections_per_address,
        per_local_address: int = DEFAULT.connections_per_local_address,
    ) -> None:
        self._total, self._per_address, self._per_local = total, per_address, per_local_address
        self._open: Counter[str] = Counter()
        self._sum = 0

    @classmethod
    def of(cls, limits: Limits) -> "ConnectionLimits":
        return cls(limits.connections, limits.connections_per_address, limits.connections_per_local_address)

    @property
    def open(self) -> int:
        """Connections held now."""
        return self._sum

    def enter(self, peer: str) -> bool:
        """Count one more connection of a peer's address; False (and nothing counted) when that is one too many."""
        network, local = network_of(peer)
        allowed = self._per_local if local else self._per_address
        if self._sum >= self._total or self._open[network] >= allowed:
            if not self._open[network]:
                del self._open[network]
            return False
        self._open[network] += 1
        self._sum += 1
        return True

    def leave(self, peer: str) -> None:
        """Take back one `enter`."""
        network, _ = network_of(peer)
        self._sum -= 1
        self._open[network] -= 1
        if self._open[network] <= 0:
            del self._open[network]

    @contextmanager
    def admitted(self, peer: str) -> Iterator[bool]:
        """Hold a place for the time of a block, if there is one: the block is told."""
        entered = self.enter(peer)
        try:
            yield entered
        finally:
            if entered:
                self.leave(peer)


def network_of(peer: str) -> tuple[str, bool]:
    """Return what a peer is counted by, and whether it is this machine."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer, True  # a unix socket has no address; only this machine can use it
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False)), False
    return str(address), address.is_loopback
