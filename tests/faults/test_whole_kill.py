"""kill -9 of the mail role and of the worker at any moment while the whole product works: nothing that was accepted is lost.

Several mail servers deliver at once, people submit, an outside account is collected. Who got no answer sends the same letter
again, as mail servers do: it may be there once more for each time that the line broke after its last octet (RFC 1047), no more.
What is collected, and what passes through the queue, has an envelope id and is never there twice.
"""

import asyncio
import imaplib
import random
import re
import smtplib
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from tests.fakes.pop3_server import Maildrop, Pop3Server
from tests.installation import Installation

pytestmark = pytest.mark.timeout(300)
IRIS, TOM, PASSWORD = "iris@lin.example", "tom@oak.example", "long enough for all"
KILLS = 6
SENDERS = 4
COLLECTED = 250
PATIENCE = 90


class Sender(threading.Thread):
    """A mail server with letters for one person. `sign_in` makes it a person who submits."""

    def __init__(self, number, port, to, *, sign_in=False):
        super().__init__(name=f"sender-{number}", daemon=True)
        self.number, self.port, self.to, self.sign_in = number, port, to, sign_in
        self.sender = IRIS if sign_in else "somebody@far.example"
        self.enough = threading.Event()
        self.accepted: list[str] = []
        self.unclear: Counter[str] = Counter()
        """How often a letter's last octet was sent and no answer came."""
        self.refused: list[str] = []

    def run(self):
        count = 0
        while not self.enough.is_set():
            count += 1
            self.deliver(f"{self.number}.{count}@far.example")
            time.sleep(0.01)

    def deliver(self, unique):
        head = f"From: {self.sender}\r\nTo: {self.to}\r\nSubject: {unique}\r\nMessage-ID: <{unique}>\r\n\r\n"
        raw = head.encode() + b"some words\r\n" * 200
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            sent = False
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=30) as client:
                    client.ehlo_or_helo_if_needed()
                    if self.sign_in:
                        client.login(IRIS, PASSWORD)
                    self.ask(client, f"MAIL FROM:<{self.sender}>", 250)
                    self.ask(client, f"RCPT TO:<{self.to}>", 250)
                    self.ask(client, "DATA", 354)
                    client.send(raw + b".\r\n")
                    sent = True
                    code, text = client.getreply()
                    sent = False
                    if code == 250:
                        self.accepted.append(unique)
                        return
                    self.refused.append(f"the letter: {code} {text!r}")
            except (OSError, smtplib.SMTPException):
                self.unclear[unique] += sent
            time.sleep(0.05)

    def ask(self, client, line, wanted):
        code, text = client.docmd(line)
        if code != wanted:
            if code > 0:  # smtplib says -1 of a line that broke
                self.refused.append(f"{line}: {code} {text!r}")
            raise smtplib.SMTPException


@pytest.fixture
def provider():
    """An outside POP3 account with many letters."""
    drop = Maildrop()
    for number in range(COLLECTED):
        drop.add(f"Subject: collected\r\nMessage-ID: <{number}@outside.example>\r\n\r\n{'x' * 3_000}\r\n".encode())
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(Pop3Server(drop).start(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def house(tmp_path):
    # Whoever is killed in the middle of a collection waits for its next turn: the shortest that may be set.
    installation = Installation(tmp_path / "data", POSTHOUSE_SOURCE_INTERVAL="30")
    installation.add_account(IRIS, PASSWORD)
    installation.add_account(TOM, PASSWORD)
    with installation:
        yield installation


def ids(house, who, mailbox="INBOX"):
    """How often each letter is there."""
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login(who, PASSWORD)
        status, count = client.select(mailbox, readonly=True)
        if status != "OK" or not int(count[0]):
            return Counter()
        found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]
    return Counter(re.search(rb"<(.*)>", one[1])[1].decode() for one in found if isinstance(one, tuple))


def kill(house, role):
    """kill -9, and wait until the supervisor has put another in its place."""
    old = house.pid(role)
    house.kill(role)
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, ValueError):
            if house.pid(role) != old:
                return
        assert time.monotonic() < deadline, house.output().decode()
        time.sleep(0.05)


def wait_for(ask, house):
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, imaplib.IMAP4.error):
            if ask():
                return
        assert time.monotonic() < deadline, house.output().decode()[-20_000:]
        time.sleep(0.5)


def test_nothing_accepted_is_lost(house, provider):
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    senders = [Sender(number, house.ports.smtp, IRIS) for number in range(SENDERS)]
    submitter = Sender("submitted", house.ports.submission, TOM, sign_in=True)
    more = ("--tls", "none", "--mailbox", "Collected", "--password-stdin")
    house.command(
        "source",
        "add",
        IRIS,
        "--host",
        "127.0.0.1",
        "--port",
        str(provider.port),
        "--username",
        "someone",
        *more,
        input="right horse\n",
    )
    for sender in (*senders, submitter):
        sender.start()
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.2, 2.0))
            kill(house, chance.choice(("mail", "mail", "worker")))
    finally:
        for sender in (*senders, submitter):
            sender.enough.set()
        for sender in (*senders, submitter):
            sender.join(PATIENCE)
    assert not any(sender.is_alive() for sender in (*senders, submitter))

    wait_for(lambda: "The queue is empty" in house.command("queue", "list").stdout, house)
    wait_for(lambda: len(ids(house, IRIS, "Collected")) == COLLECTED, house)
    for mailbox, who, sent_by in (("INBOX", IRIS, senders), ("INBOX", TOM, [submitter])):
        found = ids(house, who, mailbox)
        for sender in sent_by:
            assert len(sender.accepted) > KILLS, sender.refused[:3]
            lost = set(sender.accepted) - set(found)
            assert not lost, f"seed {seed}: lost {lost}"
            for unique in sender.accepted:
                assert found[unique] <= 1 + sender.unclear[unique], (
                    f"seed {seed}: {unique} is there {found[unique]} times"
                )
        surplus = sum(found.values()) - len(found)
        assert surplus <= KILLS * len(sent_by), f"seed {seed}"
    assert set(ids(house, IRIS, "Collected").values()) == {1}, f"seed {seed}"
    assert not [one for sender in (*senders, submitter) for one in sender.refused], "killing is no reason to refuse"
    assert "as it should be" in house.command("verify").stdout
    assert house.stop() == 0
    assert "as it should be" in house.command("verify").stdout
