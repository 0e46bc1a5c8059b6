import asyncio

import pytest

from server.store import messages as store_messages
from tests.fakes.imap_house import message


def line_of(subject):
    return b"Subject: " + subject.encode()


async def test_a_large_mailbox_comes_in_batches(house):
    for number in range(12):
        house.append(message(f"Letter {number}", body="x" * 200_000))
    client = await house.signed_in(mailbox="INBOX")
    found = await client.ok("FETCH 1:* (UID BODY.PEEK[])")
    assert [line.split(b" ")[1] for line in found] == [b"%d" % n for n in range(1, 13)]
    assert all(line_of(f"Letter {n}") in line for n, line in enumerate(found))


async def test_pieces_of_one_message_are_decompressed_once(house, monkeypatch):
    house.append(message(body="".join(f"line {n}\r\n" for n in range(20_000))))
    client = await house.signed_in(mailbox="INBOX")
    opened = []
    real = store_messages.raw
    monkeypatch.setattr(store_messages, "raw", lambda r, which: opened.append(which) or real(r, which))
    whole = b""
    for start in range(0, 260_000, 65_536):
        (line,) = await client.ok(f"FETCH 1 BODY.PEEK[]<{start}.65536>")
        whole += line.split(b"}\r\n", 1)[1].removesuffix(b")")
    assert whole.endswith(b"line 19999\r\n")
    assert len(opened) == 1


async def test_lists_open_no_message(house, monkeypatch):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("ENABLE CONDSTORE")

    def refuse(*_):
        raise AssertionError("a message was opened")

    monkeypatch.setattr(store_messages, "raw", refuse)
    (line,) = await client.ok(
        "FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY PREVIEW EMAILID THREADID SAVEDATE MODSEQ)"
    )
    assert b"ENVELOPE" in line


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("FLAGS", b"* 1 FETCH (FLAGS (\\Seen))"),
        ("UID", b"* 1 FETCH (UID 1)"),
        ("(UID FLAGS)", b"* 1 FETCH (UID 1 FLAGS (\\Seen))"),
        ("(FLAGS UID)", b"* 1 FETCH (UID 1 FLAGS (\\Seen))"),
        ("(MODSEQ)", b"* 1 FETCH (MODSEQ (2))"),
        ("(FLAGS MODSEQ)", b"* 1 FETCH (FLAGS (\\Seen) MODSEQ (2))"),
        ("(MODSEQ UID FLAGS)", b"* 1 FETCH (UID 1 FLAGS (\\Seen) MODSEQ (2))"),
        ("(FLAGS FLAGS)", b"* 1 FETCH (FLAGS (\\Seen))"),
    ],
)
async def test_flags_alone(house, asked, answered):
    house.append(message(), flags=("\\Seen",))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok("ENABLE CONDSTORE")
    assert await client.ok(f"FETCH 1 {asked}") == [answered]


async def test_the_first_command_for_mod_sequences_tells_where_the_mailbox_stands(house):
    house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    assert await client.ok("FETCH 1 MODSEQ") == [b"* 1 FETCH (MODSEQ (2))", b"* OK [HIGHESTMODSEQ 2] Highest"]
    assert await client.ok("FETCH 1 MODSEQ") == [b"* 1 FETCH (MODSEQ (2))"]


async def test_reading_in_examine_marks_nothing(house):
    house.append(message())
    client = await house.signed_in()
    await client.ok("EXAMINE INBOX")
    (line,) = await client.ok("FETCH 1 BODY[]")
    assert b"FLAGS" not in line
    assert await client.ok("SEARCH UNSEEN") == [b"* SEARCH 1"]


async def test_one_parse_for_a_message_with_nul(house):
    house.append(b"Subject: x\r\n\r\na\0b\r\n")
    client = await house.signed_in(mailbox="INBOX")
    assert (await client.ok("FETCH 1 BINARY.PEEK[1]"))[0] == b"* 1 FETCH (BINARY[1] ~{5}\r\na\0b\r\n)"


async def test_no_literal_holds_a_nul(house):
    """RFC 9051 §9, CHAR8: damaged mail is shown without breaking the protocol; BINARY gives it as it is."""
    house.append(b"Subject: x\r\n\r\na\0b\r\n")
    client = await house.signed_in(mailbox="INBOX")
    (line,) = await client.ok("FETCH 1 BODY.PEEK[TEXT]")
    assert line == b"* 1 FETCH (BODY[TEXT] {5}\r\na\x80b\r\n)"


async def test_vanished_needs_qresync(house):
    client = await house.signed_in(mailbox="INBOX")
    assert (await client.ask("UID FETCH 1:* (FLAGS) (CHANGEDSINCE 1 VANISHED)"))[1].startswith(b"BAD")


@pytest.mark.parametrize(
    ("window", "uids"),
    [("1:2", [1, 2]), ("4:9", [4, 5]), ("7:9", []), ("-1:-2", [4, 5]), ("-4:-9", [1, 2]), ("-6:-9", [])],
)
async def test_partial_windows(house, window, uids):
    for _ in range(5):
        house.append(message())
    client = await house.signed_in(mailbox="INBOX")
    found = await client.ok(f"UID FETCH 1:* (UID) (PARTIAL {window})")
    assert found == [b"* %d FETCH (UID %d)" % (uid, uid) for uid in uids]


async def test_t126_one_message_is_not_asked_for_a_hundred_times(house):
    """Sections that overlap would make gigabytes of a message of a few megabytes."""
    house.append(message(body="x" * 80 + "\r\n" + "y" * 3_000_000))
    client = await house.signed_in(mailbox="INBOX")
    overlapping = " ".join(f"BODY.PEEK[]<{n}.100000000>" for n in range(100))
    found, status = await client.ask(f"UID FETCH 1 ({overlapping})")
    assert found == []
    assert status.startswith(b"NO [LIMIT]")
    (line,) = await client.ok("FETCH 1 (BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT] BINARY.PEEK[1])")
    assert len(line) > 9_000_000
    small = " ".join(f"BODY.PEEK[]<{n}.10>" for n in range(100))
    (line,) = await client.ok(f"FETCH 1 ({small})")
    assert line.count(b"{10}") == 100


async def test_t126_large_messages_of_an_account_are_answered_one_after_the_other(house):
    """However many of its clients ask for them at once, and however slowly they read."""
    for number in range(3):
        house.append(message(f"Letter {number}", body="z" * 2_000_000))
    house.append(message("Small"))
    client = await house.signed_in(mailbox="INBOX")
    async with house.services.answers.hold(house.ann, 2**40):  # as somebody who does not read holds it
        client.send(b"x1 FETCH 4:* (UID BODY.PEEK[])\r\n")
        found, status = await client.answer(b"x1")
        assert (len(found), status[:2]) == (1, b"OK"), "small messages do not wait"
        client.send(b"x2 FETCH 1:4 (UID BODY.PEEK[])\r\n")
        while house.services.answers._users[house.ann] < 2:
            await asyncio.sleep(0.01)
        bob = await house.signed_in("bob", mailbox="INBOX")
        await bob.ok("NOOP")
    found, status = await client.answer(b"x2")
    assert [line.split(b" ")[1] for line in found] == [b"1", b"2", b"3", b"4"]
    assert not house.services.answers._open


async def test_t126_the_connections_of_an_account_share_what_is_kept_for_the_next_piece(house, monkeypatch):
    monkeypatch.setattr(house.services.kept, "_octets", 5_000_000)
    house.append(message(body="z" * 3_000_000))
    clients = [await house.signed_in(mailbox="INBOX") for _ in range(3)]
    for client in clients:
        (line,) = await client.ok("FETCH 1 BODY.PEEK[]<0.5>")
        assert b"{5}" in line
    assert sum(house.services.kept._kept.values()) < 5_000_000
    for client in clients:
        await client.ok("LOGOUT")
        await client.gone()
    assert not house.services.kept._kept
