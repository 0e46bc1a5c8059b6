"""One connection for several people; the dialogue itself is tests/transcripts/imap/unauthenticate.txt."""

from dataclasses import fields

import pytest
import structlog

from server.accounts import account as accounts
from server.imap.handler import Context
from server.notify.bus import Subscription
from tests.fakes.imap_house import PASSWORD, House, message


async def sign_in(client, name):
    await client.ok(f'LOGIN {name}@example.org "{PASSWORD}"')


async def test_pipelined_with_the_next_sign_in(house):
    """RFC 8437 §3: one round trip."""
    client = await house.signed_in(mailbox="INBOX")
    client.send(
        b"a UNAUTHENTICATE\r\nb AUTHENTICATE PLAIN AGJvYkBleGFtcGxlLm9yZwBjb3JyZWN0IGhvcnNl\r\nc CREATE Bobs\r\n"
    )
    for tag in (b"a", b"b", b"c"):
        assert (await client.answer(tag))[1].startswith(b"OK")
    assert await (await house.signed_in()).ok('LIST "" Bobs') == []
    assert await (await house.signed_in("bob")).ok('LIST "" Bobs') != []


async def test_nobody_is_woken_for_who_has_left(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("UNAUTHENTICATE")
    assert house.ann not in house.bus._accounts
    await sign_in(client, "bob")
    await client.ok("SELECT INBOX")
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"
    house.append(message())
    house.append(message(), name="bob")
    assert await client.line() == b"* 1 EXISTS"
    client.send(b"DONE\r\n")
    assert (await client.answer(b"i"))[0] == []


async def test_limits_are_those_of_a_stranger(house):
    client = await house.signed_in()
    await client.ok("UNAUTHENTICATE")
    _, status = await client.ask(b"LOGIN {9000}")
    assert status.startswith(b"BAD")
    for _ in range(2):
        await client.ask(b"APPEND INBOX {9000}")
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()


async def test_leaving_buys_no_further_tries(house):
    client = await house.connect()
    await client.line()
    for _ in range(2):
        _, status = await client.ask('LOGIN ann@example.org "wrong horse"')
        assert status.startswith(b"NO")
        await sign_in(client, "bob")
        await client.ok("UNAUTHENTICATE")
    client.send(b'x LOGIN ann@example.org "wrong horse"\r\n')
    assert (await client.line()).startswith(b"x NO")
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()


async def test_an_end_of_the_first_sign_in_does_not_end_the_second(house):
    client = await house.signed_in()
    await client.ok("UNAUTHENTICATE")
    await sign_in(client, "bob")
    other = await house.signed_in()
    house.directory.write_now(lambda w: accounts.set_password(w, house.ann, "another horse"))
    assert (await other.line()).startswith(b"* BYE")
    await client.ok("NOOP")


async def test_compression_ends_with_a_mark_too(house):
    client = await house.signed_in()
    await client.compress()
    client.send_raw(client._pack.last(b"a UNAUTHENTICATE\r\n"))
    assert (await client.answer(b"a"))[1].startswith(b"OK")
    await client.go_on_plain()
    await sign_in(client, "bob")
    await client.compress()
    await client.ok("NOOP")


@pytest.mark.parametrize("packed", [True, False])
async def test_what_follows_too_early_under_compression_ends_the_connection(house, packed):
    client = await house.signed_in()
    await client.compress()
    if packed:
        client.send(b"a UNAUTHENTICATE\r\nb CREATE Smuggled\r\n")
    else:
        client.send_raw(client._pack(b"a UNAUTHENTICATE\r\n") + b"b CREATE Smuggled\r\n")
    assert (await client.line()).startswith(b"* BYE")
    assert await client.closed()
    assert await (await house.signed_in()).ok('LIST "" Smuggled') == []


async def test_it_can_be_turned_off(tmp_path):
    """RFC 8437 §8."""
    house = await House(tmp_path, imap_unauthenticate=False).start()
    try:
        client = await house.signed_in()
        (line,) = await client.ok("CAPABILITY")
        assert b"UNAUTHENTICATE" not in line
        _, status = await client.ask("UNAUTHENTICATE")
        assert status.startswith(b"BAD")
        await client.ok("NOOP")
    finally:
        await house.stop()


def test_everything_of_a_person_is_forgotten():
    """Also what is added to `Context` after this was written."""
    ctx, fresh = (Context(None, None, structlog.get_logger().bind(connection=1)) for _ in range(2))
    kept = {"services", "channel", "log", "tag", "sign_in_failures", "uploading", "_out", "_out_size"}
    closed = []
    for each in fields(Context):
        if each.name not in kept | {"recent", "subscriptions", "visits"}:
            setattr(ctx, each.name, object())
    ctx.tag, ctx.sign_in_failures = b"a7", 2
    ctx.log = ctx.log.bind(account=7)
    ctx.subscriptions.append(Subscription(lambda: closed.append(True)))
    ctx.visits.append(Subscription(lambda: closed.append(True)))
    ctx.recent.put(1, b"words")
    ctx.forget()
    assert closed == [True, True]
    assert ctx.recent.get(1) is None
    assert structlog.get_context(ctx.log) == structlog.get_context(fresh.log)
    for each in fields(Context):
        if each.name not in kept | {"recent"}:
            assert getattr(ctx, each.name) == getattr(fresh, each.name), each.name
    assert (ctx.tag, ctx.sign_in_failures) == (b"a7", 2)
