import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.delivery.recipients import Refusal
from server.delivery.verdict import Action, CheckResult, Verdict
from server.mail import header
from server.smtp.submission import completed
from tests.fakes.smtp_house import PASSWORD, TOKEN, House
from tests.fakes.smtp_peer import Peer

MESSAGE = (
    b"From: Anna <anna@ours.test>\r\nTo: x@far.test\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@ours.test>\r\nSubject: hello\r\n\r\nText\r\n"
)


def b64(text):
    return base64.b64encode(text.encode()).decode()


PLAIN = "AUTH PLAIN " + b64(f"\0anna@ours.test\0{PASSWORD}")


@pytest.fixture
async def anna(connect):
    """A signed-in connection."""
    peer = await connect("submission")
    await peer.hello()
    assert await peer.say(PLAIN) == "235 2.7.0 Signed in"
    return peer


# -- signing in


async def test_nothing_goes_without_signing_in(house, connect):
    peer = await connect("submission")
    assert "AUTH SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2" in await peer.hello()
    assert (await peer.say("MAIL FROM:<anna@ours.test>")).startswith("530 5.7.0")


async def test_port_25_knows_no_sign_in(connect):
    peer = await connect("smtp")
    assert "AUTH" not in await peer.hello()
    assert (await peer.say(PLAIN)).startswith("502")


async def test_plain_with_a_challenge(connect):
    peer = await connect("submission")
    await peer.hello()
    assert await peer.say("AUTH PLAIN") == "334 "
    assert (await peer.say(b64(f"\0anna@ours.test\0{PASSWORD}"))).startswith("235")
    assert (await peer.say(PLAIN)).startswith("503")


@pytest.mark.parametrize("initial", [True, False])
async def test_login(connect, initial):
    peer = await connect("submission")
    await peer.hello()
    if initial:
        assert (await peer.say("auth login " + b64("anna@ours.test"))).startswith("334 ")
    else:
        assert await peer.say("AUTH LOGIN") == "334 " + b64("Username:")
        assert await peer.say(b64("anna@ours.test")) == "334 " + b64("Password:")
    assert (await peer.say(b64(PASSWORD))).startswith("235")


@pytest.mark.parametrize(
    ("mechanism", "text"),
    [
        ("OAUTHBEARER", f"n,a=anna@ours.test,\x01host=x\x01auth=Bearer {TOKEN}\x01\x01"),
        ("OAUTHBEARER", f"n,,\x01auth=Bearer {TOKEN}\x01\x01"),
        ("XOAUTH2", f"user=anna@ours.test\x01auth=Bearer {TOKEN}\x01\x01"),
    ],
)
async def test_tokens(connect, mechanism, text):
    peer = await connect("submission")
    await peer.hello()
    assert (await peer.say(f"AUTH {mechanism} {b64(text)}")).startswith("235")


async def test_a_wrong_token_is_explained_and_refused(connect):
    peer = await connect("submission")
    await peer.hello()
    reply = await peer.say("AUTH XOAUTH2 " + b64("user=anna@ours.test\x01auth=Bearer no\x01\x01"))
    assert json.loads(base64.b64decode(reply.removeprefix("334 ")))["status"] == "invalid_token"
    assert (await peer.say("")).startswith("535 5.7.8")


async def test_wrong_passwords_end_the_connection(connect):
    peer = await connect("submission")
    await peer.hello()
    wrong = "AUTH PLAIN " + b64("\0anna@ours.test\0no")
    unknown = "AUTH PLAIN " + b64("\0nobody@ours.test\0no")
    # The same words, whichever half was wrong.
    assert await peer.say(wrong) == await peer.say(unknown) == "535 5.7.8 User name or password not right"
    assert (await peer.say(wrong)).startswith("421")
    assert await peer.at_end()


async def test_throttled(house, connect):
    house.authenticator.throttled = True
    peer = await connect("submission")
    await peer.hello()
    assert (await peer.say(PLAIN)).startswith("454 4.7.0")


async def test_a_sign_in_that_has_ended(house, anna):
    house.authenticator.end_all()
    assert await anna.reply() == "421 4.7.0 Your sign-in has ended"
    assert await anna.at_end()
    assert house.authenticator.watched == []


async def test_a_message_of_a_sign_in_that_has_ended_is_not_taken(house, anna):
    await anna.say("MAIL FROM:<anna@ours.test>")
    await anna.say("RCPT TO:<x@far.test>")
    assert (await anna.say("DATA")).startswith("354")
    house.authenticator.end_all()
    assert (await anna.say(MESSAGE.decode() + ".")).startswith("530 5.7.0")
    assert await anna.at_end()
    assert house.queue.submitted == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("AUTH", "501"),
        ("AUTH CRAM-MD5", "504"),
        ("AUTH PLAIN !!!", "501"),
        ("AUTH PLAIN =", "501"),
        ("AUTH PLAIN " + b64("no nuls"), "501"),
        ("AUTH PLAIN " + b64("ben@ours.test\0anna@ours.test\0" + PASSWORD), "535 5.7.8"),
    ],
)
async def test_malformed(connect, line, code):
    peer = await connect("submission")
    await peer.hello()
    assert (await peer.say(line)).startswith(code)


async def test_giving_up(connect):
    peer = await connect("submission")
    await peer.hello()
    await peer.say("AUTH PLAIN")
    assert await peer.say("*") == "501 5.7.0 Sign-in cancelled"
    assert await peer.say("NOOP") == "250 2.0.0 OK"


async def test_no_password_in_clear_except_in_a_trial(tmp_path):
    house = House(tmp_path)
    object.__setattr__(house.settings, "bind", "192.0.2.1")
    await house.start()
    peer = await Peer.connect(house.ports["submission"])
    assert "AUTH" not in await peer.hello()
    assert (await peer.say(PLAIN)).startswith("538 5.7.11")
    assert house.authenticator.asked == []
    await peer.start_tls()
    assert "AUTH SCRAM-SHA-256 PLAIN" in await peer.hello()
    assert (await peer.say(PLAIN)).startswith("235")
    await peer.close()
    await house.stop()


async def test_tls_forgets_who_signed_in(anna):
    await anna.start_tls()
    await anna.hello()
    assert (await anna.say("MAIL FROM:<anna@ours.test>")).startswith("530")


# -- sending


async def test_a_message_goes_to_the_queue_for_everybody(house, anna):
    assert (
        await anna.say("MAIL FROM:<anna@ours.test> RET=HDRS ENVID=draft-7 BODY=8BITMIME")
    ) == "250 2.1.0 Sender accepted"
    assert (await anna.say("RCPT TO:<x@far.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;x@far.test")).startswith("250")
    assert (await anna.say("RCPT TO:<ben@ours.test>")).startswith("250")
    assert await anna.data(MESSAGE) == "250 2.0.0 Queued as Q1"
    (submitted,) = house.queue.submitted
    envelope = submitted.envelope
    assert submitted.sender_account == 1
    assert envelope.recipients == ("x@far.test", "ben@ours.test")
    assert (envelope.ret, envelope.envelope_id, envelope.eight_bit) == ("HDRS", "draft-7", True)
    assert envelope.options["x@far.test"].notify == {"FAILURE", "DELAY"}
    assert envelope.options["x@far.test"].original == "rfc822;x@far.test"
    assert "ben@ours.test" not in envelope.options
    assert submitted.raw.startswith(b"Received: from client.test")
    assert b"with ESMTPA id" in submitted.raw
    assert submitted.raw.endswith(MESSAGE)
    assert house.pipeline.delivered == []


async def test_the_same_envid_and_octets_are_one_submission(house, anna):
    bare = b"From: anna@ours.test\r\n\r\nno Date of its own\r\n"
    for envid, message in (("a", bare), ("a", bare), ("a", bare + b"x\r\n"), ("b", bare), (None, bare)):
        house.clock.advance(1)
        await anna.say("MAIL FROM:<anna@ours.test>" + (f" ENVID={envid}" if envid else ""))
        await anna.say("RCPT TO:<x@far.test>")
        await anna.data(message)
    keys = [s.key for s in house.queue.submitted]
    assert keys[0] == keys[1]
    assert len({*keys[1:4]}) == 3
    assert keys[4] is None


async def test_not_durable_not_accepted(house, anna):
    house.queue.failure = OSError("disk full")
    await anna.transaction("anna@ours.test", "x@far.test")
    reply = await anna.data(MESSAGE)
    assert reply.startswith("451 4.3.0")
    assert "disk" not in reply


async def test_unknown_local_names_are_told_at_once(anna):
    await anna.transaction("anna@ours.test")
    assert (await anna.say("RCPT TO:<no@ours.test>")).startswith("550 5.1.1")


async def test_a_full_mailbox_here_is_told_at_once(house, anna):
    house.pipeline.full["ben@ours.test"] = Refusal.OVER_QUOTA
    await anna.transaction("anna@ours.test")
    assert (await anna.say("RCPT TO:<ben@ours.test>")).startswith("452 4.2.2")


@pytest.mark.parametrize("sender", ["ben@ours.test", "x@far.test", "all@ours.test"])
async def test_another_ones_reverse_path(anna, sender):
    assert (await anna.say(f"MAIL FROM:<{sender}>")).startswith("553 5.7.1")


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        (b"From: ben@ours.test\r\n", "553 5.7.1"),
        (b"From: anna@ours.test, ben@ours.test\r\n", "553 5.7.1"),
        (b"From: anna@ours.test\r\nFrom: boss@bank.test\r\n", "554 5.6.0"),
        (b"From: anna@ours.test\r\nfrom : boss@bank.test\r\n", "554 5.6.0"),
        (b'From: "anna@ours.test" <ben@ours.test>\r\n', "553 5.7.1"),
        (b"From:\r\n", "550 5.6.0"),
        (b"From: undisclosed:;\r\n", "550 5.6.0"),
        (b"Subject: no author\r\n", "550 5.6.0"),
    ],
)
async def test_another_ones_from(house, anna, fields, reply):
    await anna.transaction("anna@ours.test", "x@far.test")
    assert (await anna.data(fields + b"\r\nText\r\n")).startswith(reply)
    assert house.queue.submitted == []


FILLER = b"X-Filler: " + b"x" * 900 + b"\r\n"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"From: anna@ours.test\r\n" + FILLER * 1_200 + b"From: boss@bank.test\r\n", id="octets"),
        pytest.param(b"From: anna@ours.test\r\n" + b"X: y\r\n" * 5_000 + b"From: boss@bank.test\r\n", id="fields"),
        pytest.param(
            b"From: anna@ours.test" + b",\r\n anna@ours.test" * 1_000 + b",\r\n boss@bank.test\r\n", id="addresses"
        ),
        pytest.param(b"From: anna@ours.test" + b",\r\n (a) (b)" * 9_000 + b",\r\n boss@bank.test\r\n", id="tokens"),
        pytest.param(b"From: anna@ours.test\r\n" + FILLER * 1_200 + b"Bcc: ben@ours.test\r\n", id="bcc"),
    ],
)
async def test_t086_nothing_is_sent_that_was_not_read(house, anna, fields):
    """A second author, or a blind recipient, beyond what the readers look at."""
    object.__setattr__(house.settings, "message_size_limit", 10_000_000)
    await anna.transaction("anna@ours.test", "x@far.test")
    assert (await anna.data(fields + b"\r\nText\r\n")).startswith("554 5.6.0")
    assert house.queue.submitted == []


@pytest.mark.parametrize(
    "author",
    [
        b"boss@bank.test <anna@ours.test>",
        b"boss@bank.test, <anna@ours.test>",
        b"anna@ours.test boss@bank.test <anna@ours.test>",
        b'"boss@bank.test" boss@bank.test <anna@ours.test>',
        b"<@bank.test,@b.test:anna@ours.test> boss@bank.test",
        b'"unfinished <boss@bank.test>, anna@ours.test',
    ],
)
async def test_t112_from_that_programs_read_differently_is_refused(house, anna, author):
    await anna.transaction("anna@ours.test", "x@far.test")
    assert (await anna.data(b"From: " + author + b"\r\n\r\nText\r\n")).startswith(("554 5.6.0", "553 5.7.1"))
    assert house.queue.submitted == []


@pytest.mark.parametrize(
    "author",
    [
        b"anna@ours.test",
        b"Anna <anna@ours.test>",
        b"anna@ours.test <anna@ours.test>",
        b'"Anna @ home" <anna@ours.test>',
        b"anna@ours.test (Anna, once boss@bank.test)",
        b"=?utf-8?q?Anna_=40_home?= <anna@ours.test>",
        "Änna <anna@ours.test>".encode(),
    ],
)
async def test_t112_from_that_reads_one_way_goes_out(house, anna, author):
    await anna.transaction("anna@ours.test", "x@far.test")
    assert (await anna.data(b"From: " + author + b"\r\n\r\nText\r\n")).startswith("250")


async def test_a_read_receipt_from_nobody(house, anna):
    await anna.transaction("", "x@far.test")
    assert (await anna.data(MESSAGE)).startswith("250")
    assert house.queue.submitted[0].envelope.reverse_path == ""


async def test_a_check_may_refuse(house, anna):
    house.pipeline.verdict = Verdict(Action.REJECT, CheckResult("loop", Action.REJECT, 554, "5.4.6", "round"))
    await anna.transaction("anna@ours.test", "x@far.test")
    assert await anna.data(MESSAGE) == "554 5.4.6 round"


async def test_bcc_stays_here(house, anna):
    await anna.transaction("anna@ours.test", "x@far.test", "ben@ours.test")
    secret = b"Bcc: ben@ours.test\r\nbcc:\r\n b@far.test,\r\n\tc@far.test\r\nResent-Bcc: d@far.test\r\n"
    assert (await anna.data(secret + MESSAGE)).startswith("250")
    raw = house.queue.submitted[0].raw
    assert raw.endswith(MESSAGE)
    assert b"bcc" not in raw.lower()


async def test_what_every_message_must_have_is_added(house, anna):
    await anna.transaction("anna@ours.test", "x@far.test")
    await anna.data(b"From: anna@ours.test\r\n\r\nText\r\n")
    block, _ = header.split(house.queue.submitted[0].raw)
    assert [f.name for f in block] == ["Received", "Date", "Message-ID", "From"]
    assert block.get("Date") == b"Tue, 24 Nov 2026 09:00:00 +0000"
    assert block.get("Message-ID").endswith(b"@mx.ours.test>")


NAMES = ["From", "Date", "Message-ID", "Bcc", "To", "X"]


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([b"a", b"a,\r\n b", b""]))), st.binary(max_size=20))
def test_completed_keeps_everything_but_bcc(fields, body):
    raw = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in fields) + b"\r\n" + body
    done = completed(raw, "mx.ours.test", "id", "Tue, 24 Nov 2026 09:00:00 +0000")
    block, start = header.split(done)
    assert done[start:] == body or not fields
    assert "Bcc" not in block
    assert block.count("Date") == max(1, sum(n == "Date" for n, _ in fields))
    assert block.count("Message-ID") == max(1, sum(n == "Message-ID" for n, _ in fields))
    kept = [n for n, _ in fields if n != "Bcc"]
    assert [f.name for f in block][-len(kept) :] == kept or not kept
