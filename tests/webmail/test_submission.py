import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import pytest

from server.config import Settings
from server.db.database import Database
from tests.fakes.remote_mx import DROP, RemoteMx
from webmail import doors, submission
from webmail.submission import METADATA, NotSent

RAW = b"From: anna@ours.test\r\nSubject: x\r\n\r\n.dot\r\nbody\r\n"


@contextmanager
def post_office(**steps):
    """A submission server on a thread that does what the test says."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    office = RemoteMx(extensions=steps.pop("extensions", ("8BITMIME", "SMTPUTF8", "AUTH PLAIN")), **steps)
    asyncio.run_coroutine_threadsafe(office.__aenter__(), loop).result(10)
    try:
        yield office
    finally:
        asyncio.run_coroutine_threadsafe(office.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def send(tmp_path):
    def act(office, recipients=("ben@far.test",), sender="anna@ours.test", raw=RAW):
        settings = Settings(data=tmp_path, submission_server=office.address)
        return submission.send(settings, "anna@ours.test", "pht_secret", sender, recipients, raw)

    return act


def test_a_letter_is_handed_over_octet_by_octet(send):
    with post_office() as office:
        assert send(office, ("ben@far.test", "carl@far.test")) == []
        ((mail, rcpts, raw),) = office.messages
        assert mail.startswith("FROM:<anna@ours.test>")
        assert rcpts == ["TO:<ben@far.test>", "TO:<carl@far.test>"]
        assert raw == RAW
        assert office.commands[1].startswith("AUTH PLAIN ")


def test_only_a_letter_that_needs_it_asks_for_utf8(send):
    with post_office() as office:
        send(office)
        send(office, ("jürgen@far.test",))
        assert ["SMTPUTF8" in mail for mail, _, _ in office.messages] == [False, True]


def test_a_server_without_8bit_is_not_asked_for_it(send):
    with post_office(extensions=("AUTH PLAIN",)) as office:
        send(office)
        assert office.messages[0][0] == "FROM:<anna@ours.test>"


def test_an_address_that_was_never_parsed_reaches_no_line(send):
    """T088: whatever the caller did wrong, it is refused before there is a connection."""
    with post_office() as office:
        for recipient in ("ben@far.test>\r\nRCPT TO:<eve@evil.test", "ben@far.test\nDATA"):
            with pytest.raises(NotSent):
                send(office, (recipient,))
        with pytest.raises(NotSent):
            send(office, sender="anna@ours.test>\r\nRSET")
        assert office.connections == 0


def test_one_refused_recipient_is_named_and_the_others_get_it(send):
    def answer(address):
        return b"550 5.1.1 no \x1b[31msuch\r\n" if "eve" in address else b"250 ok\r\n"

    with post_office(rcpt=answer) as office:
        (refusal,) = send(office, ("ben@far.test", "eve@far.test"))
        assert (refusal.address, refusal.code, refusal.text) == ("eve@far.test", 550, "5.1.1 no [31msuch")
        assert office.messages[0][1] == ["TO:<ben@far.test>"]


def test_when_nobody_is_taken_nothing_was_sent(send):
    with post_office(rcpt=b"550 5.1.1 nobody here\r\n") as office, pytest.raises(NotSent) as failed:
        send(office)
    assert [r.text for r in failed.value.refusals] == ["5.1.1 nobody here"]


@pytest.mark.parametrize(
    ("steps", "reason", "temporary"),
    [
        ({"auth": b"535 5.7.8 no\r\n"}, "signed-out", False),
        ({"mail": b"550 5.7.1 not yours\r\n"}, "5.7.1 not yours", False),
        ({"mail": b"452 4.3.1 full\r\n"}, "4.3.1 full", True),
        ({"dot": b"554 5.6.0 bad\r\n"}, "5.6.0 bad", False),
        ({"dot": DROP}, "unreachable", True),
        ({"greeting": DROP}, "unreachable", True),
    ],
)
def test_what_went_wrong_is_told(send, steps, reason, temporary):
    with post_office(**steps) as office, pytest.raises(NotSent) as failed:
        send(office)
    assert (failed.value.reason, failed.value.temporary) == (reason, temporary)


def test_nobody_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings = Settings(data=tmp_path, submission_server=f"127.0.0.1:{port}")
    with pytest.raises(NotSent) as failed:
        submission.send(settings, "a@b.test", "x", "a@b.test", ("c@d.test",), RAW)
    assert failed.value.temporary


def test_a_secret_does_not_cross_a_network_in_clear(tmp_path, monkeypatch):
    """T130: a server that is not this machine must speak TLS before it is told anything."""
    monkeypatch.setattr(doors, "_LOOPBACK", ())
    with post_office() as office:
        settings = Settings(data=tmp_path, submission_server=office.address)
        with pytest.raises(NotSent):
            submission.send(settings, "anna@ours.test", "pht_secret", "anna@ours.test", ("ben@far.test",), RAW)
        assert not any(line.startswith("AUTH") for line in office.commands)


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "directory.db", [METADATA])
    yield made
    made.close()


def claim(database, account=1, writing="letter-1"):
    return database.write(lambda w: submission.claim(w, account, writing))


def settle(database, *, sent, account=1, writing="letter-1"):
    database.write(lambda w: submission.settle(w, account, writing, sent=sent))


def test_a_letter_is_sent_once(database):
    """T091: pressed twice, asked again after an answer that got lost."""
    assert claim(database) == "go"
    assert claim(database) == "under-way"
    settle(database, sent=True)
    assert claim(database) == "sent"
    assert claim(database, writing="letter-2") == "go"
    assert claim(database, account=2) == "go"


def test_what_was_not_sent_may_be_tried_again(database):
    claim(database)
    settle(database, sent=False)
    assert claim(database) == "go"


def test_a_sending_that_never_ended_may_be_tried_again_after_a_while(database, monkeypatch):
    claim(database)
    later = time.time() + submission.UNDER_WAY_SECONDS + 1
    monkeypatch.setattr(submission.time, "time", lambda: later)
    assert claim(database) == "go"
    assert claim(database) == "under-way"


def test_what_was_sent_is_forgotten_after_a_week(database, monkeypatch):
    claim(database)
    settle(database, sent=True)
    later = time.time() + submission.REMEMBER_SECONDS + 1
    monkeypatch.setattr(submission.time, "time", lambda: later)
    claim(database, writing="letter-2")
    assert database.read(lambda r: r.raw("SELECT writing_id FROM sent_letter").fetchall()) == [("letter-2",)]
