"""kill -9 at every step of a fetch: nothing lost, nothing doubled, nothing deleted before it was durable."""

import asyncio
import json
import sys
from pathlib import Path
from shutil import copytree

import pytest

from fetcher import account
from fetcher.account import NewSource
from server.accounts import account as accounts
from server.accounts.directory import open_database
from server.clock import SystemClock
from server.config import Settings
from server.notify.bus import SilentBus
from server.store import mailboxes, messages
from server.store.store import Store
from tests.fakes.imap_server import ImapServer
from tests.fakes.lmtp_server import LmtpServer, Mailbox
from tests.fakes.pop3_server import Maildrop, Manners, Pop3Server, letters

ROOT = Path(__file__).parents[2]
ANN = "ann@here.example"
MANY = 5
AGAIN = 1_000
"""Seconds between runs, more than a lease."""


class Runner:
    """The process that forks a fetch for each order."""

    async def __aenter__(self):
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.fetch_process"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        return self

    async def __aexit__(self, *_):
        self._process.stdin.close()
        await self._process.wait()

    async def run(self, **order):
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return json.loads(await self._process.stdout.readline())


def prepare(folder, port, *, leave, protocol="pop3"):
    """Make a house with one account and one source."""
    folder.mkdir()
    settings = Settings(data=folder)
    database = open_database(settings.directory_db, account.SCHEMA)
    database.write(lambda w: accounts.add_domain(w, "here.example"))
    ann = database.write(lambda w: accounts.add_account(w, ANN, "correct horse battery"))
    new = NewSource(ann.id, ANN, "127.0.0.1", port, "none", "someone", protocol, leave=leave)
    ring = account.keyring(settings)
    database.write(lambda w: account.create(w, new, "right horse", ring, now=SystemClock().now()))
    database.close()
    return settings, ann.id


def stored(settings, account_id):
    """The octets that our store holds, without the trace fields put on top."""
    store = Store(settings, SilentBus(), SystemClock())

    def read(r):
        inbox = mailboxes.by_name(r, "INBOX")
        return [messages.raw(r, m) for m in messages.rows(r, inbox.id, messages.uids(r, inbox.id))]

    try:
        return sorted(raw[raw.index(b"Received: from a by b;") :] for raw in store.read_now(account_id, read))
    finally:
        store.close()


@pytest.mark.parametrize("leave", [True, False])
async def test_killed_at_every_step_of_a_fetch(tmp_path, leave):
    raws = letters(MANY)
    drop = Maildrop()
    async with Runner() as runner, Pop3Server(drop, Manners()) as pop3:
        template, ann = prepare(tmp_path / "template", pop3.port, leave=leave)
        kills, step = 0, 0
        while True:
            step += 1
            drop.messages.clear()
            drop.deleted.clear()
            for raw in raws:
                drop.add(raw)
            mailbox = Mailbox()

            def durable(message, mailbox=mailbox):
                assert message.raw in mailbox.stored.values()

            drop.before_delete = durable
            settings = Settings(data=copytree(template.data, tmp_path / f"{step}"))
            async with LmtpServer(mailbox) as lmtp:
                order = {"data": str(settings.data), "account": ann, "lmtp": lmtp.port}
                first = await runner.run(**order, later=0, kill_at=step)
                while pop3.open:
                    await asyncio.sleep(0.001)
                at_death = list(drop.deleted_raw)
                second = await runner.run(**order, later=AGAIN)
            assert second["answer"]["error"] == "", step
            assert sorted(mailbox.stored.values()) == sorted(raws), step
            assert all(raw in mailbox.stored.values() for raw in at_death)
            assert len(drop.messages) == (MANY if leave else 0), step
            if not first["killed"]:
                break
            kills += 1
    assert kills >= 25


@pytest.mark.parametrize("leave", [True, False])
async def test_killed_with_the_whole_house(tmp_path, leave):
    """The store lives in the killed process too: its commits are steps as well."""
    raws = letters(3)
    drop = Maildrop()
    async with Runner() as runner, Pop3Server(drop, Manners()) as pop3:
        template, ann = prepare(tmp_path / "template", pop3.port, leave=leave)
        kills, step = 0, 0
        while True:
            # Every third step, shifted by the mode: both together see most, the test above sees all of the fetch's own.
            step += 3
            drop.messages.clear()
            for raw in raws:
                drop.add(raw)
            settings = Settings(data=copytree(template.data, tmp_path / f"{step}"))
            order = {"data": str(settings.data), "account": ann}
            first = await runner.run(**order, later=0, kill_at=step - leave)
            while pop3.open:
                await asyncio.sleep(0.001)
            here, there = stored(settings, ann), [m.raw for m in drop.messages]
            assert set(here) | set(there) == set(raws), f"lost at step {step}"
            second = await runner.run(**order, later=AGAIN)
            assert second["answer"]["error"] == "", step
            assert stored(settings, ann) == sorted(raws), step
            assert len(drop.messages) == (3 if leave else 0), step
            if not first["killed"]:
                break
            kills += 1
    assert kills >= 10


@pytest.mark.parametrize("leave", [True, False])
async def test_killed_while_it_collects_by_imap(tmp_path, leave):
    """The same with the other protocol, whose deletion has two steps of its own: marking and expunging."""
    raws = letters(3)
    drop = Maildrop()
    async with Runner() as runner, ImapServer(drop) as imap:
        template, ann = prepare(tmp_path / "template", imap.port, leave=leave, protocol="imap")
        kills, step = 0, -leave
        while True:
            step += 2
            drop.messages.clear()
            for raw in raws:
                drop.add(raw)
            mailbox = Mailbox()

            def durable(message, mailbox=mailbox):
                assert message.raw in mailbox.stored.values()

            drop.before_delete = durable
            settings = Settings(data=copytree(template.data, tmp_path / f"{step}"))
            async with LmtpServer(mailbox) as lmtp:
                order = {"data": str(settings.data), "account": ann, "lmtp": lmtp.port}
                first = await runner.run(**order, later=0, kill_at=step)
                while imap.open:
                    await asyncio.sleep(0.001)
                second = await runner.run(**order, later=AGAIN)
            assert second["answer"]["error"] == "", step
            assert sorted(mailbox.stored.values()) == sorted(raws), step
            assert len(drop.messages) == (3 if leave else 0), step
            if not first["killed"]:
                break
            kills += 1
    assert kills >= 15
