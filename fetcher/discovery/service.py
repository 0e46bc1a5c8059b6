"""SRV records that name the servers of a domain (RFC 6186, RFC 8314 §5.1). Pure."""

from collections.abc import Mapping, Sequence

from fetcher.discovery.offer import Found, Offer, Origin, acceptable, found
from server.dns.resolver import Srv

SERVICES: Mapping[str, tuple[str, str]] = {
    "_imaps._tcp": ("imap", "implicit"),
    "_pop3s._tcp": ("pop3", "implicit"),
    "_imap._tcp": ("imap", "starttls"),
    "_pop3._tcp": ("pop3", "starttls"),
}
"""Which record stands for what. RFC 6186 §3.2: `_imap` and `_pop3` are servers that offer STARTTLS; without it we do not talk."""


def offers(domain: str, records: Mapping[str, Sequence[Srv]]) -> Found | None:
    """Choose among the records of all four services."""
    candidates = []
    for place, (service, (protocol, tls)) in enumerate(SERVICES.items()):
        for record in records.get(service, ()):
            # RFC 2782: an empty target says that the service is not there.
            offer = Offer(protocol, record.target, record.port, tls)
            if record.target and acceptable(offer):
                # RFC 6186 §3.4: the priority also says which service is preferred. RFC 8314 §5.1: TLS from the start before STARTTLS.
                candidates.append((tls == "starttls", record.priority, place, -record.weight, record.target, offer))
    return found(Origin.DNS, domain, domain, [candidate[-1] for candidate in sorted(candidates, key=lambda c: c[:-1])])
