import asyncio
import ssl

import pytest

from tests.fakes.smtp_peer import no_verify

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
