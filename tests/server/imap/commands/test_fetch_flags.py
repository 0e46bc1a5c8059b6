from itertools import product

import pytest

from server.imap.commands import fetch_flags
from server.store import expunge, mailboxes
from tests.fakes.imap_house import message

FLAGS = [(), ("\\Seen",), ("\\Seen", "zeal", "$Work"), ("\\Flagged", "Work"), ("\\Answered", "\\Deleted", "\\Draft")]
FORMS = ["UID", "FLAGS", "MODSEQ", "(UID FLAGS)", "(UID MODSEQ)", "(FLAGS MODSEQ)", "(UID FLAGS MODSEQ)"]


@pytest.fixture
async def filled(house):
    """Uids 1 to 23 without 4, 5 and 12, with all kinds of flags."""
    for number in range(23):
        house.append(message(f"Letter {number}"), flags=FLAGS[number % len(FLAGS)])
    take_away(house, [4, 5, 12])
    return house


def take_away(house, uids):
    house.store.write_now(house.ann, lambda w: expunge.remove(w, mailboxes.by_name(w, "INBOX").id, uids))


@pytest.mark.parametrize(("form", "batch"), list(product(FORMS, [7, 5_000])))
async def test_runs_are_answered_as_rows_are(filled, monkeypatch, form, batch):
    client = await filled.signed_in(mailbox="INBOX")
    await client.ok("ENABLE CONDSTORE")
    monkeypatch.setattr(fetch_flags, "BATCH", batch)
    monkeypatch.setattr(fetch_flags, "RUN", 10_000)
    by_row = await client.ok(f"FETCH 1:* {form}")
    monkeypatch.setattr(fetch_flags, "RUN", 1)
    assert await client.ok(f"FETCH 1:* {form}") == by_row
    assert len(by_row) == 20
    assert await client.ok(f"FETCH 2:4,18:20 {form}") == [*by_row[1:4], *by_row[17:]]
    assert await client.ok(f"UID FETCH 3:7,30 {form}") == await client.ok(f"UID FETCH 3,6,7 {form}")


async def test_a_run_is_read_in_one_row(filled, monkeypatch):
    client = await filled.signed_in(mailbox="INBOX")
    monkeypatch.setattr(fetch_flags, "RUN", 1)

    def refuse(*_, **__):
        raise AssertionError("row by row")

    monkeypatch.setattr(fetch_flags.messages, "flags", refuse)
    lines = await client.ok("FETCH 1:* (UID FLAGS)")
    assert lines[0] == b"* 1 FETCH (UID 1 FLAGS ())"
    assert lines[2] == b"* 3 FETCH (UID 3 FLAGS ($Work \\Seen zeal))"
    assert lines[-1] == b"* 20 FETCH (UID 23 FLAGS ($Work \\Seen zeal))"


async def test_what_is_gone_is_left_out_and_keeps_its_number(filled, monkeypatch):
    client = await filled.signed_in(mailbox="INBOX")
    monkeypatch.setattr(fetch_flags, "RUN", 1)
    await client.ok("FETCH 1:* UID")
    take_away(filled, [2, 23])
    untagged, status = await client.ask("FETCH 1:* (UID FLAGS)")
    assert status.startswith(b"OK [EXPUNGEISSUED]")
    numbers = [line.split()[1] for line in untagged if b"FETCH" in line]
    assert numbers == [b"%d" % n for n in range(1, 20) if n != 2]
    assert not any(b"EXPUNGE" in line for line in untagged)
