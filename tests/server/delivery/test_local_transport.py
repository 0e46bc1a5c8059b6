import asyncio
import contextlib
import socket
import struct

import pytest
import uvloop

from server.delivery.local_transport import LocalTransport
from server.queue.model import Job, Kind, Message, Recipient
from tests.fakes.mail_house import MailHouse

RAW = b"From: anna@ours.test\r\nSubject: hello\r\n\r\n.dot\r\nText\r\n"


def job(*addresses, identifier="0abc", reverse_path="anna@ours.test", raw=RAW):
    message = Message(identifier, reverse_path, 1, None, None, len(raw), False, 1_764_000_000)
    return Job(message, "ours.test", tuple(Recipient(n, a, "ours.test") for n, a in enumerate(addresses, start=1)), raw)


@pytest.fixture
async def house(tmp_path):
    made = MailHouse(tmp_path, recipients=3)
    await made.start()
    yield made
    await made.stop()


async def test_each_recipient_has_an_outcome(house):
    outcomes = await LocalTransport(house.settings).deliver(job("ben@ours.test", "no@ours.test", "anna@ours.test"))
    assert [(o.recipient_id, o.kind, o.enhanced) for o in outcomes] == [
        (1, Kind.DELIVERED, "2.0.0"),
        (2, Kind.FAILED, "5.1.1"),
        (3, Kind.DELIVERED, "2.0.0"),
    ]
    (ben,) = house.mail("ben")
    assert ben.endswith(RAW)
    assert ben.startswith(b"Return-Path: <anna@ours.test>\r\n")


async def test_repeated_it_is_filed_once(house):
    transport = LocalTransport(house.settings)
    for _ in range(2):
        (outcome,) = await transport.deliver(job("ben@ours.test"))
        assert outcome.kind is Kind.DELIVERED
    await transport.deliver(job("ben@ours.test", identifier="0other"))
    assert len(house.mail("ben")) == 2


async def test_more_recipients_than_one_transaction_takes(house):
    outcomes = await LocalTransport(house.settings).deliver(job(*[f"ben+{n}@ours.test" for n in range(8)]))
    assert [o.kind for o in outcomes] == [Kind.DELIVERED] * 8
    assert len(house.mail("ben")) == 1


async def test_a_full_mailbox_is_tried_again_later(house):
    house.limit("ben", 10)
    (outcome,) = await LocalTransport(house.settings).deliver(job("ben@ours.test", raw=RAW[:5]))
    assert (outcome.kind, outcome.code) == (Kind.FAILED, 552) or outcome.kind is Kind.DEFERRED


async def test_nobody_there_is_later(tmp_path):
    house = MailHouse(tmp_path)
    outcomes = await LocalTransport(house.settings).deliver(job("ben@ours.test", "anna@ours.test"))
    assert [o.kind for o in outcomes] == [Kind.DEFERRED] * 2
    house.close()


async def test_an_address_cannot_carry_a_command(house):
    (outcome,) = await LocalTransport(house.settings).deliver(job("ben@ours.test>\r\nRCPT TO:<anna@ours.test"))
    assert outcome.kind is Kind.DEFERRED
    assert house.mail("anna") == []


@pytest.mark.parametrize(
    "script",
    [
        b"421 4.3.2 going away\r\n",
        b"220 x\r\n421 bye\r\n",
        b"220 x\r\n250-x\r\n250 x\r\n250 ok\r\n250 ok\r\n354 go\r\n",
        b"220 x\r\n" + b"250-x\r\n" * 100,
        b"220 x\r\n" + b"y" * 10_000 + b"\r\n",
        b"not a reply\r\n",
        b"",
    ],
)
async def test_whatever_the_other_side_does_nothing_is_called_failed(script, monkeypatch, tmp_path):
    served = asyncio.Event()

    async def serve(reader, writer):
        writer.write(script)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    house = MailHouse(tmp_path)
    transport = LocalTransport(house.settings)
    monkeypatch.setattr(transport, "_port", server.sockets[0].getsockname()[1])
    (outcome,) = await transport.deliver(job("ben@ours.test"))
    assert outcome.kind is Kind.DEFERRED
    await served.wait()
    server.close()
    house.close()


async def test_what_was_answered_before_the_end_counts(monkeypatch, tmp_path):
    served = asyncio.Event()

    async def serve(reader, writer):
        writer.write(b"220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n250 2.0.0 done\r\n")
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        served.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    house = MailHouse(tmp_path)
    transport = LocalTransport(house.settings)
    monkeypatch.setattr(transport, "_port", server.sockets[0].getsockname()[1])
    outcomes = await transport.deliver(job("a@ours.test", "b@ours.test", "c@ours.test"))
    assert [o.kind for o in outcomes] == [Kind.DELIVERED, Kind.FAILED, Kind.DEFERRED]
    await served.wait()
    server.close()
    house.close()


@pytest.mark.parametrize("said", [b"", b"220 x\r\n", b"220 x\r\n250 x\r\n", b"220 x\r\n250 x\r\n250 ok\r\n250 ok\r\n"])
def test_a_mail_role_that_is_killed_leaves_everything_for_later(said, monkeypatch, tmp_path):
    """On uvloop, as in the product: writing to a line that was reset raises there what asyncio does not."""

    async def main():
        def serve(_reader, writer):
            writer.write(said)
            link = writer.get_extra_info("socket")
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            asyncio.get_running_loop().call_later(0.02, writer.transport.abort)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        house = MailHouse(tmp_path)
        transport = LocalTransport(house.settings)
        monkeypatch.setattr(transport, "_port", server.sockets[0].getsockname()[1])
        try:
            return await transport.deliver(job("ben@ours.test", "anna@ours.test"))
        finally:
            server.close()
            house.close()

    assert [o.kind for o in uvloop.run(main())] == [Kind.DEFERRED] * 2
