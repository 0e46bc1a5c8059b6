"""A whole mail role in a folder of the test: real directory, store, queue and pipeline, SMTP and LMTP on free ports."""

import random
import socket
from dataclasses import replace

from server.accounts import account as accounts
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory, open_database
from server.clock import SystemClock
from server.config import Limits, Settings
from server.delivery.pipeline import Pipeline
from server.net.limits import ConnectionLimits
from server.net.listener import close_all
from server.net.tls import server_context
from server.notify.bus import SilentBus
from server.queue import spool
from server.queue.submit import Queue
from server.smtp import listener
from server.store import mailboxes, messages, quota
from server.store.store import Store

HOST = "mx.ours.test"
PASSWORD = "correct horse battery"


def free_offset():
    """A port offset at which nothing listens yet on the ports that mail takes; below the ports of outgoing connections."""
    while True:
        offset = random.randrange(10_000, 31_000)
        probe = Settings(data=None, port_offset=offset).ports
        if all(_free(p) for p in (probe.smtp, probe.lmtp, probe.submission, probe.submissions)):
            return offset


def _free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class MailHouse:
    """`people`: names at ours.test; account numbers by address are in `numbers`."""

    def __init__(self, data, people=("anna", "ben"), *, checks=None, port_offset=None, **limits):
        self.settings = Settings(
            data=data,
            port_offset=free_offset() if port_offset is None else port_offset,
            limits=replace(Limits(), **limits),
        )
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.clock = SystemClock()
        self.bus = SilentBus()
        self.database = open_database(self.settings.directory_db, spool.SCHEMA)
        self.directory = Directory(self.database, default_hostname=HOST)
        self.numbers = self.directory.write_now(lambda w: _people(w, people))
        self.store = Store(self.settings, self.bus, self.clock)
        self.queue = Queue(self.database, self.settings.queue_dir, self.clock, self.bus.publish_topic)
        self.pipeline = Pipeline(
            self.store, self.directory, self.queue.submit, self.clock, self.settings, hostname=HOST, checks=checks
        )
        self.authenticator = Authenticator(self.directory, self.clock)
        self.listeners = []

    @property
    def ports(self):
        return self.settings.ports

    async def start(self):
        self.listeners = await listener.start(
            self.settings,
            self.pipeline,
            self.queue,
            self.directory,
            self.authenticator,
            server_context(self.settings, HOST),
            ConnectionLimits.of(self.settings.limits),
            clock=self.clock,
        )

    async def stop(self):
        await close_all(self.listeners, grace=2.0)
        self.close()

    def close(self):
        self.authenticator.close()
        self.store.close()
        self.database.close()

    def account(self, name):
        return self.numbers[f"{name}@ours.test"]

    def mail(self, name, mailbox="INBOX"):
        """The octets of every message in a mailbox, oldest first."""

        def read(r):
            box = mailboxes.by_name(r, mailbox)
            return [messages.raw(r, m) for m in messages.rows(r, box.id, messages.uids(r, box.id))]

        return self.store.read_now(self.account(name), read)

    def rows(self, name, mailbox="INBOX"):
        def read(r):
            box = mailboxes.by_name(r, mailbox)
            return messages.rows(r, box.id, messages.uids(r, box.id))

        return self.store.read_now(self.account(name), read)

    def limit(self, name, octets):
        """Set a quota in both places that know of it."""
        account = self.account(name)
        self.store.write_now(account, lambda w: quota.set_limit(w, octets))
        self.directory.write_now(
            lambda w: w.execute(
                accounts.update(accounts.account).where(accounts.account.c.id == account).values(quota=octets)
            )
        )

    def queued(self):
        """(recipient, octets) of everything in the queue."""
        return self.database.read(
            lambda r: [
                (row.address, self.queue.blobs.get(row.message_id))
                for row in r.execute(spool.recipient_table.select().order_by(spool.recipient_table.c.id))
            ]
        )


def _people(w, people):
    accounts.add_domain(w, "ours.test")
    numbers = {}
    for name in people:
        address = f"{name}@ours.test"
        made = accounts.by_address(w, address) or accounts.add_account(w, address, PASSWORD)
        numbers[address] = made.id
    return numbers
