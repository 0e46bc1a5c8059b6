"""What somebody does in a mailbox of another account, over real connections."""

import pytest

from tests.fakes.imap_house import message

ANN = "Other Users/ann@example.org/"
PLANS = f'"{ANN}Plans"'


@pytest.fixture
async def plans(house):
    """Ann's mailbox with three messages."""
    house.share("Plans", "")
    for number in (1, 2, 3):
        house.append(message(f"Number {number}"), "Plans")
    return house


async def test_reading_does_not_mark_as_seen_without_the_right(plans):
    plans.share("Plans", "lr")
    client = await plans.signed_in("bob")
    lines = await client.ok(f"SELECT {PLANS}")
    assert b"* OK [PERMANENTFLAGS ()] Flags that stay" in lines
    assert await client.ok("FETCH 1 BODY[HEADER.FIELDS (SUBJECT)]") == [
        b"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)] {23}\r\nSubject: Number 1\r\n\r\n)".replace(b"{23}", b"{21}")
    ]
    assert await client.ok("SEARCH UNSEEN") == [b"* SEARCH 1 2 3"]
    assert (await client.ask("STORE 1 +FLAGS (\\Seen)"))[1].startswith(b"NO [READ-ONLY]")


@pytest.mark.parametrize(
    ("letters", "kept"),
    [
        ("lrs", b"(\\Seen)"),
        ("lrt", b"(\\Deleted)"),
        ("lrw", b"($Forwarded \\Answered \\Draft \\Flagged)"),
        ("lrst", b"(\\Deleted \\Seen)"),
        ("lrstw", b"($Forwarded \\Answered \\Deleted \\Draft \\Flagged \\Seen)"),
    ],
)
async def test_flags_are_set_by_their_rights(plans, letters, kept):
    everything = "(\\Seen \\Deleted \\Answered \\Flagged \\Draft $Forwarded)"
    plans.share("Plans", letters)
    client = await plans.signed_in("bob", ANN + "Plans")
    assert await client.ok(f"STORE 1 +FLAGS {everything}") == [b"* 1 FETCH (FLAGS %b)" % kept]
    assert await client.ok(f"STORE 2 FLAGS {everything}") == [b"* 2 FETCH (FLAGS %b)" % kept]
    ann = await plans.signed_in("ann", "Plans")
    await ann.ok(f"STORE 3 FLAGS {everything}")
    left = await client.ok(f"STORE 3 -FLAGS {everything}")
    everyone = {b"$Forwarded", b"\\Answered", b"\\Deleted", b"\\Draft", b"\\Flagged", b"\\Seen"}
    expected = b" ".join(sorted(everyone - set(kept.strip(b"()").split())))
    assert left == [b"* 3 FETCH (FLAGS (%b))" % expected]


async def test_a_replacement_leaves_what_may_not_be_changed(plans):
    ann = await plans.signed_in("ann", "Plans")
    await ann.ok("STORE 1 FLAGS (\\Seen \\Flagged $Junk)")
    plans.share("Plans", "lrs")
    client = await plans.signed_in("bob", ANN + "Plans")
    assert await client.ok("STORE 1 FLAGS ()") == [b"* 1 FETCH (FLAGS ($Junk \\Flagged))"]


async def test_what_is_taken_away_is_away_at_once(plans):
    plans.share("Plans", "lrw")
    client = await plans.signed_in("bob", ANN + "Plans")
    await client.ok("STORE 1 +FLAGS (\\Flagged)")
    plans.share("Plans", "lr")
    assert (await client.ask("STORE 1 -FLAGS (\\Flagged)"))[1].startswith(b"NO [NOPERM]")
    plans.share("Plans", "")
    with pytest.raises(EOFError) as ended:
        await client.ask("FETCH 1 BODY[]")
    assert ended.value.args[0] == [b"* BYE The mailbox is not shared with you any more"]
    assert await client.closed()


async def test_idle_tells_a_guest_and_its_end(plans):
    plans.share("Plans", "lr")
    client = await plans.signed_in("bob", ANN + "Plans")
    client.send(b"x IDLE\r\n")
    assert await client.line() == b"+ Idling"
    plans.append(message("Number 4"), "Plans")
    assert await client.line() == b"* 4 EXISTS"
    ann = await plans.signed_in("ann", "Plans")
    await ann.ok("STORE 2 +FLAGS (\\Flagged)")
    assert await client.line() == b"* 2 FETCH (UID 2 FLAGS (\\Flagged))"
    plans.share("Plans", "")
    assert await client.line() == b"* BYE The mailbox is not shared with you any more"
    assert await client.closed()


async def test_a_deleted_mailbox_ends_its_guests(plans):
    plans.share("Plans", "lr")
    client = await plans.signed_in("bob", ANN + "Plans")
    client.send(b"x IDLE\r\n")
    assert await client.line() == b"+ Idling"
    await (await plans.signed_in("ann")).ok("DELETE Plans")
    assert (await client.line()).startswith(b"* BYE")


async def test_append_keeps_the_flags_that_may_be_set(plans):
    plans.share("Plans", "lris")
    client = await plans.signed_in("bob")
    text = message("From Bob")
    command = f"APPEND {PLANS} (\\Seen \\Flagged \\Deleted $Junk) {{{len(text)}+}}\r\n".encode() + text
    _, answer = await client.ask(command)
    assert answer.startswith(b"OK [APPENDUID ")
    assert answer.split()[3].rstrip(b"]") == b"4"
    await client.ok(f"SELECT {PLANS}")
    assert await client.ok("FETCH 4 FLAGS") == [b"* 4 FETCH (FLAGS (\\Recent \\Seen))"]


async def test_insert_alone_lets_nobody_read(plans):
    plans.share("Plans", "i")
    client = await plans.signed_in("bob")
    text = message("From Bob")
    _, answer = await client.ask(f"APPEND {PLANS} {{{len(text)}+}}\r\n".encode() + text)
    assert answer.startswith(b"OK")
    for command in (f"SELECT {PLANS}", f"EXAMINE {PLANS}", f"STATUS {PLANS} (MESSAGES)", f"GETQUOTAROOT {PLANS}"):
        assert (await client.ask(command))[1].startswith(b"NO [NONEXISTENT]")


async def test_ids_of_conversations_are_those_of_the_owner(plans):
    plans.share("Plans", "lr")
    plans.append(message("Mine"), name="bob")
    client = await plans.signed_in("bob", "INBOX")
    assert await client.ok("FETCH 1 THREADID") == [b"* 1 FETCH (THREADID (T1))"]
    lines = await client.ok(f"SELECT {PLANS}")
    assert any(line.startswith(b"* OK [MAILBOXID (F%d-" % plans.ann) for line in lines)
    assert await client.ok("FETCH 1 THREADID") == [b"* 1 FETCH (THREADID (T%d-1))" % plans.ann]
    assert await client.ok(f"SEARCH OR THREADID T{plans.ann}-1 NOT ALL") == [b"* SEARCH 1"]
    assert await client.ok("SEARCH THREADID T1") == [b"* SEARCH"]


async def test_a_guest_learns_of_no_keywords_of_other_mailboxes(plans):
    plans.append(message(), "INBOX", flags=("Secret",))
    plans.append(message(), "Plans", flags=("Open",))
    plans.share("Plans", "lrw")
    client = await plans.signed_in("bob")
    lines = await client.ok(f"SELECT {PLANS}")
    assert lines[0] == b"* FLAGS (Open \\Answered \\Deleted \\Draft \\Flagged \\Seen)"
    assert b"* OK [PERMANENTFLAGS (Open \\Answered \\Draft \\Flagged \\*)] Flags that stay" in lines


async def test_expunge_and_close_take_their_right(plans):
    ann = await plans.signed_in("ann", "Plans")
    await ann.ok("STORE 1:2 +FLAGS (\\Deleted)")
    plans.share("Plans", "lrst")
    client = await plans.signed_in("bob", ANN + "Plans")
    assert (await client.ask("EXPUNGE"))[1].startswith(b"NO [NOPERM]")
    assert (await client.ask("UID EXPUNGE 1"))[1].startswith(b"NO [NOPERM]")
    await client.ok("CLOSE")
    await client.ok(f"SELECT {PLANS}")
    assert await client.ok("SEARCH ALL") == [b"* SEARCH 1 2 3"]
    plans.share("Plans", "lre")
    assert (await client.ok("UID EXPUNGE 1"))[-1] == b"* 1 EXPUNGE"
    await client.ok("CLOSE")
    assert await ann.ok("NOOP") == [b"* 2 EXPUNGE", b"* 1 EXPUNGE"]


async def test_the_quota_root_is_the_owners(plans):
    plans.share("Plans", "lr")
    client = await plans.signed_in("bob")
    root = b'"Other Users/ann@example.org"'
    assert await client.ok(f"GETQUOTAROOT {PLANS}") == [
        b'* QUOTAROOT "Other Users/ann@example.org/Plans" ' + root,
        b"* QUOTA " + root + b" ()",
    ]
    assert await client.ok(b"GETQUOTA " + root) == [b"* QUOTA " + root + b" ()"]
    plans.share("Plans", "li")
    for name in (root, b'"Other Users/nobody@example.org"', b'"Other Users"', b"x"):
        assert (await client.ask(b"GETQUOTA " + name))[1].startswith(b"NO [NONEXISTENT] There is no such quota root")


async def test_replace_takes_all_three_rights_of_its_parts(plans):
    text = message("Instead")
    command = f"REPLACE 1 {PLANS} {{{len(text)}+}}\r\n".encode() + text
    for lacking in "ite":
        plans.share("Plans", "".join(set("lrwite") - {lacking}))
        client = await plans.signed_in("bob", ANN + "Plans")
        assert (await client.ask(command))[1].startswith(b"NO [NOPERM]")
    plans.share("Plans", "lrite")
    client = await plans.signed_in("bob", ANN + "Plans")
    lines = await client.ok(command)
    assert lines[0].startswith(b"* OK [APPENDUID ")
    assert lines[1:] == [b"* 1 EXPUNGE", b"* 3 EXISTS", b"* 1 RECENT"]
    assert (await client.ask(command.replace(PLANS.encode(), b"INBOX")))[1].startswith(b"NO [CANNOT]")


async def test_flags_are_told_anew_when_rights_change(plans):
    plans.share("Plans", "lrs")
    client = await plans.signed_in("bob", ANN + "Plans")
    plans.share("Plans", "lrst")
    assert await client.ok("NOOP") == [
        b"* FLAGS (\\Answered \\Deleted \\Draft \\Flagged \\Seen)",
        b"* OK [PERMANENTFLAGS (\\Deleted \\Seen)] Flags that stay",
    ]
    assert await client.ok("NOOP") == []
