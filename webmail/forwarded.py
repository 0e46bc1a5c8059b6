"""Who really asks, when a reverse proxy of ours stands in front.

Invariant (security.md T062): X-Forwarded-For is believed from the addresses in `trusted_proxies` alone, and read from the right, so
that what a visitor wrote into it himself is never reached.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Environ = dict[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
HOPS = 20


class TrustedProxies:
    """The addresses of our own reverse proxies."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._trusted = [ipaddress.ip_network(one, strict=False) for one in trusted]

    def trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


class Forwarded:
    """WSGI middleware: puts the visitor's address and scheme where the application looks for them."""

    def __init__(self, application: Application, trusted: Sequence[str]) -> None:
        self._application = application
        self._proxies = TrustedProxies(trusted)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        if self._proxies.trusts(peer):
            environ["REMOTE_ADDR"] = self._visitor(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self._application(environ, start_response)

    def _visitor(self, peer: str, forwarded: str) -> str:
        """The last address that is none of our own proxies."""
        for text in [part.strip() for part in forwarded.split(",")][: -HOPS - 1 : -1]:
            try:
                ipaddress.ip_address(text)
            except ValueError:
                return peer
            if not self._proxies.trusts(text):
                return text
            peer = text
        return peer
