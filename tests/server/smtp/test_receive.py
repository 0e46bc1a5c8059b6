import pytest

from server.delivery.envelope import Result
from server.delivery.recipients import Refusal
from server.smtp.receive import single_reply

MESSAGE = b"Subject: x\r\n\r\nText\r\n"


@pytest.fixture
async def peer(connect):
    made = await connect()
    await made.hello()
    await made.transaction("x@far.test")
    return made


# security.md T098.
@pytest.mark.parametrize(
    "path",
    [
        "<victim@far.test>",
        "<@ours.test:victim@far.test>",
        "<victim%far.test@ours.test>",
        "<far.test!victim@ours.test>",
        '<"victim@far.test"@ours.test>',
        "<victim@far.test@ours.test>",
        "<victim@[127.0.0.1]>",
        "<victim@localhost>",
        "<victim@ours.test.far.test>",
        "victim@far.test",
    ],
)
async def test_nothing_is_relayed(house, peer, path):
    assert (await peer.say(f"RCPT TO:{path}"))[:3] in ("550", "553", "501")
    assert (await peer.say("DATA")).startswith("554")


@pytest.mark.parametrize(
    ("refusal", "reply"),
    [
        (Refusal.UNKNOWN, "550 5.1.1"),
        (Refusal.RELAY, "550 5.7.1"),
        (Refusal.OVER_QUOTA, "452 4.2.2"),
        (Refusal.NEVER_FITS, "552 5.2.2"),
    ],
)
async def test_refusals_at_rcpt(house, peer, refusal, reply):
    house.pipeline.full["anna@ours.test"] = refusal
    assert (await peer.say("RCPT TO:<anna@ours.test>")).startswith(reply)
    assert (await peer.say("RCPT TO:<ben@ours.test>")).startswith("250")
    assert (await peer.data(MESSAGE)).startswith("250")


async def test_addresses_in_utf8_when_asked_for(house, connect):
    peer = await connect()
    await peer.hello()
    assert (await peer.say("MAIL FROM:<jörg@far.test>")).startswith("553 5.6.7")
    assert (await peer.say("MAIL FROM:<jörg@far.test> SMTPUTF8")).startswith("250")
    assert (await peer.say("RCPT TO:<anna@ours.test>")).startswith("250")
    assert (await peer.data(MESSAGE)).startswith("250")
    assert house.pipeline.delivered[0].envelope.smtputf8


def result(code):
    return Result("a", code < 300, code, f"{code // 100}.0.0", str(code))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([250], 250), ([250, 250], 250), ([250, 550], 550), ([550, 451], 451), ([452, 550], 452), ([550, 554], 550)],
)
def test_one_reply_for_all(codes, expected):
    # What can be tried again is tried again; nothing is called delivered that is not.
    assert single_reply([result(c) for c in codes], "id").code == expected
