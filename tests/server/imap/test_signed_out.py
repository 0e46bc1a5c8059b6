"""A sign-in that is ended elsewhere ends the connections made by it. Real directory, bus and sockets."""

import asyncio

import pytest

from server.accounts import account as accounts
from server.accounts import second_factor
from server.accounts import token as tokens
from server.imap.commands import fetch
from server.seal import Keyring
from tests.fakes.imap_house import PASSWORD, message

BYE = b"* BYE [EXPIRED] The sign-in has ended"


def issue(house):
    return house.directory.write_now(
        lambda w: tokens.issue(w, house.ann, kind="session", label="test", peer="127.0.0.1", lifetime=3600)
    )


def revoke_newest(house):
    newest = max(token.id for token in house.directory.read_now(lambda r: tokens.list_for(r, house.ann)))
    house.directory.write_now(lambda w: tokens.revoke(w, house.ann, newest))


async def by_token(house, secret=None):
    client = await house.connect()
    await client.line()
    await client.ok(f"LOGIN ann@example.org {secret or issue(house)}")
    await client.ok("SELECT INBOX")
    return client


async def idling(client):
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"
    return client


async def sent_away(client):
    assert await client.line() == BYE
    return await client.closed()


async def test_one_token_is_ended_while_its_client_is_idle(house):
    kept = await idling(await by_token(house))
    password = await house.signed_in(mailbox="INBOX")
    secret = issue(house)
    idle, quiet = await idling(await by_token(house, secret)), await by_token(house, secret)
    revoke_newest(house)
    assert await sent_away(idle)
    assert await sent_away(quiet)
    kept.send(b"DONE\r\n")
    assert (await kept.line()).startswith(b"i OK")
    await password.ok("NOOP")


@pytest.mark.parametrize(
    "change",
    [
        lambda w, ann: accounts.set_password(w, ann, "another password"),
        lambda w, ann: accounts.set_active(w, ann, active=False),
        lambda w, ann: second_factor.turn_on(w, Keyring(w.folder / "secret.key"), ann, b"k" * 20, step=0, peer=""),
    ],
)
async def test_whoever_signed_in_by_password_goes_with_it(house, change):
    ann, bob = await idling(await house.signed_in()), await house.signed_in("bob")
    house.directory.write_now(lambda w: change(w, house.ann))
    assert await sent_away(ann)
    await bob.ok("NOOP")


async def test_tokens_outlive_a_password_but_not_the_account(house):
    client = await by_token(house)
    house.directory.write_now(lambda w: accounts.set_password(w, house.ann, PASSWORD + "!"))
    await client.ok("NOOP")
    house.directory.write_now(lambda w: accounts.set_active(w, house.ann, active=False))
    assert await sent_away(client)


async def test_what_was_sent_ahead_is_not_run(house):
    client = await by_token(house)
    client.send(b"a APPEND INBOX {100000+}\r\n")
    revoke_newest(house)
    assert await sent_away(client)


async def test_a_long_answer_goes_no_further(house, monkeypatch):
    monkeypatch.setattr(fetch, "BATCH", 1)
    for _ in range(5):
        house.append(message())
    client = await by_token(house)
    read, rendered = house.store.read, []

    async def read_and_revoke(account, fn):
        if isinstance(fn, fetch._Rendering):
            rendered.append(fn)
            if len(rendered) == 2:
                revoke_newest(house)
                await once_told()
        return await read(account, fn)

    async def once_told():
        while house.authenticator._watch._visits:
            await asyncio.sleep(0.01)

    monkeypatch.setattr(house.store, "read", read_and_revoke)
    client.send(b"a FETCH 1:* BODY.PEEK[]\r\n")
    for number in (1, 2):
        assert (await client.response()).startswith(b"* %d FETCH" % number)
    assert await sent_away(client)


async def test_a_client_that_does_not_read_is_cut(house):
    for _ in range(30):
        house.append(message(body="x" * 500_000 + "\r\n"))
    client = await by_token(house)
    client.pause()
    client.send(b"a FETCH 1:* BODY.PEEK[]\r\n")
    async with asyncio.timeout(10):
        while not any(connection._drained for connection in house.listener.sessions._open):
            await asyncio.sleep(0.01)
        revoke_newest(house)
        while len(house.listener.sessions):
            await asyncio.sleep(0.01)
