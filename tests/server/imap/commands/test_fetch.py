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
    assert await client.ok(f"FETCH 1 {asked}") == [answered]


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
