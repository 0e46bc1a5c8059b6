"""What a session does with clients that are not what they should be, over real sockets."""

import asyncio
import base64

import pytest

from server.accounts import token as tokens
from server.config import Limits
from tests.fakes.imap_house import PASSWORD, House, message


async def start(tmp_path, **options):
    return await House(tmp_path, **options).start(tls=True)


async def greeted(house):
    client = await house.connect()
    await client.line()
    return client


# -- before sign-in


async def test_three_commands_that_are_none_end_it(house):
    """An HTTP client that was pointed here gets nothing done."""
    client = await greeted(house)
    client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: y\r\n\r\n")
    lines = [await client.line() for _ in range(4)]
    assert lines[-1].startswith(b"* BYE")
    assert all(b" BAD " in line for line in lines[:3])
    assert await client.closed()


async def test_good_commands_are_not_counted_as_bad_ones(house):
    client = await greeted(house)
    for _ in range(5):
        await client.ok("NOOP")


@pytest.mark.parametrize("marker", [b"{8193}", b"{4000000000}"])
async def test_a_large_literal_is_not_asked_for_before_sign_in(house, marker):
    """security T115."""
    client = await greeted(house)
    client.send(b"a LOGIN " + marker + b"\r\n")
    assert (await client.line()).startswith(b"a BAD")
    await client.ok("NOOP")


async def test_a_large_literal_that_does_not_wait_ends_it(house):
    client = await greeted(house)
    client.send(b"a LOGIN {4000000000+}\r\n")
    assert (await client.line()).startswith(b"a BAD")
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()


async def test_a_login_by_literals(house):
    client = await greeted(house)
    client.send(b"a LOGIN {15}\r\n")
    assert (await client.line()).startswith(b"+ ")
    client.send(b"ann@example.org {%d}\r\n" % len(PASSWORD))
    assert (await client.line()).startswith(b"+ ")
    client.send(PASSWORD.encode() + b"\r\n")
    assert (await client.line()).startswith(b"a OK")


async def test_open_parentheses_without_end_are_dropped(house):
    """security T113."""
    client = await greeted(house)
    client.send(b"a " + b"(" * 1_000_000 + b"\r\nb NOOP\r\n")
    assert (await client.line()).startswith(b"a BAD")
    assert (await client.line()).startswith(b"b OK")


async def test_commands_of_a_later_state_are_refused(house):
    client = await greeted(house)
    for command in ("SELECT INBOX", "FETCH 1 FLAGS"):
        _, status = await client.ask(command)
        assert status.startswith(b"BAD")


async def test_failed_sign_ins_end_it(house):
    client = await greeted(house)
    for _ in range(3):
        _, status = await client.ask("LOGIN ann@example.org wrong")
        assert status.startswith(b"NO [AUTHENTICATIONFAILED]")
    assert (await client.line()).startswith(b"* BYE")


async def test_many_failures_are_throttled(house):
    answers = []
    for _ in range(15):
        client = await greeted(house)
        answers.append((await client.ask("LOGIN ann@example.org wrong"))[1])
        client.hang_up()
    assert answers[0].startswith(b"NO [AUTHENTICATIONFAILED]")
    assert answers[-1].startswith(b"NO [UNAVAILABLE]")


# -- SASL


def encoded(text):
    return base64.b64encode(text.encode()).decode()


async def test_plain_with_and_without_an_initial_response(house):
    client = await greeted(house)
    await client.ok(f"AUTHENTICATE PLAIN {encoded(f'{chr(0)}ann@example.org{chr(0)}{PASSWORD}')}")
    client = await greeted(house)
    client.send(b"a AUTHENTICATE PLAIN\r\n")
    assert await client.line() == b"+ "
    client.send(encoded(f"\0ann@example.org\0{PASSWORD}").encode() + b"\r\n")
    assert (await client.line()).startswith(b"a OK [CAPABILITY ")


async def test_the_login_mechanism(house):
    client = await greeted(house)
    client.send(b"a AUTHENTICATE LOGIN\r\n")
    assert await client.line() == b"+ VXNlcm5hbWU6"
    client.send(encoded("ann@example.org").encode() + b"\r\n")
    assert await client.line() == b"+ UGFzc3dvcmQ6"
    client.send(encoded(PASSWORD).encode() + b"\r\n")
    assert (await client.line()).startswith(b"a OK")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"*", b"a BAD"),
        (b"!!", b"a BAD"),
        (b"", b"a BAD"),
        (base64.b64encode(b"\0ann@example.org\0no"), b"a NO [AUTHENTICATIONFAILED]"),
        (base64.b64encode(b"bob@example.org\0ann@example.org\0" + PASSWORD.encode()), b"a NO [AUTHORIZATIONFAILED]"),
    ],
)
async def test_refused_answers(house, answer, status):
    client = await greeted(house)
    client.send(b"a AUTHENTICATE PLAIN\r\n")
    await client.line()
    client.send(answer + b"\r\n")
    assert (await client.line()).startswith(status)
    await client.ok("NOOP")


async def test_an_unknown_mechanism(house):
    client = await greeted(house)
    assert (await client.ask("AUTHENTICATE GSSAPI"))[1].startswith(b"NO ")


def issue(house):
    return house.directory.write_now(
        lambda w: tokens.issue(w, house.ann, kind="session", label="test", peer="127.0.0.1", lifetime=3600)
    )


async def test_tokens_by_every_road(house):
    secret = issue(house)
    bearer = encoded(f"n,a=ann@example.org,\x01auth=Bearer {secret}\x01\x01")
    xoauth2 = encoded(f"user=ann@example.org\x01auth=Bearer {secret}\x01\x01")
    plain = encoded(f"\0ann@example.org\0{secret}")
    for command in (
        f"AUTHENTICATE OAUTHBEARER {bearer}",
        f"AUTHENTICATE XOAUTH2 {xoauth2}",
        f"AUTHENTICATE PLAIN {plain}",
        f"LOGIN ann@example.org {secret}",
    ):
        client = await greeted(house)
        await client.ok(command)


async def test_a_refused_token_is_explained_before_the_no(house):
    """RFC 7628 §3.2.3."""
    client = await greeted(house)
    client.send(
        b"a AUTHENTICATE XOAUTH2 "
        + encoded("user=ann@example.org\x01auth=Bearer pht_nothing\x01\x01").encode()
        + b"\r\n"
    )
    challenge = await client.line()
    assert b"invalid_token" in base64.b64decode(challenge.removeprefix(b"+ "))
    client.send(b"\r\n")
    assert (await client.line()).startswith(b"a NO [AUTHENTICATIONFAILED]")


# -- TLS


async def test_start_tls_and_then_sign_in(tls_house):
    client = await greeted(tls_house)
    assert b"STARTTLS" in (await client.ok("CAPABILITY"))[0]
    await client.ok("STARTTLS")
    await client.start_tls()
    assert b"STARTTLS" not in (await client.ok("CAPABILITY"))[0]
    assert (await client.ask("STARTTLS"))[1].startswith(b"BAD")
    await client.ok(f'LOGIN ann@example.org "{PASSWORD}"')
    await client.ok("SELECT INBOX")


async def test_what_is_sent_before_the_handshake_is_forgotten(tls_house):
    """security T097: an injected command must not be run inside TLS."""
    client = await greeted(tls_house)
    client.send(b"a STARTTLS\r\nb NOOP\r\nc LOGIN ann@example.org {9+}\r\n")
    assert (await client.line()).startswith(b"a OK")
    await client.start_tls()
    untagged, _ = await client.ask("NOOP")
    assert untagged == []


async def test_no_password_in_clear_where_others_can_connect(tmp_path):
    house = await start(tmp_path, bind="0.0.0.0")
    try:
        client = await greeted(house)
        capabilities = (await client.ok("CAPABILITY"))[0]
        assert b"LOGINDISABLED" in capabilities
        assert b"AUTH=" not in capabilities
        for command in (f'LOGIN ann@example.org "{PASSWORD}"', "AUTHENTICATE PLAIN"):
            assert (await client.ask(command))[1].startswith(b"NO [PRIVACYREQUIRED]")
        await client.ok("STARTTLS")
        await client.start_tls()
        await client.ok(f'LOGIN ann@example.org "{PASSWORD}"')
    finally:
        await house.stop()


async def test_without_a_certificate_there_is_no_start_tls(house):
    client = await greeted(house)
    assert b"STARTTLS" not in (await client.ok("CAPABILITY"))[0]
    assert (await client.ask("STARTTLS"))[1].startswith(b"NO ")


# -- time and room


async def test_a_silent_client_is_sent_away(tmp_path):
    house = await start(tmp_path, limits=Limits(login_timeout=0.1))
    try:
        client = await greeted(house)
        assert (await client.line()).startswith(b"* BYE")
        assert await client.closed()
    finally:
        await house.stop()


async def test_a_client_that_does_not_read_is_cut(tmp_path):
    """security T126."""
    house = await start(tmp_path, limits=Limits(write_timeout=0.3))
    try:
        house.append(message(body="x" * 100 + "\r\n" + ("y" * 998 + "\r\n") * 2000))
        client = await house.signed_in(mailbox="INBOX")
        client.pause()
        client.send(b"a FETCH 1 BODY.PEEK[]\r\n" * 40)
        async with asyncio.timeout(10):
            while house.limits.open:
                await asyncio.sleep(0.05)
    finally:
        await house.stop()


async def test_too_many_connections(tmp_path):
    house = await start(tmp_path, limits=Limits(connections_per_local_address=2))
    try:
        first, _second = await greeted(house), await greeted(house)
        third = await house.connect()
        assert (await third.line()).startswith(b"* BYE [UNAVAILABLE]")
        assert await third.closed()
        first.hang_up()
        async with asyncio.timeout(10):
            while house.limits.open > 1:
                await asyncio.sleep(0.02)
        assert (await (await house.connect()).line()).startswith(b"* OK")
    finally:
        await house.stop()


async def test_stopping_says_goodbye(house):
    idle, busy = await house.signed_in(), await house.signed_in(mailbox="INBOX")
    busy.send(b"a IDLE\r\n")
    assert await busy.line() == b"+ Idling"
    closing = asyncio.create_task(house.listener.close(5))
    assert (await idle.line()).startswith(b"* BYE")
    assert (await busy.line()).startswith(b"* BYE")
    idle.hang_up()
    busy.hang_up()
    await closing


# -- commands in many pieces


async def test_one_octet_at_a_time(house):
    client = await greeted(house)
    for octet in b'a LOGIN {15+}\r\nann@example.org "%b"\r\nb SELECT INBOX\r\n' % PASSWORD.encode():
        client.send(bytes([octet]))
        await asyncio.sleep(0)
    assert (await client.answer(b"a"))[1].startswith(b"OK")
    assert (await client.answer(b"b"))[1].startswith(b"OK")


async def test_pipelined_commands_are_answered_in_order(house):
    client = await house.signed_in(mailbox="INBOX")
    client.send(b"".join(b"p%d NOOP\r\n" % n for n in range(500)))
    for n in range(500):
        assert (await client.line()).startswith(b"p%d OK" % n)


async def test_commands_sent_before_the_end_are_answered(house):
    client = await house.signed_in()
    client.send(b"x STATUS INBOX (MESSAGES)\r\ny LOGOUT\r\n")
    client._writer.write_eof()
    assert (await client.answer(b"x"))[0] == [b'* STATUS "INBOX" (MESSAGES 0)']
    assert (await client.answer(b"y"))[1].startswith(b"OK")


# -- trouble


async def test_a_bug_is_answered_with_a_fixed_text(house, monkeypatch):
    async def broken(*_):
        raise RuntimeError("secret path /etc/shadow")

    client = await house.signed_in(mailbox="INBOX")
    monkeypatch.setattr(house.store, "read", broken)
    _, status = await client.ask("STATUS INBOX (MESSAGES)")
    assert status == b"NO [SERVERBUG] Internal error; it has been logged"
    monkeypatch.undo()
    await client.ok("NOOP")


async def test_many_bad_commands_in_a_row_end_it(house):
    client = await house.signed_in()
    for _ in range(19):
        assert (await client.ask("FROBNICATE"))[1].startswith(b"BAD")
    await client.ok("NOOP")
    for _ in range(20):
        assert (await client.ask("FETCH"))[1].startswith(b"BAD")
    assert (await client.line()).startswith(b"* BYE")


async def test_a_mailbox_deleted_by_another_session(house):
    first, second = await house.signed_in(), await house.signed_in()
    await first.ok("CREATE Gone")
    await first.ok("SELECT Gone")
    await second.ok("DELETE Gone")
    first.send(b"a NOOP\r\n")
    assert (await first.line()).startswith(b"* BYE")


async def test_a_mailbox_deleted_by_oneself(house):
    client = await house.signed_in()
    await client.ok("CREATE Gone")
    await client.ok("SELECT Gone")
    await client.ok("DELETE Gone")
    assert (await client.ask("FETCH 1 FLAGS"))[1].startswith(b"BAD")
    await client.ok("SELECT INBOX")


async def test_accounts_do_not_see_each_other(house):
    house.append(message(), name="bob")
    ann, bob = await house.signed_in("ann", "INBOX"), await house.signed_in("bob", "INBOX")
    assert await ann.ok("SEARCH ALL") == [b"* SEARCH"]
    assert await bob.ok("SEARCH ALL") == [b"* SEARCH 1"]


async def test_an_append_over_quota(house):
    from server.store import quota

    house.store.write_now(house.ann, lambda w: quota.set_limit(w, 10_000))
    client = await house.signed_in()
    assert (await client.ok('GETQUOTA ""'))[0] == b'* QUOTA "" (STORAGE 0 9)'
    body = b"x" * 12_000
    assert (await client.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(body), body)))[1].startswith(b"NO [OVERQUOTA]")


async def test_a_message_over_the_limit_is_refused_at_once(tmp_path):
    """security T116, RFC 7889."""
    house = await start(tmp_path, message_size_limit=100_000)
    try:
        client = await house.signed_in()
        assert (await client.ask("APPEND INBOX {100001}"))[1].startswith(b"NO [TOOBIG]")
        client.send(b"a APPEND INBOX {100001+}\r\n")
        assert (await client.line()).startswith(b"a NO [TOOBIG]")
        client.send(b"x" * 100_001 + b"\r\n")
        await client.ok("NOOP")
    finally:
        await house.stop()
