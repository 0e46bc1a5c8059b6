import asyncio
import socket
import ssl

import pytest
import uvloop

from server.smtp import protocol
from tests.fakes.smtp_house import House
from tests.fakes.smtp_peer import Peer, no_verify

MESSAGE = b"From: x@far.test\r\nSubject: hello\r\n\r\nText\r\n"


async def test_a_message_from_greeting_to_goodbye(house, connect):
    peer = await connect()
    assert (await peer.hello()).splitlines()[0] == "250-mx.ours.test"
    await peer.transaction("x@far.test", "anna@ours.test", "ben@ours.test")
    assert (await peer.data(MESSAGE)).startswith("250 2.0.0 Delivered as ")
    assert await peer.say("QUIT") == "221 2.0.0 Goodbye"
    assert await peer.at_end()
    (delivered,) = house.pipeline.delivered
    assert delivered.raw == MESSAGE
    assert delivered.envelope.reverse_path == "x@far.test"
    assert delivered.envelope.recipients == ("anna@ours.test", "ben@ours.test")
    assert (delivered.session.helo, delivered.session.protocol, delivered.session.peer) == (
        "client.test",
        "ESMTP",
        "127.0.0.1",
    )
    assert delivered.profile == "smtp"


async def test_what_is_offered(connect):
    offered = (await (await connect()).hello()).replace("250-", "").replace("250 ", "").splitlines()
    assert offered[1:] == [
        "PIPELINING",
        "SIZE 100000",
        "8BITMIME",
        "SMTPUTF8",
        "ENHANCEDSTATUSCODES",
        "DSN",
        "CHUNKING",
        "STARTTLS",
    ]


async def test_null_reverse_path_is_the_empty_string(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("", "anna@ours.test")
    await peer.data(MESSAGE)
    assert house.pipeline.delivered[0].envelope.reverse_path == ""


async def test_a_pipelined_group_gets_all_its_replies(house, connect):
    peer = await connect()
    await peer.send(
        b"EHLO c.test\r\nMAIL FROM:<x@far.test>\r\nRCPT TO:<anna@ours.test>\r\nRCPT TO:<no@ours.test>\r\nDATA\r\n"
    )
    codes = [(await peer.reply())[:3] for _ in range(5)]
    assert codes == ["250", "250", "250", "550", "354"]
    await peer.send(MESSAGE + b".\r\nRSET\r\nNOOP\r\nQUIT\r\n")
    assert [(await peer.reply())[:3] for _ in range(4)] == ["250", "250", "250", "221"]
    assert len(house.pipeline.delivered) == 1


async def test_everything_in_one_write_and_half_closed(house, connect):
    # As `nc` does: all is sent, the sending side closed, then the replies are read.
    peer = await connect()
    await peer.send(
        b"HELO c.test\r\nMAIL FROM:<x@far.test>\r\nRCPT TO:<anna@ours.test>\r\nDATA\r\n" + MESSAGE + b".\r\nQUIT\r\n"
    )
    peer.writer.write_eof()
    codes = [(await peer.reply())[:3] for _ in range(6)]
    assert codes == ["250", "250", "250", "354", "250", "221"]
    assert house.pipeline.delivered[0].session.protocol == "SMTP"


async def test_text_behind_a_refused_data_is_not_commands(house, connect):
    peer = await connect()
    await peer.send(
        b"EHLO c.test\r\nMAIL FROM:<x@far.test>\r\nRCPT TO:<no@ours.test>\r\nDATA\r\n"
        b"MAIL FROM:<y@far.test>\r\nRCPT TO:<anna@ours.test>\r\nDATA\r\nsmuggled\r\n.\r\n"
    )
    replies = [await peer.reply() for _ in range(5)]
    assert [x[:3] for x in replies] == ["250", "250", "550", "554", "421"]
    assert await peer.at_end()
    assert not house.pipeline.delivered


async def test_order_of_commands(connect):
    peer = await connect()
    assert await peer.say("MAIL FROM:<x@far.test>") == "503 5.5.1 Say EHLO first"
    await peer.hello()
    assert await peer.say("RCPT TO:<anna@ours.test>") == "503 5.5.1 MAIL first"
    assert await peer.say("DATA") == "503 5.5.1 MAIL first"
    await peer.transaction("x@far.test")
    assert await peer.say("MAIL FROM:<x@far.test>") == "503 5.5.1 A transaction is under way already"
    assert await peer.say("DATA") == "554 5.5.1 No valid recipients"
    assert await peer.say("RSET") == "250 2.0.0 OK"
    assert await peer.say("RCPT TO:<anna@ours.test>") == "503 5.5.1 MAIL first"


async def test_ehlo_forgets_the_transaction(connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.hello()
    assert (await peer.say("DATA")).startswith("503")


async def test_bare_line_feed_is_no_line_end(connect):
    peer = await connect()
    await peer.send(b"EHLO c.test\n")
    assert await peer.reply() == "500 5.5.2 Lines end with CR LF"
    await peer.send(b"EHLO c.test\r\nMAIL FROM:<x@far.test>\nRCPT TO:<anna@ours.test>\r\n")
    assert (await peer.reply()).startswith("250-")
    assert (await peer.reply()).startswith("500 5.5.2")
    assert (await peer.reply()).startswith("503")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r"])
async def test_smuggling_is_one_refused_message(house, connect, end):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    smuggled = b"Subject: 1\r\n\r\na" + end + b"MAIL FROM:<admin@ours.test>\r\nRCPT TO:<ben@ours.test>\r\nDATA\r\nb\r\n"
    assert (await peer.data(smuggled)).startswith("550 5.6.0")
    assert await peer.say("NOOP") == "250 2.0.0 OK"
    assert not house.pipeline.delivered


async def test_size(house, connect):
    peer = await connect()
    await peer.hello()
    assert (await peer.say("MAIL FROM:<x@far.test> SIZE=100001")).startswith("552 5.3.4")
    await peer.transaction("x@far.test", "anna@ours.test")
    assert (await peer.data(b"x" * 100_000 + b"\r\n")).startswith("552 5.3.4")
    await peer.transaction("x@far.test", "anna@ours.test")
    assert (await peer.data(b"x" * 99_998 + b"\r\n")).startswith("250")
    assert len(house.pipeline.delivered[0].raw) == 100_000


async def test_data_without_end_is_cut(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.say("DATA")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        for _ in range(400):
            await peer.send(b"x" * 65_536)
        await peer.reader.readexactly(1_000)
    assert not house.pipeline.delivered


async def test_a_line_without_end_is_cut(connect):
    peer = await connect()
    await peer.send(b"x" * 300_000)
    assert await peer.reply() == "500 5.5.2 Line too long"


async def test_a_long_line_is_refused_and_the_next_is_read(connect):
    peer = await connect()
    assert await peer.say("NOOP " + "x" * 9_000) == "500 5.5.2 Line too long"
    assert await peer.say("NOOP") == "250 2.0.0 OK"


async def test_a_browser_is_cut_at_its_first_line(connect):
    peer = await connect()
    await peer.send(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<x@far.test>\r\n")
    assert await peer.reply() == "421 4.7.0 This is a mail server"
    assert await peer.reply() == ""


async def test_recipients_end_at_a_hundred(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", *["anna@ours.test"] * 100)
    assert (await peer.say("RCPT TO:<anna@ours.test>")).startswith("452 4.5.3")
    assert (await peer.data(MESSAGE)).startswith("250")


async def test_guessing_names_is_slow_and_ends(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test")
    replies = [await peer.say(f"RCPT TO:<n{n}@ours.test>") for n in range(21)]
    assert all(x.startswith("550 5.1.1") for x in replies)
    assert await peer.reply() == "421 4.7.0 Too many errors"
    assert await peer.at_end()
    assert house.clock.slept[:3] == [1, 2, 3]
    assert max(house.clock.slept) == 5


async def test_a_bug_is_told_without_its_insides(house, connect):
    house.pipeline.failure = RuntimeError("secret insides")
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    reply = await peer.data(MESSAGE)
    assert reply.startswith("451 4.3.0 Something failed here; try again later (")
    assert "secret" not in reply
    assert "RuntimeError" not in reply
    assert await peer.say("NOOP") == "250 2.0.0 OK"


@pytest.mark.parametrize("command", ["VRFY anna@ours.test", "VRFY no@ours.test"])
async def test_vrfy_tells_nothing(connect, command):
    assert (await (await connect()).say(command)).startswith("252 2.5.0")


@pytest.mark.parametrize(
    "line", ["EXPN all", "XYZZY", "AUTH PLAIN x", "LHLO x", "STARTTLS now", "EHLO", "HELO", "QUIT now"]
)
async def test_refused_commands(connect, line):
    assert (await (await connect()).say(line))[0] == "5"


# -- BDAT


async def test_chunks(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    # Dots are not doubled, the line ends may be cut in two, commands may follow at once.
    await peer.send(b"BDAT 5\r\n.a\r\n\rBDAT 3\r\n\n.\rBDAT 5 LAST\r\n\nb.\r\nNOOP\r\n")
    assert [(await peer.reply())[:9] for _ in range(4)] == ["250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.0.0"]
    assert house.pipeline.delivered[0].raw == b".a\r\n\r\n.\r\nb.\r\n"


async def test_an_empty_last_chunk_ends_the_message(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 4\r\nab\r\nBDAT 0 LAST\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["250", "250"]
    assert house.pipeline.delivered[0].raw == b"ab\r\n"


async def test_chunks_are_checked_too(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 3\r\na\nbBDAT 2 LAST\r\n\r\nNOOP\r\n")
    assert [(await peer.reply())[:9] for _ in range(3)] == ["550 5.6.0", "550 5.6.0", "250 2.0.0"]
    assert not house.pipeline.delivered


async def test_a_chunk_out_of_turn_is_read_and_refused(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.send(b"BDAT 14 LAST\r\nQUIT\r\n0123456\rNOOP\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["503", "250"]
    await peer.transaction("x@far.test")
    await peer.send(b"BDAT 3\r\nabcNOOP\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["554", "250"]


async def test_bdat_and_data_do_not_mix(connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 2\r\n\r\n")
    assert (await peer.reply()).startswith("250")
    assert (await peer.say("DATA")).startswith("503")
    assert (await peer.say("RCPT TO:<ben@ours.test>")).startswith("503")


async def test_a_chunk_of_unknown_size_ends_the_connection(connect):
    peer = await connect()
    await peer.hello()
    assert (await peer.say("BDAT many LAST")).startswith("501")
    assert (await peer.reply()).startswith("421")
    assert await peer.at_end()


# -- TLS


async def test_starttls(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.start_tls()
    assert (await peer.say("MAIL FROM:<x@far.test>")).startswith("503 5.5.1 Say EHLO")
    assert "STARTTLS" not in await peer.hello()
    assert (await peer.say("STARTTLS")).startswith("503")
    await peer.transaction("x@far.test", "anna@ours.test")
    assert (await peer.data(MESSAGE)).startswith("250")
    session = house.pipeline.delivered[0].session
    assert session.protocol == "ESMTPS"
    assert session.tls.startswith("TLSv1.")
    await peer.say("QUIT")
    assert await peer.at_end()


async def test_what_was_injected_before_tls_is_dropped(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"STARTTLS\r\nNOOP\r\nMAIL FROM:<evil@far.test>\r\n")
    assert (await peer.reply()).startswith("220 2.0.0")
    await peer.writer.start_tls(no_verify())
    # Nothing of what came in clear is answered, nothing of what was said before is remembered.
    assert (await peer.say("RCPT TO:<anna@ours.test>")) == "503 5.5.1 Say EHLO first"
    assert (await peer.hello()).startswith("250-")
    assert (await peer.say("RCPT TO:<anna@ours.test>")) == "503 5.5.1 MAIL first"


async def test_a_failed_handshake_ends_the_connection(house, connect):
    peer = await connect()
    await peer.say("STARTTLS")
    await peer.send(b"EHLO in the clear\r\n")
    await peer.reader.read()
    assert await (await connect()).say("NOOP") == "250 2.0.0 OK"


async def test_implicit_tls(house, connect):
    peer = await connect("submissions")
    assert "AUTH SCRAM-SHA-256 PLAIN" in await peer.hello()
    assert isinstance(peer.writer.get_extra_info("ssl_object"), ssl.SSLObject)


# -- limits, time-outs, the end


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
