"""A resolver that knows what the test told it."""

from server.dns.resolver import LookupFailed, Mx, NoSuchDomain, Srv


class FakeResolver:
    """`mx`: domain -> [(preference, host)]; `hosts`: name -> addresses. `down` names fail for now; others do not exist."""

    def __init__(self, mx=None, hosts=None, txt=None, ptr=None, srv=None, down=()):
        self.mx_records = dict(mx or {})
        self.host_records = dict(hosts or {})
        self.txt_records = dict(txt or {})
        self.ptr_records = dict(ptr or {})
        self.srv_records = dict(srv or {})
        self.down = set(down)
        self.asked: list[tuple[str, str]] = []

    async def mx(self, domain: str) -> list[Mx]:
        found = self._find("mx", domain, self.mx_records, also=self.host_records)
        return sorted(Mx(preference, host) for preference, host in found)

    async def addresses(self, host: str) -> list[str]:
        return list(self._find("addresses", host, self.host_records, also=self.mx_records))

    async def txt(self, name: str) -> list[bytes]:
        return list(self._find("txt", name, self.txt_records, also={**self.mx_records, **self.host_records}))

    async def ptr(self, address: str) -> list[str]:
        return list(self._find("ptr", address, self.ptr_records, also={}))

    async def srv(self, name: str) -> list[Srv]:
        return sorted(Srv(*record) for record in self._find("srv", name, self.srv_records, also={}))

    def _find(self, kind, name, records, *, also):
        self.asked.append((kind, name))
        if name in self.down:
            raise LookupFailed(name)
        if name in records:
            return records[name]
        if name in also:
            return []
        raise NoSuchDomain(name)
