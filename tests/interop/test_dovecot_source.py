"""Debian's Dovecot as the external provider, our own LMTP and store behind the collector."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any

import pytest

from fetcher import account as sources
from fetcher import check, now, seen
from fetcher.account import NewSource
from fetcher.connection import Environment
from fetcher.deliver import LmtpDeliverer
from fetcher.run import Kit
from server.accounts import account as accounts
from server.accounts.directory import open_database
from server.clock import SystemClock
from server.config import Settings
from server.notify.bus import SilentBus
from server.runtime.door import open_door
from server.store import mailboxes, messages
from server.store.store import Store
from tests.fakes.dovecot import NAME, PASSWORD, dovecot
from tests.fakes.pop3_server import letters

pytestmark = pytest.mark.interop
ANN = "ann@here.example"


@pytest.fixture(scope="module")
def provider():
    with dovecot() as running:
        yield running


def port_of(provider, protocol, tls):
    if protocol == "imap":
        return provider.imap_tls_port if tls == "implicit" else provider.imap_port
    return provider.tls_port if tls == "implicit" else provider.port


BOTH = pytest.mark.parametrize("protocol", ["pop3", "imap"])


@dataclass
class House:
    settings: Settings
    database: Any
    account_id: int
    port: int
    provider: Any

    @property
    def kit(self):
        return Kit(
            self.settings,
            self.database,
            SystemClock(),
            lambda: LmtpDeliverer("127.0.0.1", self.port),
            Environment(trust=self.provider.authority.trust),
        )

    def add(self, user, *, tls="implicit", leave=True, mailbox="INBOX", password=PASSWORD, protocol="pop3"):
        port = port_of(self.provider, protocol, tls)
        new = NewSource(self.account_id, ANN, NAME, port, tls, user, protocol, leave=leave, mailbox=mailbox)
        ring = sources.keyring(self.settings)
        return self.database.write(lambda w: sources.create(w, new, password, ring, now=SystemClock().now()))

    async def fetch(self):
        return (await now.fetch_all(self.kit, self.account_id))[0]

    def stored(self, mailbox="INBOX"):
        store = Store(self.settings, SilentBus(), SystemClock())

        def read(r):
            box = mailboxes.by_name(r, mailbox)
            found = messages.rows(r, box.id, messages.uids(r, box.id))
            return [(m.internaldate, messages.raw(r, m)) for m in found]

        try:
            return store.read_now(self.account_id, read)
        finally:
            store.close()


@pytest.fixture
async def house(tmp_path, provider):
    settings = Settings(data=tmp_path)
    database = open_database(settings.directory_db, sources.SCHEMA)
    database.write(lambda w: accounts.add_domain(w, "here.example"))
    ann = database.write(lambda w: accounts.add_account(w, ANN, "correct horse battery"))
    async with open_door(settings) as port:
        yield House(settings, database, ann.id, port, provider)
    database.close()


def bodies(stored):
    """The octets without the trace fields that delivery puts on top."""
    return sorted(raw[raw.index(b"Received: from a by b;") :] for _, raw in stored)


@BOTH
@pytest.mark.parametrize("tls", ["implicit", "starttls", "none"])
async def test_collected_once_left_and_then_deleted(house, provider, tls, protocol):
    user = f"left-{tls}-{protocol}"
    raws = letters(40, size=2000)
    provider.put(user, raws)
    source_id = house.add(user, tls=tls, protocol=protocol)
    first = await house.fetch()
    assert (first.delivered, first.error) == (40, None)
    second = await house.fetch()
    assert (second.delivered, second.duplicates, second.error) == (0, 0, None)
    more = letters(5, start=100)
    provider.put(user, more, start=100)
    assert (await house.fetch()).delivered == 5
    assert provider.left(user) == 45
    assert protocol == "pop3" or not provider.flags(user)  # Dovecot takes RETR for reading
    assert bodies(house.stored()) == sorted(raws + more)

    house.database.write(lambda w: sources.change(w, source_id, now=SystemClock().now(), leave=False))
    last = await house.fetch()
    assert (last.delivered, last.removed, last.error) == (0, 45, None)
    assert provider.left(user) == 0
    assert len(house.stored()) == 45
    stories = house.database.read(lambda r: seen.stories(r, source_id))
    assert len(stories) == 45 and all(s.removed_at for s in stories)


@BOTH
async def test_deleted_at_once_into_a_folder_with_the_providers_dates(house, provider, protocol):
    user = f"moved-{protocol}"
    provider.put(user, letters(10))
    house.add(user, leave=False, mailbox="Anderswo/Größe", protocol=protocol)
    report = await house.fetch()
    assert (report.delivered, report.removed, report.error) == (10, 10, None)
    assert provider.left(user) == 0
    assert {when.isoformat()[:16] for when, _ in house.stored("Anderswo/Größe")} == {"2026-03-02T10:00"}


@BOTH
async def test_signing_in_is_refused_with_words(house, provider, protocol):
    provider.put("refused", [])
    house.add("refused", password="wrong", protocol=protocol)
    report = await house.fetch()
    assert report.error.code == "sign-in"


@BOTH
async def test_a_ledger_that_was_lost_does_not_flood_the_inbox(house, provider, protocol):
    provider.put(f"lost-{protocol}", letters(30))
    source_id = house.add(f"lost-{protocol}", protocol=protocol)
    assert (await house.fetch()).delivered == 30
    house.database.write(lambda w: w.raw("DELETE FROM source_message WHERE source_id = ?", (source_id,)))
    assert (await house.fetch()).error is None
    assert len(house.stored()) == 30


async def test_new_uids_do_not_flood_the_inbox(house, provider):
    raws = letters(30)
    provider.put("anew", raws)
    source_id = house.add("anew", protocol="imap")
    assert (await house.fetch()).delivered == 30
    before = {s.uidl for s in house.database.read(lambda r: seen.stories(r, source_id))}
    provider.forget_uids("anew")
    report = await house.fetch()
    assert (report.delivered, report.duplicates, report.error) == (0, 30, None)
    after = {s.uidl for s in house.database.read(lambda r: seen.stories(r, source_id))}
    assert len(after - before) == 30
    assert bodies(house.stored()) == sorted(raws)


@BOTH
async def test_the_check_walks_through_it(house, provider, protocol):
    provider.put("checked", letters(3))
    shell = Environment(trust=provider.authority.trust)
    place = (house.settings, NAME, port_of(provider, protocol, "implicit"), "implicit", "checked", PASSWORD)
    steps = await check.check(*place, protocol=protocol, environment=shell)
    assert [(s.name, s.ok) for s in steps] == [(name, True) for name in check.STEPS]
    assert {"pop3": "PIPELINING", "imap": "UIDPLUS"}[protocol] in next(s for s in steps if s.name == "sign-in").detail


@pytest.mark.parametrize("format_", ["%f", "%08Xu%08Xv"])
async def test_other_forms_of_uidl(tmp_path, house, format_):
    """A provider that changes how it makes UIDLs gives every message a new one."""
    with dovecot(f"pop3_uidl_format = {format_}") as other:
        house.provider = other
        raws = letters(12)
        other.put("moved", raws)
        house.add("moved")
        assert (await house.fetch()).delivered == 12
        assert bodies(house.stored()) == sorted(raws)


async def test_three_hundred_messages(house, provider, record_property):
    raws = letters(300, size=20_000)
    provider.put("many", raws)
    house.add("many", tls="none")
    began = time.perf_counter()
    report = await house.fetch()
    record_property("seconds", time.perf_counter() - began)
    assert (report.delivered, report.error) == (300, None)
    assert bodies(house.stored()) == sorted(raws)
    with contextlib.suppress(asyncio.CancelledError):
        print(f"300 messages of 20 kB stored and indexed in {time.perf_counter() - began:.2f} s")
