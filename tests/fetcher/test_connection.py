import asyncio
import socket
from dataclasses import replace

import pytest
import uvloop

from fetcher import connection, link, pop3
from fetcher.connection import Environment, Target
from fetcher.errors import FetchError
from fetcher.wire import InjectedBeforeTls, Wire
from tests.fakes.pop3_server import Maildrop, Manners, Pop3Server, letters
from tests.fetcher.certificates import Authority
from tests.fetcher.conftest import QUICK

NAME = "mail.example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


async def resolve_here(_host, _port):
    return ["127.0.0.1"]


def environment(authority=None, **times):
    return Environment(replace(QUICK, **times), resolve=resolve_here, trust=authority.trust if authority else None)


async def visit(server, tls, shell, *, host=NAME, password="right horse"):
    target = Target(host, server.port, tls, private_ok=True)
    async with link.session(target, "someone", password, shell) as opened:
        reply = await opened.ask(pop3.UIDL)
        assert await opened.leave(pop3.QUIT)
        return reply


async def refusal(act):
    with pytest.raises(FetchError) as caught:
        await act
    return caught.value.code


# -- TLS


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
async def test_tls_with_a_good_certificate(authority, tls):
    context = authority.server(NAME)
    manners = Manners(implicit=context) if tls == "implicit" else Manners(stls=context)
    async with Pop3Server(Maildrop(), manners) as server:
        assert (await visit(server, tls, environment(authority))).ok
        assert not any("PASS" in line or "USER" in line for line in server.in_clear)


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_tls_under_uvloop(authority, tls):
    async def main():
        context = authority.server(NAME)
        manners = Manners(implicit=context) if tls == "implicit" else Manners(stls=context)
        async with Pop3Server(Maildrop(), manners) as server:
            assert (await visit(server, tls, environment(authority))).ok

    uvloop.run(main())


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("fault", ["other name", "run out", "unknown authority"])
async def test_a_bad_certificate_is_refused_before_the_password(authority, tls, fault):
    names, days = (("other.example.org",), 10) if fault == "other name" else ((NAME,), -1 if fault == "run out" else 10)
    context = authority.server(*names, days=days)
    manners = Manners(implicit=context) if tls == "implicit" else Manners(stls=context)
    async with Pop3Server(Maildrop(), manners) as server:
        shell = environment(None if fault == "unknown authority" else authority)
        assert await refusal(visit(server, tls, shell)) == "tls-certificate"
        assert server.commands["PASS"] == server.commands["AUTH"] == 0


async def test_the_name_is_checked_also_when_an_address_was_resolved(authority):
    async with Pop3Server(Maildrop(), Manners(implicit=authority.server("127.0.0.1"))) as server:
        assert await refusal(visit(server, "implicit", environment(authority))) == "tls-certificate"


@pytest.mark.parametrize("offered", [True, False])
async def test_no_starttls_means_no_sign_in(authority, offered):
    """T130: a stripped capability or a refused STLS never leads to clear text."""
    manners = Manners(stls=authority.server(NAME), offers_stls=offered)
    if offered:
        manners.answer = {"STLS": "-ERR not now"}
    async with Pop3Server(Maildrop(), manners) as server:
        assert await refusal(visit(server, "starttls", environment(authority))) == "tls-not-offered"
        assert not any("PASS" in line or "USER" in line for line in server.log)


async def test_what_is_sent_in_clear_behind_stls_is_never_read_as_tls(authority):
    manners = Manners(stls=authority.server(NAME), inject_after_stls=b"+OK forged capabilities\r\n.\r\n")
    async with Pop3Server(Maildrop(), manners) as server:
        code = await refusal(visit(server, "starttls", environment(authority)))
        assert code in ("tls-failed", "protocol")
        assert server.commands["USER"] == 0


async def test_a_clear_server_on_the_tls_port_is_said():
    async with Pop3Server(Maildrop()) as server:
        assert await refusal(visit(server, "implicit", environment())) == "tls-failed"


async def test_octets_before_tls_stop_the_handshake():
    wire = Wire()

    class Transport:
        def get_extra_info(self, _):
            return None

    wire.connection_made(Transport())
    wire.data_received(b"x")
    with pytest.raises(InjectedBeforeTls):
        await wire.start_tls(connection.verifying_context(), NAME)


def test_the_usual_context_verifies():
    context = connection.verifying_context()
    assert context.check_hostname and context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"


# -- addresses (T051, T052)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "0.0.0.0"])
async def test_the_own_network_is_refused_whatever_listens_there(host):
    async with Pop3Server(Maildrop()) as server:
        for port in (server.port, 1):
            target = Target(host, port, "implicit")
            assert await refusal(connection.addresses(target, Environment(QUICK))) == "address-forbidden"
        assert server.sessions == 0


async def test_a_name_that_leads_inside_is_refused():
    assert await refusal(connection.addresses(Target(NAME, 995, "implicit"), environment())) == "address-forbidden"


async def test_only_the_public_addresses_of_a_name_are_used():
    async def both(_host, _port):
        return ["127.0.0.1", "8.8.8.8"]

    shell = Environment(QUICK, resolve=both)
    assert await connection.addresses(Target(NAME, 995, "implicit"), shell) == ["8.8.8.8"]


async def test_a_name_is_resolved_once():
    """T052: the second answer of a rebinding name is never asked for."""
    asked = []

    async def rebinding(host, _port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with Pop3Server(Maildrop()) as server:
        await visit(server, "none", Environment(QUICK, resolve=rebinding))
    assert asked == [NAME]


async def test_other_ports_and_clear_text_are_not_for_the_internet():
    async def public(_host, _port):
        return ["8.8.8.8"]

    shell = Environment(QUICK, resolve=public)
    assert await refusal(connection.addresses(Target(NAME, 6379, "implicit"), shell)) == "port-forbidden"
    assert await refusal(connection.addresses(Target(NAME, 110, "none", private_ok=True), shell)) == "tls-required"
    assert await connection.addresses(Target(NAME, 110, "none", private_ok=True, plain_ok=True), shell) == ["8.8.8.8"]


async def test_no_such_name():
    async def nothing(_host, _port):
        raise socket.gaierror(-2, "Name or service not known")

    async def never(_host, _port):
        await asyncio.sleep(60)

    assert await refusal(connection.addresses(Target("x", 995, "implicit"), Environment(QUICK, resolve=nothing))) == (
        "name-not-found"
    )
    shell = Environment(replace(QUICK, name=0.05), resolve=never)
    assert await refusal(connection.addresses(Target("x", 995, "implicit"), shell)) == "name-not-found"


async def test_nobody_listens():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        target = Target(NAME, held.getsockname()[1], "none", private_ok=True)
        assert await refusal(connection.connect(target, ["127.0.0.1"], environment())) == "connection-refused"


async def test_the_next_address_is_tried():
    async with Pop3Server(Maildrop()) as server:
        target = Target(NAME, server.port, "none", private_ok=True)
        wire = await connection.connect(target, ["127.255.255.254", "127.0.0.1"], environment(connect=1))
        wire.abort()


# -- signing in


@pytest.mark.parametrize(
    ("capa", "said"),
    [
        (("USER", "SASL PLAIN", "PIPELINING"), ["USER someone", "PASS right horse"]),
        (("USER",), ["USER someone", "PASS right horse"]),
        (("SASL PLAIN",), ["AUTH PLAIN AHNvbWVvbmUAcmlnaHQgaG9yc2U="]),
        (None, ["USER someone", "PASS right horse"]),
    ],
)
async def test_the_way_that_is_offered(capa, said):
    async with Pop3Server(Maildrop(), Manners(capa=capa)) as server:
        assert (await visit(server, "none", environment())).ok
        assert [line for line in server.log if line.split()[0] in ("USER", "PASS", "AUTH")] == said


async def test_a_long_secret_is_sent_behind_the_challenge():
    long = "p" * 300
    async with Pop3Server(Maildrop(), Manners(capa=("SASL PLAIN",), password=long)) as server:
        assert (await visit(server, "none", environment(), password=long)).ok


async def test_letters_beyond_ascii_prefer_sasl():
    async with Pop3Server(Maildrop(), Manners(password="пароль")) as server:
        assert (await visit(server, "none", environment(), password="пароль")).ok
        assert server.commands["AUTH"] == 1 and server.commands["PASS"] == 0


async def test_apop_keeps_the_password_to_itself():
    async with Pop3Server(Maildrop(), Manners(greeting="+OK ready <1.2@example.org>")) as server:
        assert (await visit(server, "none", environment())).ok
        assert server.commands["APOP"] == 1
        assert not any("right horse" in line for line in server.log)


async def test_a_wrong_password_is_counted_once_by_the_provider():
    async with Pop3Server(Maildrop()) as server:
        assert await refusal(visit(server, "none", environment(), password="wrong")) == "sign-in"
        assert server.commands["PASS"] + server.commands["AUTH"] + server.commands["APOP"] == 1


async def test_a_way_that_is_not_understood_is_followed_by_another():
    manners = Manners(answer={"USER": "-ERR command not supported"})
    async with Pop3Server(Maildrop(), manners) as server:
        assert (await visit(server, "none", environment())).ok
        assert server.commands["AUTH"] == 1


async def test_no_way_at_all():
    async with Pop3Server(Maildrop(), Manners(capa=("SASL GSSAPI",))) as server:
        assert await refusal(visit(server, "none", environment())) == "sign-in-not-offered"


async def test_a_password_with_a_line_end_is_not_sent():
    async with Pop3Server(Maildrop()) as server:
        assert await refusal(visit(server, "none", environment(), password="x\r\nDELE 1")) == "bad-credentials-text"
        assert server.commands["DELE"] == 0


# -- time and order


@pytest.mark.parametrize("verb", ["CAPA", "USER", "UIDL"])
async def test_silence_is_given_up(verb):
    async with Pop3Server(Maildrop(), Manners(hang_at=verb, capa=("USER",))) as server:
        assert await refusal(visit(server, "none", environment(reply=0.1))) == "time-out"


async def test_a_greeting_that_is_no_pop3_or_says_no():
    async with Pop3Server(Maildrop(), Manners(greeting="220 smtp.example.org ESMTP")) as server:
        assert await refusal(visit(server, "none", environment())) == "protocol"
    async with Pop3Server(Maildrop(), Manners(greeting="-ERR [SYS/TEMP] down")) as server:
        assert await refusal(visit(server, "none", environment())) == "provider-temporary"


@pytest.mark.parametrize(("pipelining", "window"), [(True, 8), (False, 1)])
async def test_the_window_is_kept_and_nothing_is_pipelined_unasked(monkeypatch, pipelining, window):
    drop = Maildrop()
    for raw in letters(30):
        drop.add(raw)
    async with Pop3Server(drop, Manners(capa=("USER", *(["PIPELINING"] if pipelining else [])))) as server:
        target = Target(NAME, server.port, "none", private_ok=True)
        async with link.session(target, "someone", "right horse", environment()) as opened:
            flying = []
            send = opened._client.send

            def watched(*commands):
                data = send(*commands)
                flying.append(opened._client.in_flight)
                return data

            monkeypatch.setattr(opened._client, "send", watched)
            numbers = [r.command.number async for r in opened.stream([pop3.retr(n) for n in range(1, 31)], window=8)]
            assert numbers == list(range(1, 31))
            assert max(flying) == window


async def test_an_end_without_quit_deletes_nothing():
    drop = Maildrop()
    drop.add(letters(1)[0])
    async with Pop3Server(drop) as server:
        target = Target(NAME, server.port, "none", private_ok=True)
        with pytest.raises(ZeroDivisionError):
            async with link.session(target, "someone", "right horse", environment()) as opened:
                assert (await opened.ask(pop3.dele(1))).ok
                raise ZeroDivisionError
        assert len(drop.messages) == 1
