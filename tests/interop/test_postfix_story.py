"""Two houses write to each other: a private Postfix and the whole running product, each by the other's port 25."""

import email
import email.policy
import imaplib
import smtplib
import time

import pytest

from tests.installation import Installation
from tests.interop.neighbour import DOMAIN, Neighbour

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]
IRIS, BOB, PASSWORD = "iris@lin.example", f"bob@{DOMAIN}", "long enough for all"
LETTER = (
    b"From: Bob <bob@remote.example>\r\nTo: iris@lin.example\r\nSubject: %b\r\nMessage-ID: <%b@remote.example>\r\n"
    b"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n%b"
)


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    neighbour = Neighbour()
    ours = Installation(
        tmp_path_factory.mktemp("house") / "data", POSTHOUSE_ROUTES=f"{DOMAIN}=127.0.0.1:{neighbour.port}"
    )
    ours.add_account(IRIS, PASSWORD)
    try:
        neighbour.start("lin.example", ours.ports.smtp)
        with ours:
            yield ours, neighbour
    finally:
        neighbour.remove()


def wait_for(ask, why):
    deadline = time.monotonic() + 40
    while not (found := ask()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)
    return found


def inbox(ours):
    with imaplib.IMAP4("127.0.0.1", ours.ports.imap) as client:
        client.login(IRIS, PASSWORD)
        count = int(client.select("INBOX", readonly=True)[1][0])
        return [one[1] for one in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(one, tuple)] if count else []


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def by_subject(messages, subject):
    return [one for one in messages if one["Subject"] == subject]


def submit(ours, to, subject, text, **fields):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Iris Lin <{IRIS}>", to, subject
    message["Message-ID"] = f"<{subject.encode().hex()}@lin.example>"
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    with smtplib.SMTP("127.0.0.1", ours.ports.submission) as client:
        client.login(IRIS, PASSWORD)
        client.send_message(message, mail_options=["BODY=8BITMIME"])
    return message


def test_a_letter_and_its_answer(houses):
    ours, theirs = houses
    body = b".\r\n..two\r\n" + "Grüße aus der Ferne 北京\r\n".encode() * 200 + b"x" * 900 + b"\r\nlast line\r\n"
    sent = LETTER % (b"Over there", b"first", body)
    theirs.send(BOB, IRIS, sent)
    wait_for(lambda: inbox(ours), theirs.log)
    (raw,) = inbox(ours)
    assert raw.endswith(sent), "the octets of the letter are what was sent"
    got = parsed(raw)
    assert raw.startswith(b"Return-Path: <bob@remote.example>\r\n")
    assert "from mx.remote.example" in got.get_all("Received")[0]
    assert "with ESMTPS" in got.get_all("Received")[0], "Postfix was offered TLS and took it"

    submit(
        ours,
        BOB,
        "Re: Over there",
        "Thank you.\n.\n",
        In_Reply_To="<first@remote.example>",
        References="<first@remote.example>",
    )
    (answer,) = wait_for(lambda: by_subject(theirs.mail(), "Re: Over there"), ours.output)
    assert answer["From"] == "Iris Lin <iris@lin.example>"
    assert answer["In-Reply-To"] == "<first@remote.example>"
    assert answer["Return-Path"] == "<iris@lin.example>"
    assert answer.get_content().replace("\r\n", "\n") == "Thank you.\n.\n"
    assert "dsn=2.0.0, status=sent (delivered to maildir)" in theirs.log()
    assert "The queue is empty" in ours.command("queue", "list").stdout


def test_the_other_house_tells_its_person_that_nobody_here_is_called_so(houses):
    ours, theirs = houses
    theirs.send(BOB, "nobody@lin.example", LETTER % (b"Who is there", b"second", b"hello\r\n"))
    (report,) = wait_for(
        lambda: [one for one in theirs.mail() if one.get_content_type() == "multipart/report"], theirs.log
    )
    (status,) = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    assert "5.1.1" in status.as_string()
    assert not [raw for raw in inbox(ours) if b"Who is there" in raw]


def test_our_person_is_told_that_nobody_there_is_called_so(houses):
    ours, _ = houses
    sent = submit(ours, f"nobody@{DOMAIN}", "Into the void", "hello\n")
    (report,) = wait_for(
        lambda: [one for one in map(parsed, inbox(ours)) if one.get_content_type() == "multipart/report"], ours.output
    )
    (status,) = [part for part in report.walk() if part.get_content_type() == "message/delivery-status"]
    text = status.as_string()
    assert f"Final-Recipient: rfc822; nobody@{DOMAIN}" in text
    assert "Action: failed" in text
    assert "Status: 5.1.1" in text
    assert report["To"] == IRIS
    assert report["Auto-Submitted"] == "auto-replied"
    assert sent["Message-ID"] in report.as_string()


def test_what_waits_survives_both_restarts_and_arrives_once(houses):
    ours, theirs = houses
    theirs.stop()
    submit(ours, BOB, "Patience", "still here\n")
    wait_for(lambda: b"deferred" in ours.output() or "queued" in ours.command("queue", "list").stdout, ours.output)
    assert ours.stop() == 0
    theirs.start("lin.example", ours.ports.smtp)
    ours.start()
    ours.command("queue", "retry", "all")
    wait_for(lambda: by_subject(theirs.mail(), "Patience"), ours.output)
    wait_for(lambda: "The queue is empty" in ours.command("queue", "list").stdout, ours.output)
    assert len(by_subject(theirs.mail(), "Patience")) == 1
    assert "as it should be" in ours.command("verify").stdout


def test_the_other_house_waits_for_us_too(houses):
    ours, theirs = houses
    assert ours.stop() == 0
    theirs.send(BOB, IRIS, LETTER % (b"While you slept", b"third", b"hello\r\n"))
    wait_for(lambda: "status=deferred" in theirs.log(), theirs.log)
    ours.start()
    wait_for(lambda: [raw for raw in inbox(ours) if b"While you slept" in raw], theirs.log)
    assert sum(b"While you slept" in raw for raw in inbox(ours)) == 1
