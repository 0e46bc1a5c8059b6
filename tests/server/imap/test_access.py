import pytest

from server.accounts import account as accounts
from server.accounts import share
from server.imap.access import Guest, Place, locate, require
from server.imap.errors import Reason, Refusal
from server.store import rights
from server.store.errors import NoSuchMailbox
from tests.fakes.imap_house import message

ANN = "Other Users/ann@example.org/"


async def test_a_name_leads_to_the_mailbox_of_its_owner(house):
    house.share("Plans/2026", "lr")
    place = await locate(house.directory, house.bob, ANN + "Plans/2026")
    assert (place.account, place.name) == (house.ann, "Plans/2026")
    found = house.store.read_now(house.ann, lambda r: place.mailbox(r, "r"))
    assert found.name == ANN + "Plans/2026"
    assert found.special_use is None


@pytest.mark.parametrize(
    "name",
    [
        "Other Users/",
        "Other Users/ann@example.org",
        "Other Users/ann@example.org/",
        "Other Users/Ann@example.org/Plans",
        "Other Users/ann@EXAMPLE.org/Plans",
        "Other Users/ann/Plans",
        "Other Users/ ann@example.org/Plans",
        "Other Users/../ann@example.org/Plans",
        "Other Users/./ann@example.org/Plans",
        "Other Users//ann@example.org/Plans",
        "Other Users/ann@example.org//Plans",
        "Other Users/ann@example.org/../Plans",
        "Other Users/ann@example.org/plans",
        "Other Users/ann+x@example.org/Plans",
        "Other Users/%/Plans",
        "Other Users/anyone/Plans",
        "Other Users/nobody@example.org/Plans",
        "Other Users/\uff41nn@example.org/Plans",
        "Other Users/ann@example.org\u200b/Plans",
        "other users/ann@example.org/Plans",
        "OTHER USERS/ann@example.org/Plans",
        "Other Users\\ann@example.org\\Plans",
        "/Other Users/ann@example.org/Plans",
    ],
)
async def test_no_other_spelling_leads_anywhere(house, name):
    house.share("Plans", "lr")
    client = await house.signed_in("bob")
    await client.ok("ENABLE UTF8=ACCEPT")
    quoted = name.replace("\\", "\\\\")
    _, answer = await client.ask(f'SELECT "{quoted}"')
    assert answer.startswith((b"NO [NONEXISTENT] There is no such mailbox", b"BAD"))


async def test_who_shares_nothing_and_who_does_not_exist_answer_alike(house):
    house.share("Plans", "lr", owner="bob", to="ann")
    client = await house.signed_in("bob")
    answers = set()
    for owner in ("ann", "nobody", "bob"):
        for command in ("SELECT", "EXAMINE", "STATUS"):
            tail = " (MESSAGES)" if command == "STATUS" else ""
            answers.add((await client.ask(f'{command} "Other Users/{owner}@example.org/INBOX"{tail}'))[1])
    assert answers == {b"NO [NONEXISTENT] There is no such mailbox"}


async def test_a_hint_is_no_right(house):
    house.directory.write_now(lambda w: share.add(w, house.ann, house.bob))
    client = await house.signed_in("bob")
    _, answer = await client.ask(f'SELECT "{ANN}INBOX"')
    assert answer.startswith(b"NO [NONEXISTENT]")


async def test_an_account_that_is_off_shares_nothing(house):
    house.share("Plans", "lr")
    client = await house.signed_in("bob", ANN + "Plans")
    house.directory.write_now(lambda w: accounts.set_active(w, house.ann, active=False))
    other = await house.signed_in("bob")
    assert (await other.ask(f'SELECT "{ANN}Plans"'))[1].startswith(b"NO [NONEXISTENT]")
    client.send(b"x IDLE\r\n")
    assert await client.line() in {b"+ Idling", b"* BYE The mailbox is not shared with you any more"}
    while line := await client.line():
        assert line == b"* BYE The mailbox is not shared with you any more"


def test_ids_of_two_accounts_never_meet():
    guest = Guest(1, share.Owner(7, "ann@example.org"))
    assert guest.object_id("T12") == "T7-12"
    assert guest.own_object_id("T7-12") == "T12"
    assert {guest.own_object_id(other) for other in ("T12", "T8-12", "T", "", "T7")} == {""}


def test_without_lookup_a_refusal_says_nothing():
    with pytest.raises(NoSuchMailbox):
        require(frozenset("r"), "w")
    with pytest.raises(Refusal) as caught:
        require(frozenset("lr"), "w")
    assert caught.value.reason is Reason.NO_PERMISSION
    require(frozenset("w"), "w")


async def test_ones_own_mailboxes_cost_no_look_at_the_directory(house, monkeypatch):
    house.append(message())
    client = await house.signed_in()
    monkeypatch.setattr(house.directory.database, "async_read", None)
    for command in (
        "SELECT INBOX",
        "FETCH 1 BODY[]",
        r"STORE 1 +FLAGS (\Flagged)",
        "COPY 1 Archive",
        "CREATE x",
        "NOOP",
    ):
        await client.ok(command)


def test_ones_own_place_has_every_right():
    assert Place(1, "x").held is rights.ALL
