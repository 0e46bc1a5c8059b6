"""The commands about rights, and every right for every command (RFC 4314 §3, §4)."""

import pytest

from server.accounts import account as accounts
from server.accounts import share
from server.store import rights
from tests.fakes.imap_house import PASSWORD, message

ANN = "Other Users/ann@example.org/"
PLANS = f'"{ANN}Plans"'
TEXT = message("From Bob")

# RFC 4314 §4: which right a command takes; one of them is enough.
TABLE = {
    "SUBSCRIBE {}": "l",
    "CREATE {}": "k",
    "DELETE {}": "x",
    "SELECT {}": "r",
    "EXAMINE {}": "r",
    "STATUS {} (MESSAGES)": "r",
    "GETQUOTAROOT {}": "r",
    "SETACL {} bob@example.org +l": "a",
    "SETACL {} anyone l": "a",
    "DELETEACL {} anyone": "a",
    "GETACL {}": "a",
    "LISTRIGHTS {} anyone": "a",
    "MYRIGHTS {}": "lrikxa",
    "APPEND {}": "i",
    "COPY 1 {}": "i",
    "MOVE 1 {}": "i",
}
# What takes more than `r` of the mailbox that is selected: all of these.
SELECTED = {
    "FETCH 1 BODY[]": "",
    "SEARCH ALL": "",
    "SORT (DATE) UTF-8 ALL": "",
    "THREAD REFERENCES UTF-8 ALL": "",
    "COPY 1 INBOX": "",
    "NOOP": "",
    "CHECK": "",
    "CLOSE": "",
    "UNSELECT": "",
    "STORE 1 +FLAGS (\\Seen)": "s",
    "STORE 1 -FLAGS (\\Seen)": "s",
    "STORE 1 +FLAGS (\\Deleted)": "t",
    "STORE 1 +FLAGS (\\Flagged)": "w",
    "STORE 1 +FLAGS ($Junk)": "w",
    "UID STORE 1 +FLAGS.SILENT (\\Answered \\Draft)": "w",
    "EXPUNGE": "e",
    "UID EXPUNGE 1": "e",
    "MOVE 1 INBOX": "te",
    "UID MOVE 1 INBOX": "te",
}


async def ask(client, command):
    if command.startswith("APPEND"):
        return await client.ask(f"{command} {{{len(TEXT)}+}}\r\n".encode() + TEXT)
    return await client.ask(command)


def refusal(command, held):
    """How a command on a mailbox is refused: of one that may not be looked up, as if it were not there."""
    word = command.split()[0]
    if "l" in held or word == "CREATE":
        return b"NO [NOPERM]"
    return b"NO [%b] There is no such mailbox" % (
        b"TRYCREATE" if word in {"APPEND", "COPY", "MOVE"} else b"NONEXISTENT"
    )


@pytest.mark.parametrize("look", ["", "l"])
@pytest.mark.parametrize("held", [*rights.ORDER, "", rights.ORDER])
async def test_each_right_does_what_it_is_for_and_nothing_else(house, held, look):
    house.append(message("Bob's"), name="bob")
    house.append(message("Bob's"), name="bob")
    client = await house.signed_in("bob")
    for number, (command, needed) in enumerate(TABLE.items()):
        house.share(f"Box{number}", held + look)
        await client.ok("SELECT INBOX")
        name = f'"{ANN}Box{number}/New"' if command.startswith("CREATE") else f'"{ANN}Box{number}"'
        _, answer = await ask(client, command.format(name))
        expected = b"OK" if set(needed) & set(held + look) else refusal(command, held + look)
        assert answer.startswith(expected), (held, command, answer)


@pytest.mark.parametrize("held", [*rights.ORDER, "", "kx", rights.ORDER])
async def test_a_new_name_takes_the_mailbox_and_the_parent_it_comes_below(house, held):
    house.share("From", "lkx")
    house.share("From/Old", "lx")
    house.share("To", "l" + held)
    client = await house.signed_in("bob")
    _, answer = await client.ask(f'RENAME "{ANN}From/Old" "{ANN}To/New"')
    assert answer.startswith(b"OK" if "k" in held else b"NO [NOPERM]")
    house.share("To/Mine", "l" + held)
    _, answer = await client.ask(f'RENAME "{ANN}To/Mine" "{ANN}From/Mine"')
    assert answer.startswith(b"OK" if "x" in held else b"NO [NOPERM]")
    house.share("To/Hidden", "")
    for name in ("To/Hidden", "To/Nothing"):
        assert (await client.ask(f'RENAME "{ANN}{name}" "{ANN}From/It"'))[1].startswith(b"NO [NONEXISTENT]")


@pytest.mark.parametrize("more", [*"swteikxpa", "", "te", "swtie"])
async def test_each_command_on_a_selected_mailbox(house, more):
    client = await house.signed_in("bob")
    for number, (command, needed) in enumerate(SELECTED.items()):
        house.share(f"Box{number}", "lr" + more)
        house.append(message("One"), f"Box{number}")
        await client.ok(f'SELECT "{ANN}Box{number}"')
        _, answer = await client.ask(command)
        expected = b"OK"
        if not set(needed) <= set(more):
            expected = b"NO [NOPERM]" if rights.CHANGES & set(more) else b"NO [READ-ONLY]"
        assert answer.startswith(expected), (more, command, answer)


@pytest.mark.parametrize("more", ["", *"swtie", "p", "k", "x", "a"])
@pytest.mark.parametrize("command", ["SELECT", "EXAMINE"])
async def test_read_only_is_who_may_change_nothing(house, more, command):
    house.share("Plans", "lr" + more)
    client = await house.signed_in("bob")
    lines, answer = await client.ask(f"{command} {PLANS}")
    writes = command == "SELECT" and more in set("swtie")
    assert answer.startswith(b"OK [READ-WRITE]" if writes else b"OK [READ-ONLY]")
    flags = {"s": b"(\\Seen)", "t": b"(\\Deleted)", "w": b"(\\Answered \\Draft \\Flagged \\*)"}
    expected = flags.get(more, b"()") if writes else b"()"
    assert b"* OK [PERMANENTFLAGS %b] Flags that stay" % expected in lines


async def test_the_owner_has_every_right_and_keeps_it(house):
    client = await house.signed_in()
    assert await client.ok("MYRIGHTS inbox") == [b'* MYRIGHTS "INBOX" lrswipkxtecda']
    assert await client.ok("GETACL INBOX") == [b'* ACL "INBOX" ann@example.org lrswipkxtecda']
    assert await client.ok("LISTRIGHTS INBOX Ann@Example.ORG") == [
        b'* LISTRIGHTS "INBOX" Ann@Example.ORG lrswipkxtecda'
    ]
    assert await client.ok("LISTRIGHTS INBOX bob@example.org") == [
        b'* LISTRIGHTS "INBOX" bob@example.org "" l r s w i p k x t e c d a'
    ]
    for command in (
        "SETACL INBOX ann@example.org lr",
        "SETACL INBOX ann@example.org -a",
        "DELETEACL INBOX ann@example.org",
    ):
        assert (await client.ask(command))[1].startswith(b"NO [CANNOT] The owner of a mailbox")
    assert (await client.ask("SETACL INBOX -ann@example.org a"))[1].startswith(b"NO [CANNOT]")
    await client.ok("SETACL INBOX ann@example.org lrswipkxtea")
    await client.ok("SETACL INBOX ann@example.org +l")
    await client.ok("SETACL INBOX -anyone lrswipkxtea")
    assert await client.ok("MYRIGHTS INBOX") == [b'* MYRIGHTS "INBOX" lrswipkxtecda']


async def test_lines_are_set_added_to_taken_from_and_deleted(house):
    client = await house.signed_in()
    await client.ok("CREATE Plans")

    async def line():
        (answer,) = await client.ok("GETACL Plans")
        return answer.removeprefix(b'* ACL "Plans" ann@example.org lrswipkxtecda')

    # RFC 4314 §2.1.1: d is et, and told wherever one of them is; so is c.
    await client.ok("SETACL Plans bob@example.org lrswida")
    assert await line() == b" bob@example.org lrswiteda"
    await client.ok("SETACL Plans bob@example.org lrswikda")
    assert await line() == b" bob@example.org lrswiktecda"
    # RFC 4314 §3.1
    await client.ok("SETACL Plans bob@example.org lrswi")
    await client.ok("SETACL Plans BOB@EXAMPLE.ORG +cda")
    assert await line() == b" bob@example.org lrswikxtecda"
    await client.ok("SETACL Plans bob@example.org -cdaswi")
    assert await line() == b" bob@example.org lr"
    await client.ok("SETACL Plans anyone l")
    await client.ok("SETACL Plans -bob@example.org r")
    assert await line() == b" anyone l bob@example.org lr -bob@example.org r"
    # RFC 4314 §3.2: the negative line is another one.
    await client.ok("DELETEACL Plans bob@example.org")
    assert await line() == b" anyone l -bob@example.org r"
    await client.ok('SETACL Plans -bob@example.org ""')
    await client.ok("DELETEACL Plans anyone")
    await client.ok("DELETEACL Plans anyone")
    assert await line() == b""
    for command in ("SETACL Plans bob@example.org lrQ", "SETACL Plans bob@example.org lrq"):
        assert (await client.ask(command))[1].startswith(b"BAD")


@pytest.mark.parametrize(
    "who", ["nobody@example.org", "bob", "bob@elsewhere.example", "anonymous", "$team", "bob+x@example.org"]
)
async def test_nobody_else_can_be_given_anything(house, who):
    client = await house.signed_in()
    for command in (f"SETACL INBOX {who} lr", f"DELETEACL INBOX {who}", f"LISTRIGHTS INBOX {who}"):
        assert (await client.ask(command))[1].startswith(b"NO [CANNOT] There is no account of this address here")
    assert house.directory.read_now(lambda r: share.grantees(r, house.ann)) == set()


async def test_an_alias_is_the_account_behind_it_then(house):
    house.directory.write_now(lambda w: accounts.add_alias(w, "sales@example.org", house.bob))
    client = await house.signed_in()
    await client.ok("SETACL INBOX sales@example.org lr")
    assert await client.ok("GETACL INBOX") == [b'* ACL "INBOX" ann@example.org lrswipkxtecda bob@example.org lr']

    def pass_on(w):
        w.raw("DELETE FROM alias")
        new = accounts.add_account(w, "cy@example.org", PASSWORD)
        accounts.add_alias(w, "sales@example.org", new.id)

    house.directory.write_now(pass_on)
    cy, bob = await house.signed_in("cy"), await house.signed_in("bob")
    await bob.ok(f'SELECT "{ANN}INBOX"')
    assert (await cy.ask(f'SELECT "{ANN}INBOX"'))[1].startswith(b"NO [NONEXISTENT]")
    # Two behind one address is nobody.
    house.directory.write_now(lambda w: accounts.add_alias(w, "sales@example.org", house.bob))
    assert (await client.ask("SETACL INBOX sales@example.org a"))[1].startswith(b"NO [CANNOT]")


async def test_everybody_has_to_sign_in_and_negative_rights_hold(house):
    ann, bob = await house.signed_in(), await house.signed_in("bob")
    await ann.ok("SETACL INBOX anyone lrs")
    assert await bob.ok(f'MYRIGHTS "{ANN}INBOX"') == [b'* MYRIGHTS "Other Users/ann@example.org/INBOX" lrs']
    await ann.ok("SETACL INBOX -bob@example.org s")
    assert await bob.ok(f'MYRIGHTS "{ANN}INBOX"') == [b'* MYRIGHTS "Other Users/ann@example.org/INBOX" lr']
    stranger = await house.connect()
    await stranger.line()
    assert (await stranger.ask(f'SELECT "{ANN}INBOX"'))[1].startswith(b"BAD")


async def test_who_administers_for_the_owner_gives_rights_in_her_mailbox(house):
    house.share("Plans", "la")
    house.directory.write_now(lambda w: accounts.add_account(w, "cy@example.org", PASSWORD))
    bob = await house.signed_in("bob")
    await bob.ok(f"SETACL {PLANS} cy@example.org lr")
    assert await bob.ok(f"GETACL {PLANS}") == [
        b"* ACL %b ann@example.org lrswipkxtecda bob@example.org la cy@example.org lr" % PLANS.encode()
    ]
    cy = await house.signed_in("cy")
    await cy.ok(f"SELECT {PLANS}")
    for command in (f"SETACL {PLANS} ann@example.org l", f"DELETEACL {PLANS} ann@example.org"):
        assert (await bob.ask(command))[1].startswith(b"NO [CANNOT]")
    await bob.ok(f"DELETEACL {PLANS} bob@example.org")
    assert (await bob.ask(f"GETACL {PLANS}"))[1].startswith(b"NO [NONEXISTENT]")


async def test_hints_come_and_go_with_the_lines(house):
    def hinted():
        return house.directory.read_now(lambda r: share.grantees(r, house.ann))

    client = await house.signed_in()
    await client.ok("SETACL INBOX bob@example.org lr")
    await client.ok("SETACL Drafts bob@example.org lr")
    await client.ok("SETACL Sent anyone l")
    assert hinted() == {house.bob, 0}
    await client.ok("DELETEACL INBOX bob@example.org")
    assert hinted() == {house.bob, 0}
    await client.ok("SETACL Drafts bob@example.org -lr")
    await client.ok('SETACL Sent anyone ""')
    assert hinted() == set()
    assert (await client.ask("SETACL Nowhere bob@example.org lr"))[1].startswith(b"NO [NONEXISTENT]")
    assert hinted() == set()


async def test_a_virtual_mailbox_is_shared_with_nobody(house):
    client = await house.signed_in()
    virtual = [line.rpartition(b' "/" ')[2] for line in await client.ok('LIST "" "*"') if b"\\Noinferiors" in line]
    assert virtual
    for name in virtual:
        assert (await client.ask(b"SETACL %b bob@example.org lr" % name))[1].startswith(b"NO [CANNOT]")
    bob = await house.signed_in("bob")
    assert (await bob.ask(b"SELECT " + virtual[0].replace(b'"', b'"Other Users/ann@example.org/', 1)))[1].startswith(
        b"NO"
    )
