"""COPY and MOVE between accounts, over real connections."""

import pytest

from server.store import carry, copy, expunge, mailboxes, quota
from tests.fakes.imap_house import message

ANN = "Other Users/ann@example.org/"
PLANS = f'"{ANN}Plans"'
EVERYTHING = "lrswipkxtea"


@pytest.fixture
async def house_of_two(house):
    """Three messages in Bob's INBOX, one in Ann's `Plans`, which Bob may do everything with."""
    house.share("Plans", EVERYTHING)
    house.append(message("Hers"), "Plans")
    for number in (1, 2, 3):
        house.append(message(f"Number {number}"), name="bob", flags=("\\Seen", "\\Flagged", "$Junk"))
    return house


async def contents(client, mailbox):
    lines = await client.ok(f"EXAMINE {mailbox}")
    if any(line == b"* 0 EXISTS" for line in lines):
        return []
    items = "(UID FLAGS INTERNALDATE EMAILID BODY.PEEK[])"
    return [
        # What came by the copy is recent, as it should be.
        line.partition(b" FETCH ")[2].partition(b"UID ")[2].replace(b"\\Recent ", b"")
        for line in await client.ok(f"FETCH 1:* {items}")
    ]


def without_uid(rows):
    return [row.partition(b" ")[2] for row in rows]


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("move", [False, True])
async def test_messages_arrive_as_they_were(house_of_two, move, batch, monkeypatch):
    monkeypatch.setattr(carry, "MESSAGES", batch)
    client = await house_of_two.signed_in("bob")
    before = await contents(client, "INBOX")
    await client.ok("SELECT INBOX")
    lines, answer = await client.ask(f"{'MOVE' if move else 'COPY'} 1,3 {PLANS}")
    assert answer.startswith(b"OK")
    told = lines[0] if move else answer
    assert told.partition(b"[COPYUID ")[2].partition(b" ")[2].startswith(b"1,3 2:3]")
    assert lines[1:] == ([b"* 3 EXPUNGE", b"* 1 EXPUNGE"] if move else [])
    arrived = await contents(client, PLANS)
    assert without_uid(arrived)[1:] == [without_uid(before)[0], without_uid(before)[2]]
    assert await contents(client, "INBOX") == ([before[1]] if move else before)


async def test_they_come_back_too(house_of_two):
    client = await house_of_two.signed_in("bob", ANN + "Plans")
    lines, answer = await client.ask("UID MOVE 1 Archive")
    assert answer.startswith(b"OK")
    assert lines[1:] == [b"* 1 EXPUNGE"]
    assert b"Subject: Hers" in (await contents(client, "Archive"))[0]
    assert await contents(client, PLANS) == []


async def test_from_one_other_to_another(house_of_two):
    house_of_two.share("Third", EVERYTHING)
    client = await house_of_two.signed_in("bob", ANN + "Plans")
    await client.ok(f'COPY 1 "{ANN}Third"')
    assert b"Subject: Hers" in (await contents(client, f'"{ANN}Third"'))[0]
    # Within her account it is the same octets.
    count = house_of_two.store.read_now(house_of_two.ann, lambda r: r.raw("SELECT count(*) FROM content").fetchone()[0])
    assert count == 1


async def test_flags_that_may_not_be_set_stay_behind(house_of_two):
    house_of_two.share("Plans", "lris")
    client = await house_of_two.signed_in("bob", "INBOX")
    await client.ok(f"COPY 1 {PLANS}")
    await client.ok(f"SELECT {PLANS}")
    assert await client.ok("FETCH 2 FLAGS") == [b"* 2 FETCH (FLAGS (\\Recent \\Seen))"]
    # RFC 4314 §4, the example: so within one account.
    ann = await house_of_two.signed_in("ann", "Plans")
    await ann.ok("STORE 1 FLAGS (\\Draft \\Deleted \\Seen $Forwarded)")
    for letters, kept in (
        ("rwisl", b"($Forwarded \\Draft \\Recent \\Seen)"),
        ("rstil", b"(\\Deleted \\Recent \\Seen)"),
    ):
        house_of_two.share("Target", "")
        house_of_two.share("Target", letters)
        await client.ok(f"SELECT {PLANS}")
        await client.ok(f'COPY 1 "{ANN}Target"')
        await client.ok(f'EXAMINE "{ANN}Target"')
        assert await client.ok("FETCH * FLAGS") == [b"* %d FETCH (FLAGS %b)" % (1 if letters == "rwisl" else 2, kept)]


async def test_what_it_takes_counts_where_it_comes_to_lie(house_of_two):
    client = await house_of_two.signed_in("bob", "INBOX")
    house_of_two.store.write_now(house_of_two.ann, lambda w: quota.set_limit(w, 2 * len(message("Number 1"))))
    for command in ("COPY", "MOVE"):
        assert (await client.ask(f"{command} 1:3 {PLANS}"))[1].startswith(b"NO [OVERQUOTA]")
    assert len(await contents(client, PLANS)) == 1
    assert len(await contents(client, "INBOX")) == 3
    await client.ok("SELECT INBOX")
    await client.ok(f"COPY 1 {PLANS}")
    house_of_two.store.write_now(house_of_two.bob, lambda w: quota.set_limit(w, 1))
    await client.ok(f"SELECT {PLANS}")
    assert (await client.ask("COPY 1 Archive"))[1].startswith(b"NO [OVERQUOTA]")


async def test_a_copy_that_fails_half_way_leaves_nothing(house_of_two, monkeypatch):
    monkeypatch.setattr(carry, "MESSAGES", 1)
    pick_up, seen = carry.pick_up, []

    def revoke_later(reader, mailbox_id, uids):
        seen.append(uids)
        if len(seen) == 3:
            house_of_two.share("Plans", "lr")
        return pick_up(reader, mailbox_id, uids)

    monkeypatch.setattr(carry, "pick_up", revoke_later)
    client = await house_of_two.signed_in("bob", "INBOX")
    assert (await client.ask(f"COPY 1:3 {PLANS}"))[1].startswith(b"NO [NOPERM]")
    assert len(seen) == 3
    assert len(await contents(client, PLANS)) == 1
    assert len(await contents(client, "INBOX")) == 3


async def test_a_move_that_fails_half_way_has_each_message_in_one_place(house_of_two, monkeypatch):
    monkeypatch.setattr(carry, "MESSAGES", 1)
    put_down, calls = carry.put_down, []

    def revoke_later(writer, mailbox_id, batch, held):
        calls.append(mailbox_id)
        if len(calls) == 2:
            house_of_two.share("Source", "lr")
        return put_down(writer, mailbox_id, batch, held)

    house_of_two.share("Source", EVERYTHING)
    for number in (1, 2, 3):
        house_of_two.append(message(f"Source {number}"), "Source")
    monkeypatch.setattr(carry, "put_down", revoke_later)
    client = await house_of_two.signed_in("bob", ANN + "Source")
    lines, answer = await client.ask("MOVE 1:3 Archive")
    assert answer.startswith(b"NO [NOPERM]")
    assert lines[0].partition(b"[COPYUID ")[2].partition(b" ")[2] == b"1 1] Moved"
    assert b"* 1 EXPUNGE" in lines
    assert len(await contents(client, "Archive")) == 1
    assert len(await contents(client, f'"{ANN}Source"')) == 2


async def test_what_goes_meanwhile_is_left_out(house_of_two, monkeypatch):
    client = await house_of_two.signed_in("bob", "INBOX")
    await client.ok("FETCH 1:3 UID")
    house_of_two.store.write_now(house_of_two.bob, lambda w: expunge.remove(w, 1, [1]))
    _, answer = await client.ask(f"UID COPY 1:2 {PLANS}")
    assert b" 2 2]" in answer
    house_of_two.store.write_now(house_of_two.bob, lambda w: expunge.remove(w, 1, [2, 3]))
    assert (await client.ask(f"UID COPY 1:3 {PLANS}"))[1] == b"OK No message to act on"


async def test_an_object_of_many_octets_arrives(house_of_two):
    import random

    text = "".join(random.Random(4314).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=900_000))
    raw = message("Large", "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76)) + "\r\n")
    house_of_two.append(raw, "INBOX", name="bob")
    client = await house_of_two.signed_in("bob", "INBOX")
    await client.ok(f"MOVE 4 {PLANS}")
    (fetched,) = await client.ok(f"SELECT {PLANS}") and await client.ok("FETCH 2 BODY.PEEK[]")
    assert raw in fetched


@pytest.mark.parametrize("batch", [1, 100])
async def test_what_dies_half_way_leaves_a_message_twice_and_never_nowhere(house_of_two, monkeypatch, batch):
    """Where the process is killed between the two accounts: it is there, and not yet gone from here."""
    monkeypatch.setattr(carry, "MESSAGES", batch)

    def dies(point):
        assert point == "across.placed"
        raise MemoryError

    monkeypatch.setattr("server.imap.commands.copy_across.reach", dies)
    client = await house_of_two.signed_in("bob", "INBOX")
    assert (await client.ask(f"MOVE 1:3 {PLANS}"))[1].startswith(b"NO [SERVERBUG]")
    assert len(await contents(client, "INBOX")) == 3
    assert len(await contents(client, PLANS)) == 1 + min(batch, 3)


async def test_out_of_a_virtual_mailbox(house_of_two):
    """The real message goes, with the flags it has, though nobody has looked at the virtual mailbox since."""
    client = await house_of_two.signed_in("bob", "All Mail")
    other = await house_of_two.signed_in("bob", "INBOX")
    await other.ok("STORE 2 FLAGS (\\Answered)")
    lines, answer = await client.ask(f"MOVE 2 {PLANS}")
    assert answer.startswith(b"OK")
    assert lines[0].partition(b"[COPYUID ")[2].partition(b" ")[2].startswith(b"2 2]")
    assert b"* 2 EXPUNGE" in lines
    arrived = await contents(client, PLANS)
    assert b"FLAGS (\\Answered \\Recent)" in arrived[1]
    assert b"Subject: Number 2" in arrived[1]
    assert len(await contents(other, "INBOX")) == 2


async def test_what_is_filed_meanwhile_leaves_its_new_mailbox(house_of_two, monkeypatch):
    bob = house_of_two.bob
    client = await house_of_two.signed_in("bob", "All Mail")
    await client.ok("FETCH 1:3 UID")
    put_down = carry.put_down

    def late(*arguments):
        archive = house_of_two.store.read_now(bob, lambda r: mailboxes.by_name(r, "Archive").id)
        house_of_two.store.write_now(bob, lambda w: copy.move(w, 1, [1], archive))
        return put_down(*arguments)

    monkeypatch.setattr(carry, "put_down", late)
    assert (await client.ask(f"MOVE 1 {PLANS}"))[1].startswith(b"OK")
    assert len(await contents(client, PLANS)) == 2
    assert await contents(client, "Archive") == []
    assert len(await contents(client, "INBOX")) == 2
