"""A program that keeps a Maildir and our mailbox the same: what every such program must bring about, whatever its name."""

import os
import random
import re

from server.store import append, mailboxes, messages
from tests.fakes.imap_house import message

MANY = int(os.environ.get("POSTHOUSE_SYNC_MESSAGES", "1000"))
"""`make sync-large` asks for 20,000."""
SECONDS = 120 + MANY / 4
CHANGED = 20


def letter(number):
    """Octets of every kind that a line may hold, each message another."""
    dice = random.Random(number)
    lines = [
        "".join(dice.choices("abc déf漢字 .>-=\t'\"", k=dice.randint(0, 120))).rstrip()
        for _ in range(dice.randint(1, 30))
    ]
    head = {"message_id": f"<{number}@example.org>", "mime_version": "1.0", "content_type": "text/plain; charset=utf-8"}
    return message(f"Letter {number}", "\r\n".join(lines) + "\r\n", content_transfer_encoding="8bit", **head)


def fill(house, count):
    """In few transactions, as an import does."""
    for start in range(0, count, 500):
        ready = [append.prepare(letter(number)) for number in range(start, min(start + 500, count))]

        def put(w, ready=ready):
            inbox = mailboxes.by_name(w, "INBOX").id
            for one in ready:
                append.append(w, inbox, one)

        house.store.write_now(house.ann, put)


def on_server(house):
    """(octets with LF, flags that a Maildir knows) of every message."""

    def read(r):
        inbox = mailboxes.by_name(r, "INBOX").id
        rows = messages.rows(r, inbox, messages.uids(r, inbox))
        return sorted((plain(messages.raw(r, row)), flags(row.flags)) for row in rows)

    return house.store.read_now(house.ann, read)


def plain(octets):
    """With LF; mbsync writes a line X-TUID into what it copies, all else must be as it was."""
    return re.sub(rb"(?m)^X-TUID: .{12}\n", b"", octets.replace(b"\r\n", b"\n"))


def flags(names):
    letters = {"\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T"}
    return "".join(sorted(letters[name] for name in names if name in letters))


def files(inbox):
    return sorted(path for kind in ("cur", "new") for path in (inbox / kind).iterdir())


def here(inbox):
    """mbsync writes a line X-TUID into what it stores in a Maildir; all else must be as it was."""
    return sorted(
        (re.sub(rb"(?m)^X-TUID: .{12}\n", b"", path.read_bytes()), path.name.partition(":2,")[2])
        for path in files(inbox)
    )


def mark(path, letter_):
    """Add a flag as a program does that reads the Maildir."""
    base, _, known = path.name.partition(":2,")
    path.rename(path.parent.parent / "cur" / f"{base}:2,{''.join(sorted({*known, letter_}))}")


def same(one, other):
    """Says what differs, and not all that is there."""
    here_only, there_only = set(one) - set(other), set(other) - set(one)
    assert not here_only, (len(here_only), len(there_only), sorted(here_only)[:1], sorted(there_only)[:1])
    assert not there_only, (len(there_only), sorted(there_only)[:1])
    assert len(one) == len(other)


async def both_ways(house, synchronise, inbox, another, *, many=MANY):
    """`synchronise(folder)` runs the program; `inbox` is its Maildir, and `another` that of a second one that starts with nothing."""
    fill(house, many)
    client = await house.signed_in(mailbox="INBOX")
    await synchronise(inbox)
    same(here(inbox), on_server(house))

    # Here and there at once: new ones, deleted ones, flags.
    paths = files(inbox)
    for path in paths[:CHANGED]:
        path.unlink()
    for path in paths[CHANGED : 2 * CHANGED]:
        mark(path, "F")
    for number in range(CHANGED):
        (inbox / "new" / f"{number}.local").write_bytes(letter(many + number).replace(b"\r\n", b"\n"))
    await client.ok(f"UID STORE {many - CHANGED + 1}:{many} +FLAGS.SILENT (\\Seen)")
    await client.ok(f"UID STORE {many - 2 * CHANGED + 1}:{many - CHANGED} +FLAGS.SILENT (\\Deleted)")
    await client.ok("EXPUNGE")
    for number in range(CHANGED):
        house.append(letter(many + CHANGED + number))
    await synchronise(inbox)
    found = here(inbox)
    same(found, on_server(house))
    assert sum("F" in known for _, known in found) == CHANGED
    assert len({octets for octets, _ in found}) == len(found)  # nothing twice

    # Nothing changes when nothing changed, and somebody else sees the same.
    await synchronise(inbox)
    same(here(inbox), found)
    same(on_server(house), found)
    await synchronise(another)
    same(here(another), found)
