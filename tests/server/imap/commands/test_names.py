"""What LIST, LSUB, CREATE, SUBSCRIBE and NAMESPACE make of the mailboxes of others, over real connections."""

import pytest

from server.accounts import account as accounts
from server.accounts import share
from tests.fakes.imap_house import House, message

ANN = "Other Users/ann@example.org"
OWN = {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}


@pytest.fixture
async def house(tmp_path):
    """Without virtual mailboxes, which are nobody else's business."""
    running = await House(tmp_path, virtual_mailboxes=False).start()
    yield running
    await running.stop()


async def listed(client, command):
    """Name -> attributes."""
    found = {}
    for line in await client.ok(command):
        kind, _, rest = line.removeprefix(b"* ").partition(b" ")
        if kind in {b"LIST", b"LSUB"}:
            attributes, _, name = rest.partition(b' "/" ')
            found[name.decode().partition('" (')[0].strip('"')] = attributes.decode().strip("()").split()
    return found


@pytest.fixture
async def shared(house):
    house.share("Projects/2026/May", "lr")
    house.share("Projects/2026", "")
    house.share("Sent", "lr")
    house.share("Hidden", "r")
    return house


async def test_nothing_is_shown_where_nothing_is_shared(house):
    house.directory.write_now(lambda w: share.add(w, house.ann, house.bob))
    client = await house.signed_in("bob")
    for pattern in ("*", "%", "%/%", "Other Users*", "Other Users/%"):
        assert set(await listed(client, f'LIST "" "{pattern}"')) <= OWN
    assert await client.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) (("Other Users/" "/")) NIL']


async def test_a_star_shows_what_may_be_looked_up_and_no_levels(shared):
    client = await shared.signed_in("bob")
    found = await listed(client, 'LIST "" "*"')
    assert set(found) == OWN | {f"{ANN}/Projects/2026/May", f"{ANN}/Sent"}
    assert found[f"{ANN}/Sent"] == ["\\HasNoChildren"]  # its owner's use for it is her own


async def test_levels_are_shown_to_a_percent_sign(shared):
    client = await shared.signed_in("bob")
    level = ["\\Noselect", "\\HasChildren"]
    assert (await listed(client, 'LIST "" "%"'))["Other Users"] == level
    assert await listed(client, 'LIST "" "Other Users/%"') == {ANN: level}
    assert await listed(client, f'LIST "{ANN}/" "%"') == {f"{ANN}/Projects": level, f"{ANN}/Sent": ["\\HasNoChildren"]}
    assert await listed(client, f'LIST "" "{ANN}/Projects/%/%"') == {f"{ANN}/Projects/2026/May": ["\\HasNoChildren"]}
    assert await listed(client, 'LIST "" "%/%/%"') == {f"{ANN}/Projects": level, f"{ANN}/Sent": ["\\HasNoChildren"]}
    shared.share("Projects/2026", "l")
    assert (await listed(client, f'LIST "" "{ANN}/Projects/%"'))[f"{ANN}/Projects/2026"] == ["\\HasChildren"]


async def test_the_databases_of_others_stay_closed_unless_a_pattern_reaches_them(shared, monkeypatch):
    client = await shared.signed_in("bob")
    opened = []
    read = shared.store.read

    async def spy(account, fn, **more):
        opened.append(account)
        return await read(account, fn, **more)

    monkeypatch.setattr(shared.store, "read", spy)
    for pattern in ("INBOX", "Projects/*", "Other User", "Other Users/bob@example.org/*", "Archive%"):
        await client.ok(f'LIST "" "{pattern}"')
    await client.ok('LSUB "" "*"')
    await client.ok('LIST (SUBSCRIBED) "" "*"')
    assert set(opened) == {shared.bob}
    await client.ok(f'LIST "" "{ANN}/*"')
    assert shared.ann in opened


async def test_subscriptions_are_names_of_ones_own(shared):
    client = await shared.signed_in("bob")
    await client.ok(f'SUBSCRIBE "{ANN}/Sent"')
    for name in (f"{ANN}/Hidden", f"{ANN}/Projects/2026", f"{ANN}/Nothing", "Other Users/cy@example.org/INBOX"):
        assert (await client.ask(f'SUBSCRIBE "{name}"'))[1].startswith(b"NO [NONEXISTENT]")
    assert f"{ANN}/Sent" in await listed(client, 'LSUB "" "*"')
    assert (await listed(client, 'LIST (SUBSCRIBED) "" "*"'))[f"{ANN}/Sent"] == ["\\HasNoChildren", "\\Subscribed"]
    assert (await listed(client, 'LIST "" "*" RETURN (SUBSCRIBED)'))[f"{ANN}/Sent"] == [
        "\\HasNoChildren",
        "\\Subscribed",
    ]
    assert (await listed(client, 'LSUB "" "%"'))["Other Users"] == ["\\Noselect"]
    assert "Other Users" in await listed(client, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"')
    # What is not shared any more stays on the list, as a mailbox that was deleted does.
    shared.share("Sent", "")
    assert (await listed(client, 'LIST (SUBSCRIBED) "" "*"'))[f"{ANN}/Sent"] == [
        "\\NonExistent", "\\HasNoChildren", "\\Subscribed"
    ]  # fmt: skip
    await client.ok(f'UNSUBSCRIBE "{ANN}/Sent"')
    assert f"{ANN}/Sent" not in await listed(client, 'LSUB "" "*"')
    await client.ok('UNSUBSCRIBE "Other Users/cy@example.org/INBOX"')


async def test_status_and_rights_come_with_the_list(shared):
    shared.append(message(), "Sent")
    shared.share("Projects", "li")
    client = await shared.signed_in("bob")
    lines = await client.ok(f'LIST "" ("INBOX" "{ANN}/%") RETURN (MYRIGHTS STATUS (MESSAGES))')
    assert lines == [
        rb'* LIST (\HasNoChildren) "/" "INBOX"',
        b'* STATUS "INBOX" (MESSAGES 0)',
        b'* MYRIGHTS "INBOX" lrswipkxtecda',
        rb'* LIST (\HasChildren) "/" "%b/Projects"' % ANN.encode(),
        b'* MYRIGHTS "%b/Projects" li' % ANN.encode(),
        rb'* LIST (\HasNoChildren) "/" "%b/Sent"' % ANN.encode(),
        b'* STATUS "%b/Sent" (MESSAGES 1)' % ANN.encode(),
        b'* MYRIGHTS "%b/Sent" lr' % ANN.encode(),
    ]


async def test_an_account_that_is_off_is_not_listed(shared):
    shared.directory.write_now(lambda w: accounts.set_active(w, shared.ann, active=False))
    client = await shared.signed_in("bob")
    assert set(await listed(client, 'LIST "" "*"')) == OWN


async def test_a_mailbox_is_made_below_one_that_is_shared_and_shared_alike(house):
    house.share("Plans", "lrk")
    client = await house.signed_in("bob")
    _, answer = await client.ask(f'CREATE "{ANN}/Plans/2026/May/"')
    assert answer.startswith(b"OK [MAILBOXID (F%d-" % house.ann)
    assert await client.ok(f'MYRIGHTS "{ANN}/Plans/2026/May"') == [
        b'* MYRIGHTS "%b/Plans/2026/May" lrkc' % ANN.encode()
    ]
    assert (await client.ask(f'CREATE "{ANN}/Plans/2026"'))[1].startswith(b"NO [ALREADYEXISTS]")
    assert (await client.ask(f'CREATE "{ANN}/Plans/Out" (USE (\\Sent))'))[1].startswith(b"NO [USEATTR]")
    ann = await house.signed_in()
    assert set(await listed(ann, 'LIST "" "Plans*"')) == {"Plans", "Plans/2026", "Plans/2026/May"}


async def test_nobody_makes_mailboxes_beside_those_of_another(house):
    house.share("Plans", "lrswipkxtea")
    client = await house.signed_in("bob")
    answers = {
        (await client.ask(f'CREATE "{name}"'))[1]
        for name in (f"{ANN}/New", f"{ANN}/INBOX", f"{ANN}/Drafts/x", "Other Users/cy@example.org/New", f"{ANN}/x/y")
    }
    assert answers == {b"NO [NOPERM] You have no right to do this with the mailbox"}


@pytest.mark.parametrize("name", ["Other Users", "other users", "OTHER USERS/x", "Other users/ann@example.org/Plans"])
async def test_nobody_has_mailboxes_of_his_own_where_those_of_others_are(house, name):
    client = await house.signed_in()
    assert (await client.ask(f'CREATE "{name}"'))[1].startswith(b"NO [CANNOT]")
    assert (await client.ask(f'RENAME Archive "{name}"'))[1].startswith(b"NO [CANNOT]")


async def test_a_mailbox_stays_with_its_owner(house):
    house.share("Plans", "lrswipkxtea")
    house.share("Plans", "lrswipkxtea", owner="bob", to="ann")
    client = await house.signed_in("bob")
    for old, new in (
        (f"{ANN}/Plans", "Mine"),
        ("Plans", f"{ANN}/Plans/Mine"),
        (f"{ANN}/Plans", "Other Users/cy@example.org/Plans"),
    ):
        _, answer = await client.ask(f'RENAME "{old}" "{new}"')
        assert answer == b"NO [CANNOT] This cannot be done from one account to another"
    house.share("INBOX", "lrswipkxtea")
    assert (await client.ask(f'RENAME "{ANN}/INBOX" "{ANN}/Plans/x"'))[1].startswith(b"NO [CANNOT]")
    assert (await client.ask(f'DELETE "{ANN}/INBOX"'))[1].startswith(b"NO [CANNOT]")


async def test_deleting_a_mailbox_of_the_same_number_leaves_the_selected_one_open(house):
    house.share("Plans", "lr")
    bob = await house.signed_in("bob")
    await bob.ok("CREATE Own")
    await bob.ok(f'SELECT "{ANN}/Plans"')
    await bob.ok("DELETE Own")
    await bob.ok("SEARCH ALL")


async def test_nobody_floods_the_lists_of_others(house, monkeypatch):
    """With `anyone` the mailboxes of one account are in everybody's list."""
    monkeypatch.setattr("server.imap.commands.names.MAX_SHARED", 3)
    for number in range(5):
        house.share(f"Plans{number}", "lr")
    client = await house.signed_in("bob")
    listed = [line for line in await client.ok('LIST "" "*"') if b"Plans" in line]
    assert [line.rpartition(b"/")[2] for line in listed] == [b'Plans0"', b'Plans1"', b'Plans2"']
    await client.ok('STATUS "Other Users/ann@example.org/Plans4" (MESSAGES)')
