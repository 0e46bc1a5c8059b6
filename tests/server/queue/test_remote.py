"""Delivery over real sockets to a server that misbehaves in every stage."""

import asyncio
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.config import Settings
from server.net.tls import self_signed
from server.queue import remote
from server.queue.client import Stages
from server.queue.model import Job, Kind, Message, Recipient
from server.queue.remote import RemoteTransport
from server.queue.route import Hop, Login
from tests.fakes.post_room import RAW
from tests.fakes.remote_mx import DRIP, DROP, HANG, RemoteMx
from tests.fakes.resolver import FakeResolver

QUICK = Stages(connect=2, greeting=0.3, command=0.3, tls=0.5, data=0.3, block=0.3, quit=0.2, total=1)


class Hops:
    """A router that knows the addresses already."""

    def __init__(self, *hops):
        self._hops = hops

    async def hops(self, domain):
        for hop in self._hops:
            yield hop


def job(raw=RAW, recipients=("bob@remote.test",), reverse_path="anna@example.org", **fields) -> Job:
    message = Message("q" * 22, reverse_path, 1, None, None, len(raw), not raw.isascii(), 0)
    return Job(
        message, "remote.test", tuple(Recipient(n, a, "remote.test", **fields) for n, a in enumerate(recipients)), raw
    )


def transport(*servers, stages=QUICK, **hop) -> RemoteTransport:
    hops = Hops(*(Hop("mx.test", "127.0.0.1", s if isinstance(s, int) else s.port, **hop) for s in servers))
    return RemoteTransport(
        Settings(data=Path("/nowhere")), FakeResolver(), "mail.example.org", stages=stages, router=hops
    )


async def deliver(*servers, the_job=None, **more):
    outcomes = await transport(*servers, **more).deliver(the_job or job())
    return [(o.recipient_id, o.kind, o.code, o.enhanced) for o in outcomes]


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = self_signed("mx.test", datetime.now(UTC))
    (folder / "c.pem").write_bytes(certificate)
    (folder / "k.pem").write_bytes(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    return context


async def test_delivery():
    async with RemoteMx() as mx:
        outcomes = await transport(mx).deliver(job())
        assert [(o.kind, o.code, o.enhanced, o.text, o.host) for o in outcomes] == [
            (Kind.DELIVERED, 250, "2.0.0", "queued as 42", "mx.test")
        ]
        assert mx.messages == [(f"FROM:<anna@example.org> SIZE={len(RAW)}", ["TO:<bob@remote.test>"], RAW)]
        assert mx.commands[0] == "EHLO mail.example.org"
        assert mx.commands[-1] == "QUIT"


async def test_old_server_without_ehlo():
    async with RemoteMx(ehlo=b"502 what?\r\n") as mx:
        assert await deliver(mx) == [(0, Kind.DELIVERED, 250, "2.0.0")]
        assert mx.commands[1] == "HELO mail.example.org"


@pytest.mark.parametrize(
    "raw",
    [
        b"A: 1\r\n\r\n.\r\n..\r\n.a\r\n",
        b"A: 1\r\n\r\nno end",
        b"\r\n",
        b"A: 1\r\n\r\n" + b"x" * 300_000 + b"\r\n.\r\n",
        b"A: 1\r\n\r\n" + b".\r\n" * 50_000,
    ],
)
async def test_dots_and_line_ends(raw):
    async with RemoteMx(extensions=()) as mx:
        assert (await deliver(mx, the_job=job(raw)))[0][1] is Kind.DELIVERED
        expected = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
        assert [octets for _, _, octets in mx.messages] == [expected]
        assert mx.received[0].count(b"\n") == mx.received[0].count(b"\r\n") == mx.received[0].count(b"\r")


@pytest.mark.parametrize(
    "address",
    [
        "bob@remote.test>\r\nRCPT TO:<eve@x.test",
        "bob@remote.test\nDATA",
        "bob@remote.test> NOTIFY=NEVER",
        "bob\r@remote.test",
        "b ob@remote.test",
    ],
)
async def test_an_address_with_a_line_end_never_reaches_the_wire(address):
    """`submit` refuses it; should it get past, the client does."""
    async with RemoteMx() as mx:
        assert await deliver(mx, the_job=job(recipients=(address, "bob@remote.test"))) == [
            (0, Kind.FAILED, 550, "5.1.3"),
            (1, Kind.DELIVERED, 250, "2.0.0"),
        ]
        assert await deliver(mx, the_job=job(reverse_path=address)) == [(0, Kind.FAILED, 550, "5.1.3")]
        assert [rcpts for _, rcpts, _ in mx.messages] == [["TO:<bob@remote.test>"]]
        assert b"eve@x.test" not in b"".join(mx.received)
        assert [c.split(" ")[0] for c in mx.commands] == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT", "EHLO", "QUIT"]


async def test_each_recipient_has_its_own_end():
    answers = {
        "a@remote.test": b"250 2.1.5 ok\r\n",
        "b@remote.test": b"550 5.1.1 no such user\r\n",
        "c@remote.test": b"450 4.2.1 busy\r\n",
    }
    async with RemoteMx(rcpt=answers.__getitem__) as mx:
        outcomes = await deliver(mx, the_job=job(recipients=tuple(answers)))
        assert sorted(outcomes) == [
            (0, Kind.DELIVERED, 250, "2.0.0"),
            (1, Kind.FAILED, 550, "5.1.1"),
            (2, Kind.DEFERRED, 450, "4.2.1"),
        ]
        assert mx.messages[0][1] == ["TO:<a@remote.test>"]


async def test_nobody_accepted_nothing_sent():
    async with RemoteMx(rcpt=b"550 5.1.1 no\r\n") as mx:
        assert await deliver(mx) == [(0, Kind.FAILED, 550, "5.1.1")]
        assert "DATA" not in mx.commands


@pytest.mark.parametrize("stage", ["mail", "data", "dot"])
async def test_permanent_refusals(stage):
    async with RemoteMx(**{stage: b"554 5.7.1 spam\r\n"}) as mx:
        assert await deliver(mx) == [(0, Kind.FAILED, 554, "5.7.1")]
        assert mx.connections == 1


@pytest.mark.parametrize("stage", ["greeting", "mail", "rcpt", "data", "dot"])
async def test_temporary_refusals(stage):
    async with RemoteMx(**{stage: b"451 4.7.1 greylisted\r\n"}) as mx:
        assert await deliver(mx) == [(0, Kind.DEFERRED, 451, "4.7.1")]


async def test_greylisting_then_delivery():
    async with RemoteMx(rcpt=[b"451 4.7.1 greylisted\r\n", b"250 ok\r\n"]) as mx:
        assert (await deliver(mx))[0][1] is Kind.DEFERRED
        assert (await deliver(mx))[0][1] is Kind.DELIVERED


async def test_a_refusing_host_is_no_word_about_the_recipient():
    async with RemoteMx(greeting=b"554 5.7.1 go away\r\n") as mx:
        assert await deliver(mx) == [(0, Kind.DEFERRED, 451, "4.7.1")]


@pytest.mark.parametrize("step", [HANG, DROP])
@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "rcpt", "data", "body"])
async def test_silence_and_broken_lines_before_the_dot(stage, step):
    async with RemoteMx(**{stage: step}) as mx:
        raw = b"A: 1\r\n\r\n" + b"x" * 20 * 1024 * 1024 if stage == "body" else RAW
        mx.extensions = []
        ((_, kind, _, enhanced),) = await deliver(mx, the_job=job(raw))
        assert kind is Kind.DEFERRED
        assert enhanced.startswith("4.4.")
        assert mx.messages == []


@pytest.mark.parametrize("step", [HANG, DROP, b"rubbish\r\n", b"250-\r\n" * 20_000])
async def test_no_answer_after_the_dot_is_doubt(step):
    async with RemoteMx(dot=step) as mx, RemoteMx() as second:
        assert await deliver(mx, second) == [(0, Kind.UNCERTAIN, 451, "4.4.2")]
        assert len(mx.messages) == 1
        assert second.connections == 0


async def test_answer_after_the_dot_counts_though_the_line_breaks():
    async with RemoteMx(quit=DROP) as mx:
        assert await deliver(mx) == [(0, Kind.DELIVERED, 250, "2.0.0")]


async def test_next_host_is_tried():
    async with (
        RemoteMx(greeting=b"421 4.3.2 busy\r\n") as first,
        RemoteMx(mail=b"451 later\r\n") as second,
        RemoteMx() as third,
    ):
        assert (await deliver(1, first, second, third))[0][1] is Kind.DELIVERED
        assert (first.connections, second.connections, len(third.messages)) == (1, 1, 1)


async def test_no_host_answers():
    assert await deliver(1, 2) == [(0, Kind.DEFERRED, 421, "4.4.1")]


async def test_a_router_without_hosts():
    assert await deliver() == [(0, Kind.DEFERRED, 451, "4.4.0")]


async def test_no_route_is_told():
    found = RemoteTransport(Settings(data=Path("/nowhere")), FakeResolver(), "mail.example.org")
    (outcome,) = await found.deliver(job())
    assert (outcome.kind, outcome.enhanced, outcome.host) == (Kind.FAILED, "5.1.2", "")


async def test_an_attempt_has_an_end_however_many_hosts(monkeypatch):
    monkeypatch.setattr(remote, "ATTEMPT_SECONDS", -1)
    async with RemoteMx() as mx:
        assert await deliver(1, mx) == [(0, Kind.DEFERRED, 421, "4.4.1")]
        assert mx.connections == 0


async def test_a_banner_of_5000_lines():
    async with RemoteMx(greeting=b"220-welcome to a very talkative server\r\n" * 5_000 + b"220 at last\r\n") as mx:
        assert (await deliver(mx))[0][1] is Kind.DEFERRED
        assert mx.messages == []


async def test_an_octet_at_a_time_is_cut():
    async with RemoteMx(ehlo=DRIP) as mx:
        assert (await deliver(mx))[0][1] is Kind.DEFERRED


async def test_the_whole_connection_has_a_limit():
    async with RemoteMx(rcpt=HANG) as mx:
        slow = Stages(connect=60, greeting=60, command=60, data=60, total=0.4)
        assert await deliver(mx, stages=slow) == [(0, Kind.DEFERRED, 421, "4.4.2")]


async def test_replies_of_control_characters_are_kept_harmless():
    async with RemoteMx(rcpt=b"550 5.1.1 \x1b[31m no\x00 \xff such\tuser " + b"x" * 3000 + b"\r\n") as mx:
        outcome = (await transport(mx).deliver(job()))[0]
        assert outcome.text.isascii()
        assert outcome.text.isprintable()
        assert len(outcome.text) <= 400


async def test_too_large_is_not_even_tried():
    async with RemoteMx(extensions=("SIZE 50",)) as mx:
        assert await deliver(mx) == [(0, Kind.FAILED, 552, "5.3.4")]
        assert not any(c.startswith("MAIL") for c in mx.commands)


async def test_eight_bit_and_utf8():
    raw = "Subject: grüße\r\n\r\nhallo\r\n".encode()
    async with RemoteMx(extensions=("8BITMIME", "SMTPUTF8")) as mx:
        assert (await deliver(mx, the_job=job(raw, recipients=("jürgen@remote.test",))))[0][1] is Kind.DELIVERED
        assert mx.messages == [("FROM:<anna@example.org> BODY=8BITMIME SMTPUTF8", ["TO:<jürgen@remote.test>"], raw)]
    async with RemoteMx(extensions=()) as mx:
        assert await deliver(mx, the_job=job(raw)) == [(0, Kind.FAILED, 550, "5.6.3")]
        assert await deliver(mx, the_job=job(recipients=("jürgen@remote.test",))) == [(0, Kind.FAILED, 550, "5.6.7")]


class TestTls:
    async def test_used_when_offered(self, tls):
        async with RemoteMx(tls=tls) as mx:
            assert (await deliver(mx))[0][1] is Kind.DELIVERED
            assert mx.secured == 1
            assert [c for c in mx.commands if c.startswith(("EHLO", "STARTTLS", "MAIL"))][:3] == [
                "EHLO mail.example.org",
                "STARTTLS",
                "EHLO mail.example.org",
            ]

    async def test_refused_starttls_goes_on_in_clear(self, tls):
        async with RemoteMx(tls=tls, starttls=b"454 4.7.0 not now\r\n") as mx:
            assert (await deliver(mx))[0][1] is Kind.DELIVERED
            assert mx.secured == 0

    async def test_failed_handshake_is_repeated_in_clear(self):
        async with RemoteMx(extensions=("STARTTLS",), starttls=b"220 go\r\nthis is no handshake\r\n" * 50) as mx:
            assert (await deliver(mx))[0][1] is Kind.DELIVERED
            assert mx.connections == 2
            assert mx.secured == 0

    async def test_answers_sent_ahead_of_the_handshake_count_for_nothing(self, tls):
        async with RemoteMx(tls=tls, starttls=b"220 go\r\n250-mx.test\r\n250 AUTH PLAIN\r\n") as mx:
            # The octets after 220 are no TLS record: the handshake fails, the second try is in clear.
            await deliver(mx)
            assert not any(c.startswith("AUTH") for c in mx.commands)

    async def test_a_large_message(self, tls):
        raw = b"A: 1\r\n\r\n" + b"x" * 3_000_000 + b"\r\n.\r\n"
        async with RemoteMx(tls=tls, extensions=()) as mx:
            assert (await deliver(mx, the_job=job(raw)))[0][1] is Kind.DELIVERED
            assert mx.messages[0][2] == raw

    async def test_implicit(self, tls):
        async with RemoteMx(tls=tls, implicit_tls=True) as mx:
            assert (await deliver(mx, implicit_tls=True))[0][1] is Kind.DELIVERED


class TestSmarthost:
    LOGIN = Login("user", "geheim")

    async def test_signs_in(self):
        async with RemoteMx(extensions=("AUTH PLAIN LOGIN",)) as mx:
            assert (await deliver(mx, login=self.LOGIN))[0][1] is Kind.DELIVERED
            assert mx.commands[1] == "AUTH PLAIN AHVzZXIAZ2VoZWlt"

    async def test_refused_sign_in_is_no_word_about_the_recipient(self):
        async with RemoteMx(extensions=("AUTH PLAIN LOGIN",), auth=b"535 5.7.8 wrong\r\n") as mx:
            assert await deliver(mx, login=self.LOGIN) == [(0, Kind.DEFERRED, 454, "4.7.8")]
            assert mx.messages == []

    @pytest.mark.parametrize("starttls", [None, b"454 no\r\n", b"220 go\r\n"])
    async def test_the_password_goes_only_to_a_verified_host(self, tls, starttls):
        """No TLS, refused TLS, and a certificate that nobody vouches for."""
        options = {} if starttls is None else {"tls": tls, "starttls": starttls}
        async with RemoteMx(extensions=("AUTH PLAIN LOGIN",), **options) as mx:
            assert (await deliver(mx, login=self.LOGIN, verify=True))[0][1] is Kind.DEFERRED
            assert not any("AUTH" in c for c in mx.commands)
            assert b"Z2VoZWlt" not in b"".join(mx.received)


async def test_many_at_once():
    async with RemoteMx() as mx:
        found = transport(mx)
        outcomes = await asyncio.gather(*(found.deliver(job()) for _ in range(30)))
        assert all(o[0].kind is Kind.DELIVERED for o in outcomes)
        assert len(mx.messages) == 30
