"""ESEARCH over real sockets (RFC 7377)."""

import re

from server.imap.commands import esearch
from tests.fakes.imap_house import message

ANSWER = re.compile(rb'\* ESEARCH \(TAG "[^"]*" MAILBOX ("[^"]*"|\{\d+\}\r\n[^ ]*) UIDVALIDITY \d+\) UID ALL (.*)')
KEYS = [
    "ALL",
    "UNSEEN",
    "SUBJECT even",
    "NOT SUBJECT even",
    "OR SEEN BODY words",
    "UID 2:*",
    "KEYWORD x",
    "FUZZY SUBJECT even",
]


async def test_it_finds_what_a_search_of_each_mailbox_finds(house):
    client = await house.signed_in()
    names = ["INBOX", "Drafts", "a", "a/b", "Sent"]
    for name in names[2:4]:
        await client.ok(f"CREATE {name}")
    for n in range(20):
        flags = ("\\Seen",) if n % 3 else ()
        house.append(message("even" if n % 2 else "odd"), names[n % 4], flags=flags)
    for key in KEYS:
        together = {}
        for line in await client.ok(f"ESEARCH IN (personal) {key}"):
            name, found = ANSWER.fullmatch(line).groups()
            together[name.strip(b'"').decode()] = found
        alone = {}
        for name in names:
            await client.ok(f"EXAMINE {name}")
            (line,) = await client.ok(f"UID SEARCH RETURN (ALL) {key}")
            if b" ALL " in line:
                alone[name] = line.rpartition(b" ALL ")[2]
        await client.ok("UNSELECT")
        assert together == alone, key


async def test_messages_the_client_was_not_told_of_are_not_found_in_its_mailbox_only(house):
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("NOTIFY NONE")
    house.append(message())
    house.append(message(), "Drafts")
    (line,) = await client.ok("ESEARCH IN (mailboxes (INBOX Drafts)) RETURN (COUNT) ALL")
    assert b' MAILBOX "Drafts" ' in line


async def test_relevancy_goes_with_each_mailbox(house):
    client = await house.signed_in()
    house.append(message("salmon and fishes"))
    house.append(message("nothing"), "Drafts")
    (line,) = await client.ok("ESEARCH IN (personal) RETURN (RELEVANCY ALL) FUZZY SUBJECT salmon")
    assert re.search(rb' MAILBOX "INBOX" UIDVALIDITY \d+\) UID ALL 1 RELEVANCY \(\d+\)', line)


async def test_so_many_mailboxes_and_no_more(house, monkeypatch):
    monkeypatch.setattr(esearch, "SEARCHED", 6)
    client = await house.signed_in()
    await client.ok("ESEARCH IN (personal) ALL")
    await client.ok("CREATE more")
    _, answer = await client.ask("ESEARCH IN (personal) ALL")
    assert answer.startswith(b"NO [LIMIT] ")


async def test_a_name_is_told_as_the_client_reads_names(house):
    client = await house.signed_in()
    await client.ok("CREATE &U,BTFw-")
    house.append(message(), "台北")
    (line,) = await client.ok("ESEARCH IN (mailboxes &U,BTFw-) ALL")
    assert b' MAILBOX "&U,BTFw-" ' in line
    await client.ok("ENABLE UTF8=ACCEPT")
    (line,) = await client.ok('ESEARCH IN (mailboxes "台北") ALL')
    assert ' MAILBOX "台北" '.encode() in line
