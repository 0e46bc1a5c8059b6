from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher import lmtp
from fetcher.deliver import Letter, LmtpDeliverer, LmtpTimes, Outcome
from fetcher.errors import FetchError
from fetcher.lmtp import LmtpError, LmtpReply, ReplyReader
from server.smtp.syntax.parameters import xtext_decode
from tests.fakes.lmtp_server import LmtpManners, LmtpServer

WHEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def letter(raw=b"Subject: x\r\n\r\ntext\r\n", name="src1.a"):
    return Letter("ann@here.example", "INBOX", name, WHEN, "", raw)


async def deliver(manners, *letters):
    async with LmtpServer(manners=manners) as server:
        deliverer = LmtpDeliverer("127.0.0.1", server.port, times=LmtpTimes(2, 2, 2))
        try:
            return [await deliverer.deliver(one) for one in letters], server
        finally:
            await deliverer.close()


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"")), max_size=10))
def test_stuffing_is_undone_by_the_other_side(lines):
    raw = b"".join(line + b"\r\n" for line in lines)
    wire = lmtp.stuffed(raw)
    assert wire.endswith(b".\r\n")
    back = []
    for line in wire.split(b"\r\n"):
        if line == b".":
            break
        back.append(line.removeprefix(b"."))
    assert b"".join(x + b"\r\n" for x in back) == raw


def test_a_message_without_last_line_end_gets_one():
    assert lmtp.stuffed(b"a") == b"a\r\n.\r\n"


@given(st.text(min_size=1, max_size=40))
def test_xtext_is_what_the_server_reads(text):
    assert xtext_decode(lmtp.xtext(text)) == text


def test_replies_of_several_lines():
    reader = ReplyReader()
    assert reader.feed(b"250-one\r\n25") == []
    assert reader.feed(b"0-PIPELINING\r\n250 SIZE 5\r\n550 5.1.1 no\r\n") == [
        LmtpReply(250, "", ("one", "PIPELINING", "SIZE 5")),
        LmtpReply(550, "5.1.1", ("5.1.1 no",)),
    ]
    assert lmtp.extensions(LmtpReply(250, "", ("one", "PIPELINING", "SIZE 5"))) == {"PIPELINING": "", "SIZE": "5"}


@pytest.mark.parametrize("data", [b"hello\r\n", b"999 x\r\n", b"25\r\n", b"2" * 5000, b"250-x\r\n" * 101])
def test_what_is_no_reply(data):
    with pytest.raises(LmtpError):
        ReplyReader().feed(data)


async def test_one_connection_for_many_messages():
    receipts, server = await deliver(LmtpManners(), *(letter(name=f"src1.{n}") for n in range(20)))
    assert {r.outcome for r in receipts} == {Outcome.DELIVERED}
    assert server.connections == 1 and len(server.mailbox.stored) == 20
    assert server.mailbox.parameters[0]["BODY"] == "8BITMIME"
    assert "XMAILBOX" not in server.mailbox.parameters[0]


@pytest.mark.parametrize(
    ("answer", "outcome", "trouble"),
    [
        ("250 2.0.0 ok", Outcome.DELIVERED, ""),
        ("451 4.3.0 later", Outcome.DEFERRED, "delivery-deferred"),
        ("452 4.2.2 full", Outcome.DEFERRED, "over-quota"),
        ("452 4.3.1 disk full", Outcome.DEFERRED, "over-quota"),
        ("554 5.6.0 bad", Outcome.REFUSED, "message-refused"),
    ],
)
async def test_the_answer_to_the_octets(answer, outcome, trouble):
    receipts, _ = await deliver(LmtpManners(data=answer), letter())
    assert (receipts[0].outcome, receipts[0].trouble) == (outcome, trouble)


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("450 4.2.0 busy", "delivery-deferred"),
        ("452 4.2.2 full", "over-quota"),
        ("552 5.2.2 never fits", "message-refused"),
    ],
)
async def test_the_answer_to_the_recipient(pipelining, answer, expected):
    receipts, server = await deliver(LmtpManners(rcpt=answer, pipelining=pipelining), letter(), letter())
    assert [r.trouble for r in receipts] == [expected] * 2
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "code"), [("550 5.1.1 unknown", "delivery-recipient"), ("421 4.3.2 going down", "delivery-unavailable")]
)
async def test_what_is_nobody_elses_fault_is_raised(answer, code):
    with pytest.raises(FetchError) as caught:
        await deliver(LmtpManners(rcpt=answer), letter())
    assert caught.value.code == code


async def test_nobody_there():
    with pytest.raises(FetchError) as caught:
        await LmtpDeliverer("127.0.0.1", 1, times=LmtpTimes(1, 1, 1)).deliver(letter())
    assert caught.value.code == "delivery-unavailable"


async def test_an_uncertain_end_is_not_repeated_by_itself():
    """After the octets only the envelope id may decide; the next run asks under the same one."""
    async with LmtpServer(manners=LmtpManners(drop_after_data=True)) as server:
        deliverer = LmtpDeliverer("127.0.0.1", server.port, times=LmtpTimes(2, 2, 2))
        with pytest.raises(FetchError):
            await deliverer.deliver(letter())
        assert server.connections == 1


async def test_a_big_message_arrives_whole():
    raw = b"Subject: big\r\n\r\n" + b".\r\n..\r\nline\r\n" * 200_000
    receipts, server = await deliver(LmtpManners(), letter(raw))
    assert receipts[0].outcome is Outcome.DELIVERED and server.mailbox.stored["src1.a"] == raw
