"""Which addresses the collector may connect to (security.md T051, T052). Pure.

A person types the server's name, so without this rule the collector would open doors into the network that it stands in.
Judged is the address that will be connected to, never the name. Transition addresses that carry an IPv4 address are
judged by it. RFC 6890 and the IANA special-purpose registries.
"""

import ipaddress
from types import MappingProxyType

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PUBLIC_PORTS = MappingProxyType(
    {
        "pop3": frozenset({110, 995, 1110, 1995, 2110, 2995}),
        "imap": frozenset({143, 993, 1143, 1993, 2143, 2993}),
    }
)
"""Ports that a protocol uses on the Internet; the collector must not become a port scanner."""

_BLOCKED = tuple(
    ipaddress.ip_network(n)
    for n in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
        *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/128", "::1/128", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7"),
        *("fe80::/10", "fec0::/10", "ff00::/8", "64:ff9b:1::/48"),
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")


def is_public(address: str) -> bool:
    """Return True if `address` is one of the Internet; what cannot be read is not."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_plain_public(a) for a in (parsed, *_carried(parsed)))


def _carried(address: Address) -> tuple[Address, ...]:
    """Return the IPv4 address that an IPv6 transition address leads to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return ()
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    low, number = address.packed[12:], address.packed
    if address in _NAT64 or number[:12] == bytes(12):
        return (ipaddress.IPv4Address(low),)
    if address in _SIX_TO_FOUR:
        return (ipaddress.IPv4Address(number[2:6]),)
    return ()


def _plain_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return True
    return not any(address in network for network in _BLOCKED if network.version == address.version)


def port_allowed(port: int, *, public: bool, protocol: str = "pop3") -> bool:
    return 0 < port < 65536 and (not public or port in PUBLIC_PORTS[protocol])
