"""Limits, time-outs and the end of SMTP connections."""

import asyncio
import socket

import pytest
import uvloop

from server.smtp import protocol
from tests.fakes.smtp_house import House
from tests.fakes.smtp_peer import Peer, no_verify

MESSAGE = b"From: x@far.test\r\nSubject: hello\r\n\r\nText\r\n"


async def test_connections_of_one_address_are_limited(tmp_path):
    house = House(tmp_path, connections_per_local_address=2)
    await house.start()
    peers = [await Peer.connect(house.ports["smtp"]) for _ in range(2)]
    third = await Peer.connect(house.ports["smtp"], greet=False)
    assert await third.reply() == "421 4.7.0 Too many connections"
    assert await third.at_end()
    await peers[0].say("QUIT")
    assert await peers[0].at_end()
    while house.limits.open > 1:
        await asyncio.sleep(0)
    fourth = await Peer.connect(house.ports["smtp"])
    for peer in (*peers, third, fourth):
        await peer.close()
    await house.stop()
    assert house.limits.open == 0


async def test_a_silent_peer_is_cut(house, connect, monkeypatch):
    monkeypatch.setattr(protocol, "COMMAND_TIMEOUT", 0.05)
    peer = await connect()
    assert await peer.reply() == "421 4.4.2 Nothing heard for too long"
    assert await peer.at_end()


@pytest.mark.parametrize("limits", [{"read_timeout": 0.05}, {"data_timeout": 0.05}])
async def test_a_peer_silent_in_data_is_cut(tmp_path, limits):
    house = House(tmp_path, **limits)
    await house.start()
    peer = await Peer.connect(house.ports["smtp"])
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.say("DATA")
    await peer.send(b"half a li")
    assert await peer.reply() == "421 4.4.2 Nothing heard for too long"
    assert await peer.at_end()
    assert not house.pipeline.delivered
    await peer.close()
    await house.stop()


async def test_stopping_says_so_to_idle_peers_and_waits_for_a_delivery(house, connect):
    idle, busy = await connect(), await connect()
    await busy.hello()
    await busy.transaction("x@far.test", "anna@ours.test")
    under_way, finish = asyncio.Event(), asyncio.Event()

    async def wait():
        under_way.set()
        await finish.wait()

    house.pipeline.wait = wait
    await busy.say("DATA")
    await busy.send(MESSAGE + b".\r\n")
    await under_way.wait()
    stopping = asyncio.create_task(house.stop())
    assert await idle.reply() == "421 4.3.2 Shutting down; try again in a moment"
    finish.set()
    assert (await busy.reply()).startswith("250")
    await stopping
    assert len(house.pipeline.delivered) == 1


async def test_a_peer_that_leaves_does_not_stop_its_delivery(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    under_way, finish = asyncio.Event(), asyncio.Event()

    async def wait():
        under_way.set()
        await finish.wait()

    house.pipeline.wait = wait
    await peer.say("DATA")
    await peer.send(MESSAGE + b".\r\n")
    await under_way.wait()
    peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.writer.transport.abort()
    finish.set()
    await house.stop()
    assert len(house.pipeline.delivered) == 1


async def test_large_messages_arrive_through_a_file(tmp_path):
    house = House(tmp_path)
    object.__setattr__(house.settings, "message_size_limit", 10_000_000)
    await house.start()
    peer = await Peer.connect(house.ports["smtp"])
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    message = b"".join(b"%07d\r\n" % n for n in range(400_000))
    assert (await peer.data(message)).startswith("250")
    assert house.pipeline.delivered[0].raw == message
    await peer.close()
    await house.stop()


def test_the_same_on_uvloop(tmp_path):
    # The mail role runs on uvloop, whose transports and TLS are its own.
    async def main():
        house = House(tmp_path)
        await house.start()
        peer = await Peer.connect(house.ports["smtp"])
        await peer.hello()
        await peer.send(b"STARTTLS\r\nNOOP\r\n")
        assert (await peer.reply()).startswith("220")
        await peer.writer.start_tls(no_verify())
        assert (await peer.hello()).startswith("250-")
        await peer.transaction("x@far.test", "anna@ours.test")
        assert (await peer.data(MESSAGE)).startswith("250")
        assert await peer.say("QUIT") == "221 2.0.0 Goodbye"
        assert await peer.at_end()
        implicit = await Peer.connect(house.ports["submissions"], tls=True)
        assert "AUTH" in await implicit.hello()
        await peer.close()
        await implicit.close()
        await house.stop()
        assert house.pipeline.delivered[0].session.protocol == "ESMTPS"
        assert house.limits.open == 0

    uvloop.run(main())


async def test_t126_replies_do_not_gather_for_a_peer_that_only_talks(house, connect):
    """As long as commands come in, replies wait for each other (RFC 2920), but only so many of them."""
    peer = await connect("smtp")
    await peer.hello()
    most = 0

    def longest(sessions):
        return max(len(session._out) for session in sessions._open)

    (listener,) = [one for one in house.listeners if one.port == house.ports["smtp"]]
    (session,) = listener.sessions._open
    said = session.say

    async def watched(reply, *, now=False):
        nonlocal most
        await said(reply, now=now)
        most = max(most, longest(listener.sessions))

    session.say = watched
    # Each RCPT waits for the directory, so more commands arrive before the last is answered.
    group = b"MAIL FROM:<>\r\n" + b"RCPT TO:<anna@ours.test>\r\n" * 20 + b"RSET\r\n"
    await peer.send(group * 200)
    for _ in range(200 * 22):
        assert (await peer.reply()).startswith("250")
    assert 0 < most <= protocol.REPLIES_HELD + 512
