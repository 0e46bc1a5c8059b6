"""Signing in over real sockets, by each protocol a mail program may use: what opens, what does not, and in which words."""

import asyncio
import json

import pytest
from sqlalchemy import update

from server.accounts import account as accounts
from server.accounts import app_password, second_factor
from server.accounts.schema import account as account_table
from server.db.errors import DatabaseBusy
from server.pop3 import maildrop
from server.seal import Keyring
from tests.fakes.doors import ANN, LATER, NAMES, PASSWORD, RIGHT, WRONG, b64, challenge, open_doors
from tests.fakes.scram_client import ScramClient

door = pytest.mark.parametrize("door", NAMES)


@pytest.fixture
async def house(tmp_path):
    async with open_doors(tmp_path) as found:
        yield found


def ring(house):
    return Keyring(house.settings.secret_key_file)


def guard(house):
    return house.directory.write_now(
        lambda w: second_factor.turn_on(w, ring(house), house.ann.id, b"k" * 20, step=0, peer="")
    )


def new_app(house):
    return house.directory.write_now(lambda w: app_password.make(w, house.ann.id, "phone", peer=""))


@door
@pytest.mark.parametrize("at_once", [True, False])
async def test_scram(house, door, at_once):
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient("Ann@EXAMPLE.org", PASSWORD), at_once=at_once)).startswith(RIGHT[door])
    assert await visitor.works()


@door
async def test_scram_refused_in_one_way(house, door):
    """A wrong password, a name that nobody has, an account of an earlier version: the words of a wrong PLAIN."""
    told = []
    for name, password in ((ANN, "wrong"), ("nobody@example.org", PASSWORD), ("a,=b", PASSWORD)):
        told.append(await (await house.visit(door)).scram(ScramClient(name, password)))
    house.directory.write_now(lambda w: w.execute(update(account_table).values(scram=None)))
    visitor = await house.visit(door)
    told.append(await visitor.scram(ScramClient(ANN, PASSWORD)))
    assert not await visitor.works()
    told.append(await (await house.visit(door)).plain(ANN, "wrong"))
    assert len(set(told)) == 1 and told[0].startswith(WRONG[door])


@door
async def test_a_client_that_does_not_believe_the_server_is_not_signed_in(house, door):
    for last in ("*", "AGEA"):
        visitor = await house.visit(door)
        assert not (await visitor.scram(ScramClient(ANN, PASSWORD), last=last)).startswith(RIGHT[door])
        assert not await visitor.works()
        assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])
        visitor.writer.close()
        await unlocked(house)


@door
@pytest.mark.parametrize("first", ["p=tls-unique,,n=x,r=y", "n,,m=z,n=x,r=y"])
async def test_channel_binding_and_extensions_are_refused(house, door, first):
    visitor = await house.visit(door)
    said = await visitor.authenticate("SCRAM-SHA-256", first)
    assert said.startswith({"imap": "a NO [CANNOT] ", "pop3": "-ERR ", "submission": "504 5.5.4 "}[door])
    assert not (await visitor.authenticate("SCRAM-SHA-256-PLUS", first)).startswith(RIGHT[door])
    assert (await visitor.scram(ScramClient(ANN, PASSWORD))).startswith(RIGHT[door])


@door
async def test_for_somebody_else(house, door):
    visitor = await house.visit(door)
    refused = {"imap": "a NO [AUTHORIZATIONFAILED] ", "pop3": "-ERR [AUTH] ", "submission": "535 5.7.8 "}[door]
    assert (await visitor.authenticate("PLAIN", f"bob@example.org\0{ANN}\0{PASSWORD}")).startswith(refused)
    first = ScramClient(ANN, PASSWORD, header="n,a=bob@example.org,").first()
    assert (await visitor.authenticate("SCRAM-SHA-256", first)).startswith(refused)
    own = ScramClient(ANN, PASSWORD, header=f"n,a={ANN},")
    assert (await visitor.scram(own)).startswith(RIGHT[door])


@door
async def test_t079_with_a_second_factor_the_main_password_opens_no_mail(house, door):
    guard(house)
    told = []
    for way in ("plain", "login"):
        visitor = await house.visit(door)
        told.append(await getattr(visitor, way)(ANN, PASSWORD))
        assert not await visitor.works()
    told.append(await (await house.visit(door)).scram(ScramClient(ANN, PASSWORD)))
    told.append(await (await house.visit(door)).plain(ANN, "wrong"))
    assert all(said.startswith(WRONG[door]) for said in told) and len(set(told)) == 1


@door
async def test_t079_an_app_password_does(house, door):
    guard(house)
    secret = new_app(house)
    for way in ("plain", "login"):
        visitor = await house.visit(door)
        assert (await getattr(visitor, way)(ANN, secret)).startswith(RIGHT[door])
        assert await visitor.works()
        visitor.writer.close()
        await unlocked(house)
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient(ANN, secret))).startswith(RIGHT[door])
    assert await visitor.works()
    (listed,) = house.directory.read_now(lambda r: app_password.list_for(r, house.ann.id))
    assert listed.service == {"submission": "smtp"}.get(door, door)


async def unlocked(house):
    """Wait until the maildrop, which one client has at a time, is free."""
    async with asyncio.timeout(20):
        while True:
            lock = maildrop.Lock(house.settings.run_dir, house.ann.id)
            try:
                lock.acquire()
            except maildrop.InUse:
                await asyncio.sleep(0.02)
            else:
                lock.release()
                return


@door
async def test_a_new_password_ends_what_a_proof_opened(house, door):
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient(ANN, PASSWORD))).startswith(RIGHT[door])
    house.directory.write_now(lambda w: accounts.set_password(w, house.ann.id, "another password"))
    await visitor.cut()


@door
async def test_so_does_the_end_of_the_app_password(house, door):
    secret = new_app(house)
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient(ANN, secret))).startswith(RIGHT[door])
    (listed,) = house.directory.read_now(lambda r: app_password.list_for(r, house.ann.id))
    assert house.directory.write_now(lambda w: app_password.revoke(w, house.ann.id, listed.id, peer=""))
    await visitor.cut()


@door
async def test_too_many_are_told_to_come_later(house, door):
    for _ in range(10):
        visitor = await house.visit(door)
        assert (await visitor.scram(ScramClient(ANN, "wrong"))).startswith(WRONG[door])
        visitor.writer.close()
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient(ANN, PASSWORD))).startswith(LATER[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(LATER[door])


@door
async def test_a_key_file_that_cannot_be_used_is_no_wrong_password(house, door):
    house.settings.secret_key_file.write_bytes(b"damaged")
    visitor = await house.visit(door)
    assert (await visitor.authenticate("SCRAM-SHA-256", "n,,n=x,r=y")).startswith(LATER[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])


@door
async def test_a_client_may_leave_in_the_middle(house, door):
    for steps in (1, 2, 3):
        visitor, client = await house.visit(door), ScramClient(ANN, PASSWORD)
        said = await visitor.authenticate("SCRAM-SHA-256")
        if steps > 1:
            said = await visitor.say(b64(client.first()))
        if steps > 2:
            said = await visitor.say(b64(client.final(challenge(said))))
            client.check(challenge(said))
        visitor.writer.close()
    visitor = await house.visit(door)
    assert (await visitor.scram(ScramClient(ANN, PASSWORD))).startswith(RIGHT[door])


@door
async def test_a_proof_is_good_for_one_exchange(house, door):
    """What an eavesdropper wrote down opens nothing: the server's part of the nonce is new each time."""
    client = ScramClient(ANN, PASSWORD)
    visitor = await house.visit(door)
    final = client.final(challenge(await visitor.authenticate("SCRAM-SHA-256", client.first())))
    visitor.writer.close()
    visitor = await house.visit(door)
    challenge(await visitor.authenticate("SCRAM-SHA-256", client.first()))
    assert not (await visitor.say(b64(final))).startswith(("+ ", "334 ", RIGHT[door]))
    assert not await visitor.works()


# -- SASL itself, RFC 4422, wherever it is spoken

MALFORMED = {"imap": "a BAD ", "pop3": "-ERR ", "submission": "501 5.5.2 "}


@door
async def test_a_star_cancels(house, door):
    """RFC 9051 §6.2.2, RFC 5034 §4, RFC 4954 §4."""
    cancelled = {"imap": "a BAD ", "pop3": "-ERR cancelled", "submission": "501 5.7.0 "}
    visitor = await house.visit(door)
    for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2"):
        challenge(await visitor.authenticate(mechanism))
        assert (await visitor.say("*")).startswith(cancelled[door])
    assert not await visitor.works()
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])


@door
@pytest.mark.parametrize("line", ["not base64", "AGE", "=", "AGEA AGEA", "AGEA=", "é"])
async def test_what_is_not_base64(house, door, line):
    visitor = await house.visit(door)
    challenge(await visitor.authenticate("PLAIN"))
    assert (await visitor.say(line)).startswith(MALFORMED[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])


@door
async def test_an_initial_response_that_is_empty(house, door):
    """RFC 4959 §3: a lone `=`; no mechanism here makes anything of it but to say so."""
    visitor = await house.visit(door)
    assert (await visitor.authenticate("PLAIN", "")).startswith(MALFORMED[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])


@door
@pytest.mark.parametrize("octets", [5_000, 9_300])
async def test_long_lines(house, door, octets):
    """RFC 4954 §4.1: more than 12,288 octets of base64 are taken nowhere (IMAP takes 8,192); less is a wrong password."""
    visitor = await house.visit(door)
    challenge(await visitor.authenticate("PLAIN"))
    said = await visitor.say(b64(f"\0{ANN}\0" + "x" * octets))
    assert said.startswith(WRONG[door]) is (octets == 5_000), said
    assert not said.startswith(RIGHT[door])


@door
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("dummy", ["AQ==", "", "*"])
async def test_a_refused_token_is_explained_first(house, door, mechanism, dummy):
    """RFC 7628 §3.2.3: the reason as a challenge; whatever the client says to it, the refusal follows."""
    message = {
        "OAUTHBEARER": f"n,a={ANN},\x01auth=Bearer no\x01\x01",
        "XOAUTH2": f"user={ANN}\x01auth=Bearer no\x01\x01",
    }
    visitor = await house.visit(door)
    reason = json.loads(challenge(await visitor.authenticate(mechanism, message[mechanism])))
    assert reason == {"status": "invalid_token", "schemes": "bearer"}
    assert (await visitor.say(dummy)).startswith(WRONG[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])


@door
async def test_a_directory_that_cannot_be_read_is_no_wrong_password(house, door, monkeypatch):
    """RFC 5530 §3, RFC 3206 §3, RFC 4954 §6: else a client asks its owner for another password."""

    def busy(fn):
        raise DatabaseBusy("busy")

    visitor = await house.visit(door)
    with monkeypatch.context() as at_first:
        at_first.setattr(house.directory, "read_now", busy)
        assert (await visitor.plain(ANN, PASSWORD)).startswith(LATER[door])
        assert (await visitor.login(ANN, PASSWORD)).startswith(LATER[door])
        assert (await visitor.scram(ScramClient(ANN, PASSWORD))).startswith(LATER[door])
    assert (await visitor.plain(ANN, PASSWORD)).startswith(RIGHT[door])
