"""A directory that knows the people the test named, and nobody else."""

from server.accounts.account import Account
from server.accounts.directory import Local, NotLocal, Recipient, UnknownUser


class _Database:
    def __init__(self, domains):
        self.domains = domains

    async def async_read(self, _fn):
        return self.domains


class FakeDirectory:
    """`people`: address -> account number, or several numbers; `quotas`: account number -> octets."""

    def __init__(self, people, *, domains=("ours.test",), quotas=None, hostname="mx.ours.test"):
        self.people = {a: (n if isinstance(n, tuple) else (n,)) for a, n in people.items()}
        self.domains, self.quotas = list(domains), dict(quotas or {})
        self.database = _Database(self.domains)
        self._hostname = hostname

    def hostname(self):
        return self._hostname

    async def resolve(self, address):
        wanted = address.lower()
        if wanted.rpartition("@")[2] not in self.domains:
            return NotLocal()
        found = self.people.get(wanted)
        return Local(tuple(Recipient(n, wanted, None, self.quotas.get(n)) for n in found)) if found else UnknownUser()

    async def account(self, account_id):
        for address, numbers in self.people.items():
            if numbers == (account_id,):
                return Account(account_id, address, "", False, True, self.quotas.get(account_id))
        return None

    async def may_send_as(self, account_id, address):
        return self.people.get(address.lower()) == (account_id,)
