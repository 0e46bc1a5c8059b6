from datetime import UTC, datetime

import pytest

from server.smtp.syntax.parameters import xtext_encode

MESSAGE = b"Subject: x\r\n\r\nText\r\n"


@pytest.fixture
async def peer(connect):
    made = await connect("lmtp")
    assert (await made.hello("LHLO")).startswith("250-")
    return made


async def test_the_words(connect):
    peer = await connect("lmtp")
    assert (await peer.say("EHLO x")).startswith("500")
    assert (await peer.say("HELO x")).startswith("500")
    offered = await peer.hello("LHLO")
    assert "STARTTLS" not in offered
    assert "AUTH" not in offered


async def test_one_reply_a_recipient(house, peer):
    house.pipeline.answers["ben@ours.test"] = (452, "4.2.2", "Mailbox full")
    await peer.transaction("x@far.test", "anna@ours.test", "ben@ours.test", "anna@ours.test")
    assert (await peer.say("RCPT TO:<no@ours.test>")).startswith("550 5.1.1")
    assert await peer.data(MESSAGE) == "250 2.0.0 Delivered"
    assert await peer.reply() == "452 4.2.2 Mailbox full"
    assert await peer.reply() == "250 2.0.0 Delivered"
    assert await peer.say("NOOP") == "250 2.0.0 OK"
    assert house.pipeline.delivered[0].profile == "fetched"


async def test_a_refused_message_is_refused_for_each(house, peer):
    await peer.transaction("x@far.test", "anna@ours.test", "ben@ours.test")
    assert (await peer.data(b"a\nb\r\n")).startswith("550 5.6.0")
    assert (await peer.reply()).startswith("550 5.6.0")
    assert await peer.say("NOOP") == "250 2.0.0 OK"
    assert house.pipeline.delivered == []


async def test_bdat_too(house, peer):
    await peer.transaction("x@far.test", "anna@ours.test", "ben@ours.test")
    await peer.send(b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE)
    assert [(await peer.reply())[:3] for _ in range(2)] == ["250", "250"]
    assert house.pipeline.delivered[0].raw == MESSAGE


async def test_where_when_and_which(house, peer):
    mailbox = "Wörk/2020 夏"
    assert (
        await peer.say(f"MAIL FROM:<> XMAILBOX={xtext_encode(mailbox)} XDATE=1582977600 ENVID=s7-{'a' * 40}")
    ).startswith("250")
    await peer.say("RCPT TO:<anna@ours.test>")
    await peer.data(MESSAGE)
    envelope = house.pipeline.delivered[0].envelope
    assert envelope.mailbox == mailbox
    assert envelope.internaldate == datetime(2020, 2, 29, 12, 0, tzinfo=UTC)
    assert envelope.envelope_id == f"s7-{'a' * 40}"


async def test_a_date_beyond_all_calendars(peer):
    assert (await peer.say("MAIL FROM:<> XDATE=99999999999999")).startswith("501")


async def test_the_private_parameters_are_for_lmtp_only(connect):
    peer = await connect("smtp")
    await peer.hello()
    assert (await peer.say("MAIL FROM:<x@far.test> XMAILBOX=Work")).startswith("555")
    assert (await peer.say("MAIL FROM:<x@far.test> XDATE=1")).startswith("555")
