"""UIDONLY (RFC 9586) over real sockets; the dialogue itself is tests/transcripts/imap/uidonly.txt."""

import re

import pytest

from server.imap.commands.table import BY_NUMBER
from tests.fakes.imap_house import message

NUMBERED = re.compile(rb"\* \d+ FETCH \(UID (\d+) ?")
BY_UID = re.compile(rb"\* (\d+) UIDFETCH \((?:UID \d+ ?)?")


async def uid_only(house, mailbox="INBOX"):
    client = await house.signed_in()
    await client.ok("ENABLE UIDONLY")
    await client.ok(f"SELECT {mailbox}")
    return client


def test_what_has_a_form_without_numbers():
    assert {"SEARCH", "SORT", "THREAD", "FETCH", "STORE", "COPY", "MOVE", "REPLACE"} == BY_NUMBER


@pytest.mark.parametrize(
    "items",
    [
        "FLAGS",
        "UID",
        "(UID FLAGS)",
        "MODSEQ",
        "(UID FLAGS MODSEQ)",
        "ENVELOPE",
        "(RFC822.SIZE BODY.PEEK[])",
        "(FLAGS BINARY.SIZE[1])",
    ],
)
@pytest.mark.parametrize("asked", ["1:*", "1,5,7:9,150", "3:120"])
async def test_the_same_answers_under_another_name(house, items, asked):
    """In runs, in scattered rows, and with octets."""
    for number in range(160):
        house.append(message(f"{number}"), flags=("\\Seen",) if number % 3 else ())
    plain, client = await house.signed_in(mailbox="INBOX"), await uid_only(house)
    for one in (plain, client):
        await one.ok("ENABLE CONDSTORE")
        await one.ok("UID STORE 4:6,50 +FLAGS.SILENT (\\Deleted)")
    await plain.ok("EXPUNGE")
    await client.ok("NOOP")
    numbered = await plain.ok(f"UID FETCH {asked} {items}")
    found = await client.ok(f"UID FETCH {asked} {items}")
    assert [BY_UID.sub(b"", line, count=1) for line in found] == [NUMBERED.sub(b"", line, count=1) for line in numbered]
    assert [BY_UID.match(line)[1] for line in found] == [NUMBERED.match(line)[1] for line in numbered]
    assert all((b"UID " in line.replace(b"UIDFETCH", b"")) == ("UID" in items) for line in found if b"{" not in line)


async def test_a_sequence_of_numbers_anywhere_in_a_search(house):
    house.append(message())
    client = await uid_only(house)
    for key in ("1", "NOT 1", "OR 1 SEEN", "FUZZY 1", "(SEEN 1:*)", "SEEN *"):
        for form in (
            "ESEARCH",
            "ESEARCH IN (selected)",
            "UID SEARCH",
            "UID SEARCH RETURN (COUNT)",
            "UID SORT (DATE) UTF-8",
            "UID THREAD REFERENCES UTF-8",
        ):
            _, status = await client.ask(f"{form} {key}")
            assert status.startswith(b"BAD [UIDREQUIRED]"), (form, key)
        assert await client.ok("UID SEARCH UID 1:*") == [b"* SEARCH 1"]


async def test_it_may_be_turned_on_with_a_mailbox_open(house):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    assert await client.ok("FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS ())"]
    await client.ok("ENABLE UIDONLY")
    assert await client.ok("UID FETCH 1 FLAGS") == [b"* 1 UIDFETCH (FLAGS ())"]
    await client.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert await client.ok("CLOSE") == []


async def test_idle_tells_by_uid(house):
    for _ in range(3):
        house.append(message())
    client, other = await uid_only(house), await house.signed_in(mailbox="INBOX")
    await other.ok("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
    await other.ok("EXPUNGE")
    await client.ok("NOOP")
    client.send(b"i IDLE\r\n")
    assert await client.line() == b"+ Idling"
    await other.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
    assert await client.line() == b"* 3 UIDFETCH (FLAGS (\\Deleted))"
    await other.ok("EXPUNGE")
    assert await client.line() == b"* VANISHED 3"
    client.send(b"DONE\r\n")
    assert (await client.answer(b"i"))[1].startswith(b"OK")


async def test_notify_tells_by_uid(house):
    """RFC 9586 §3.3: wherever there would be a FETCH."""
    house.append(message("old"))
    client = await uid_only(house)
    await client.ok(
        "NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))"
    )
    house.append(message("new"))
    assert await client.line() == b"* 2 EXISTS"
    assert (await client.response()).startswith(b"* 2 UIDFETCH (UID 2 BODY[HEADER.FIELDS (SUBJECT)] {")
    other = await house.signed_in(mailbox="INBOX")
    await other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert await client.line() == b"* 1 UIDFETCH (FLAGS (\\Deleted))"
    await other.ok("EXPUNGE")
    assert await client.line() == b"* VANISHED 1"
