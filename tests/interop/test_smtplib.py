"""Python's own client against every port that takes mail."""

import asyncio
import smtplib
from email import policy
from email.message import EmailMessage

import pytest

from tests.fakes.mail_house import PASSWORD, MailHouse
from tests.fakes.smtp_peer import no_verify


@pytest.fixture
async def house(tmp_path):
    made = MailHouse(tmp_path)
    await made.start()
    yield made
    await made.stop()


def letter():
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "anna@ours.test", "ben@ours.test, x@far.test", "Grüße"
    made.set_content("First line\n.\n..dots\nGrüße\n")
    return made


async def test_receiving(house):
    def send():
        with smtplib.SMTP("127.0.0.1", house.ports.smtp, timeout=20) as client:
            client.ehlo("sender.test")
            assert client.has_extn("pipelining")
            assert client.esmtp_features["size"] == str(house.settings.message_size_limit)
            client.starttls(context=no_verify())
            client.ehlo("sender.test")
            assert not client.has_extn("starttls")
            refused = client.sendmail(
                "x@far.test", ["anna@ours.test", "no@ours.test"], letter().as_bytes(policy=policy.SMTP)
            )
            assert refused["no@ours.test"][0] == 550
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                client.sendmail("x@far.test", ["victim@far.test"], b"x")
            # After a refusal the connection is as good as new.
            client.sendmail("", ["anna@ours.test"], b"Subject: from nobody\r\n\r\nx\r\n")

    await asyncio.to_thread(send)
    first, second = house.mail("anna")
    assert b"\r\n.\r\n..dots\r\n" in first
    assert second.startswith(b"Return-Path: <>\r\n")


@pytest.mark.parametrize("port", ["submission", "submissions"])
async def test_submission(house, port):
    def send():
        number = getattr(house.ports, port)
        if port == "submissions":
            client = smtplib.SMTP_SSL("127.0.0.1", number, timeout=20, context=no_verify())
        else:
            client = smtplib.SMTP("127.0.0.1", number, timeout=20)
            client.starttls(context=no_verify())
        with client:
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.send_message(letter())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("anna@ours.test", "wrong")
            client.login("anna@ours.test", PASSWORD)
            assert client.send_message(letter()) == {}

    await asyncio.to_thread(send)
    queued = house.queued()
    assert sorted(address for address, _ in queued) == ["ben@ours.test", "x@far.test"]
    assert b"\r\n..dots\r\n" in queued[0][1]


async def test_lmtp(house):
    def send():
        with smtplib.LMTP("127.0.0.1", house.ports.lmtp, timeout=20) as client:
            assert client.sendmail("x@far.test", "anna@ours.test", letter().as_bytes(policy=policy.SMTP)) == {}

    await asyncio.to_thread(send)
    assert len(house.mail("anna")) == 1


async def test_line_feeds_alone_are_refused_not_mended(house):
    # `sendmail` passes octets as they are; what one server takes for a line and another does not is how mail is smuggled.
    def send():
        with (
            smtplib.SMTP("127.0.0.1", house.ports.smtp, timeout=20) as client,
            pytest.raises(smtplib.SMTPDataError) as caught,
        ):
            client.sendmail("x@far.test", ["anna@ours.test"], b"Subject: x\n\nText\n")
        assert caught.value.smtp_error.startswith(b"5.6.0")

    await asyncio.to_thread(send)
    assert house.mail("anna") == []
