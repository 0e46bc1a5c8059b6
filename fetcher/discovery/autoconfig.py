"""The settings that providers publish for mail programs: Thunderbird's `config-v1.1.xml`. Pure.

Written down in draft-ietf-mailmaint-autoconfig. Read by expat with everything refused that XML has for trouble: no document type, so no
entity of the document's own and nothing outside that could be loaded; depth, number and length of elements are bounded, and the
octets are UTF-8 whatever they say. Of the document only the incoming servers are read.
"""

from xml.parsers import expat

from fetcher.discovery.offer import Found, Offer, Origin, acceptable, found, name_of
from fetcher.preset import ADDRESS, DOMAIN

SIZE_LIMIT = 128 * 1024
DEPTH_LIMIT = 12
ELEMENT_LIMIT = 3_000
TEXT_LIMIT = 500
SERVERS_LIMIT = 20

_PROVIDER = ("clientConfig", "emailProvider")
_SERVER = (*_PROVIDER, "incomingServer")
_TLS = {"ssl": "implicit", "tls": "starttls", "starttls": "starttls"}
_BY_PASSWORD = frozenset({"password-cleartext", "plain", "password-encrypted", "secure"})
"""Ways to sign in that take what a person types; `plain` and `secure` are older words for the first two."""


class NotSettings(ValueError):
    """The octets are no settings that we could use."""


def parse(octets: bytes, domain: str, origin: Origin) -> Found:
    """Return the servers that a document offers for a domain, in its order of preference.

    Raises:
        NotSettings: It is none, it is dangerous, or it offers nothing with TLS.
    """
    if len(octets) > SIZE_LIMIT:
        raise NotSettings("too large")
    document = _Document()
    try:
        document.read(octets)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise NotSettings("not well-formed, or not allowed") from error
    offers = [o for o in (_offer(fields, domain) for fields in document.servers) if o is not None]
    result = found(origin, domain, document.label, offers)
    if result is None:
        raise NotSettings("no server with TLS")
    return result


def _offer(fields: dict[str, list[str]], domain: str) -> Offer | None:
    def first(name: str) -> str:
        return next(iter(fields.get(name, ())), "")

    port = first("port")
    host = name_of(first("hostname").replace(DOMAIN, domain))
    tls = _TLS.get(first("socketType").lower())
    if host is None or tls is None or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    ways = {way.lower() for way in fields.get("authentication", ())}
    offer = Offer(
        first("type").lower(),
        host,
        int(port),
        tls,
        first("username") or ADDRESS,
        password_works=not ways or bool(ways & _BY_PASSWORD),
    )
    return offer if acceptable(offer) else None


class _Document:
    """What the parser tells as it goes."""

    def __init__(self) -> None:
        self.servers: list[dict[str, list[str]]] = []
        self.label = ""
        self._path: list[str] = []
        self._text: list[str] = []
        self._length = self._elements = 0

    def read(self, octets: bytes) -> None:
        parser = expat.ParserCreate("utf-8")
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.UnparsedEntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(octets, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._elements += 1
        if len(self._path) > DEPTH_LIMIT or self._elements > ELEMENT_LIMIT:
            raise NotSettings("too much of it")
        self._text, self._length = [], 0
        if tuple(self._path) == _SERVER:
            if len(self.servers) == SERVERS_LIMIT:
                raise NotSettings("too many servers")
            self.servers.append({"type": [attributes.get("type", "")]})

    def _end(self, name: str) -> None:
        text, where = "".join(self._text).strip(), tuple(self._path[:-1])
        if where == _SERVER:
            self.servers[-1].setdefault(name, []).append(text)
        elif where == _PROVIDER and name == "displayName":
            self.label = self.label or text
        self._path.pop()
        self._text, self._length = [], 0

    def _characters(self, text: str) -> None:
        self._length += len(text)
        if self._length <= TEXT_LIMIT:
            self._text.append(text)
        elif tuple(self._path[:-1]) == _SERVER:
            raise NotSettings("a value is too long")


def _refuse(*_: object) -> int:
    raise NotSettings("a document type or an entity")
