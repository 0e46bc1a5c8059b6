"""kill -9 at every named place of a delivery: nothing that was accepted is lost, nothing is doubled beyond what is said.

By SMTP a message may be there twice when the process died between commit and reply, since the sender cannot know (RFC 1047);
by LMTP with ENVID, and by submission with ENVID, never.
"""

import asyncio
import base64
import random
import shutil

import pytest

from server.net.tls import ensure_certificate
from tests.fakes.mail_house import PASSWORD, MailHouse, free_offset
from tests.fakes.smtp_peer import Peer
from tests.faults.mail_role import MailRole

BEFORE_COMMIT = [
    "smtp.received",
    "delivery.prepared",
    "append.content",
    "append.rows",
    "db.before_commit",
]
OBJECT = [
    "object.before_write",
    "object.before_fsync",
    "object.before_rename",
    "object.before_folder_fsync",
    "object.stored",
]
AFTER_COMMIT = ["db.after_commit", "delivery.filed", "smtp.before_reply"]
MESSAGES = 2
SECOND = ":2"


def message(number, *, large=False):
    # Random octets in base64 do not compress below the size from which octets are kept beside the database.
    filler = random.Random(number).randbytes(290_000).hex() if large else "text"
    lines = "\r\n".join(filler[i : i + 900] for i in range(0, len(filler), 900))
    return (
        f"From: anna@ours.test\r\nMessage-ID: <{number}@far.test>\r\nSubject: number {number}\r\n\r\n{lines}\r\n"
    ).encode()


async def send(port, word, number, octets, parameters="", credentials=None):
    """True when the message was accepted, False when the connection broke before that was said."""
    peer = None
    try:
        peer = await Peer.connect(port, greet=False)
        assert (await peer.reply()).startswith("220")
        await peer.hello(word)
        if credentials:
            signed_in = await peer.say(f"AUTH PLAIN {credentials}")
            if signed_in and not signed_in.startswith("235"):
                raise RuntimeError(signed_in)
        replies = [await peer.say(f"MAIL FROM:<anna@ours.test>{parameters}"), await peer.say("RCPT TO:<ben@ours.test>")]
        replies.append(await peer.say("DATA"))
        await peer.send(octets + b".\r\n")
        replies.append(await peer.reply())
    except (ConnectionError, AssertionError):
        return False
    finally:
        if peer is not None:
            await peer.close()
    return replies[-1].startswith("250")


def numbers_of(octets):
    """Which messages these are, by their Message-ID."""
    return sorted(int(o.partition(b"Message-ID: <")[2].partition(b"@")[0]) for o in octets)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A folder with accounts, their databases and a certificate, to be copied: making them takes longer than a test."""
    data = tmp_path_factory.mktemp("furnished")
    house = MailHouse(data)
    house.mail("ben")
    ensure_certificate(house.settings, "mx.ours.test")
    house.close()
    return data


@pytest.fixture
def data(furnished, tmp_path):
    return shutil.copytree(furnished, tmp_path / "data")


async def deliver_over_a_crash(data, crash, port_of, word, parameters, *, large=False, credentials=None):
    """Send some messages, lose the process at `crash`, start again, send again what was not accepted.

    Returns the house, what was accepted and what was on disk before anything was sent again.
    """
    offset = free_offset()
    accepted = set()

    async def send_all():
        for number in set(range(MESSAGES)) - accepted:
            octets = message(number, large=large)
            if await send(port_of(offset), word, number, octets, parameters(number), credentials):
                accepted.add(number)

    process = await asyncio.to_thread(MailRole, data, offset, crash)
    try:
        await send_all()
        assert await asyncio.to_thread(process.killed_itself)
    finally:
        process.kill()
    answered = frozenset(accepted)
    house = MailHouse(data, port_offset=offset)
    first = numbers_of([*house.mail("ben"), *(o for _, o in house.queued())])
    await house.start()
    await send_all()
    assert accepted == set(range(MESSAGES))
    return house, answered, first


@pytest.mark.parametrize("point", [*BEFORE_COMMIT, *OBJECT, *AFTER_COMMIT])
async def test_smtp(data, point):
    large = point in OBJECT
    house, answered, first = await deliver_over_a_crash(
        data, point + SECOND, lambda o: 25 + o, "EHLO", lambda _: "", large=large
    )
    # What was accepted is there, once; of the rest nothing is there but what had been committed without an answer.
    assert answered <= set(first)
    assert len(first) == len(set(first)) <= len(answered) + 1
    assert point not in BEFORE_COMMIT[:-1] or set(first) == answered
    there = house.mail("ben")
    assert numbers_of(there) == sorted([*range(MESSAGES), *(set(first) - answered)])
    assert all(o.endswith(message(numbers_of([o])[0], large=large)) for o in there)
    await house.stop()


@pytest.mark.parametrize("point", [BEFORE_COMMIT[-1], *AFTER_COMMIT])
async def test_lmtp_with_a_name_is_filed_exactly_once(data, point):
    house, answered, first = await deliver_over_a_crash(
        data, point + SECOND, lambda o: 24 + o, "LHLO", lambda n: f" ENVID=source-1-{n}"
    )
    assert answered <= set(first)
    assert numbers_of(house.mail("ben")) == list(range(MESSAGES))
    await house.stop()


SUBMIT = [
    "smtp.received",
    "queue.blob.before_fsync",
    "queue.blob.before_rename",
    "queue.submit.stored",
    "queue.submit.rows",
]
SUBMITTED = ["queue.submit.committed", "smtp.before_reply"]


@pytest.mark.parametrize("point", [*SUBMIT, *SUBMITTED])
async def test_a_submission_with_a_name_is_queued_exactly_once(data, point):
    credentials = base64.b64encode(f"\0anna@ours.test\0{PASSWORD}".encode()).decode()
    house, answered, first = await deliver_over_a_crash(
        data, point + SECOND, lambda o: 587 + o, "EHLO", lambda n: f" ENVID=draft-{n}", credentials=credentials
    )
    assert answered <= set(first)
    assert (point in SUBMITTED) == (set(first) > answered)
    assert numbers_of(o for _, o in house.queued()) == list(range(MESSAGES))
    await house.stop()


async def test_killed_at_any_moment_under_load(data):
    offset = free_offset()
    rng = random.Random(1)
    accepted: set[int] = set()
    tries: dict[int, int] = {}
    waiting = list(range(600))

    async def sender():
        while len(accepted) < 600:
            if not waiting:
                await asyncio.sleep(0.01)
                continue
            number = waiting.pop()
            tries[number] = tries.get(number, 0) + 1
            if await send(offset + 25, "EHLO", number, message(number)):
                accepted.add(number)
            else:
                waiting.append(number)
                await asyncio.sleep(0.05)

    senders = [asyncio.create_task(sender()) for _ in range(8)]
    kills = 0
    while len(accepted) < 600:
        role = await asyncio.to_thread(MailRole, data, offset)
        enough = len(accepted) + rng.randrange(20, 120) if kills < 4 else 600
        while len(accepted) < min(enough, 600):
            await asyncio.sleep(0.001)
        await asyncio.to_thread(role.kill)
        kills += 1
    await asyncio.gather(*senders)
    house = MailHouse(data, port_offset=offset)
    there = numbers_of(house.mail("ben"))
    assert kills >= 4
    assert accepted == set(range(600)) == set(there)
    # At most one copy too many for each try that ended without an answer, and at most one try in hand a sender and kill.
    assert all(there.count(n) <= tries[n] for n in accepted)
    assert len(there) - len(accepted) <= 8 * kills
    house.close()
