"""Messages put together on the server; the dialogue itself is tests/transcripts/imap/catenate.txt."""

import pytest

from tests.fakes.imap_house import House, message

MIXED = (
    b"From: a@example.org\r\nSubject: Parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\nSome words.\r\n--b\r\nContent-Type: application/zip\r\n\r\nZIPZIP\r\n--b--\r\n"
)


def literal(raw):
    return b"{%d+}\r\n" % len(raw) + raw


def parts(*several):
    return b"CATENATE (" + b" ".join(several) + b")"


def url(text):
    return b'URL "' + text.encode() + b'"'


def text(raw):
    return b"TEXT " + literal(raw)


async def whole(client, number):
    (line,) = await client.ok(f"FETCH {number} BODY.PEEK[]")
    _, _, rest = line.partition(b"}\r\n")
    return rest.removesuffix(b")")


async def test_an_attachment_is_kept_and_the_text_is_new(house):
    """RFC 4469, appendix A, example 2."""
    uid = house.append(MIXED, "Drafts")
    client = await house.signed_in(mailbox="Drafts")
    head = MIXED.partition(b"--b")[0].replace(b"Parts", b"Better")
    new = parts(
        text(head + b"--b\r\nContent-Type: text/plain\r\n\r\nNew words.\r\n--b\r\n"),
        url(f"/Drafts/;UID={uid}/;Section=2.MIME"),
        url(f"/Drafts/;UID={uid}/;Section=2"),
        text(b"\r\n--b--\r\n"),
    )
    await client.ok(b"APPEND Drafts (\\Seen \\Draft) " + new)
    assert await whole(client, 2) == MIXED.replace(b"Parts", b"Better").replace(b"Some", b"New")
    await client.ok(b"UID REPLACE 1 Drafts " + parts(url("/Drafts/;UID=1"), text(b"Epilogue\r\n")))
    assert await whole(client, 2) == MIXED + b"Epilogue\r\n"
    assert await client.ok("UID SEARCH UNSEEN") == [b"* SEARCH 3"], "nothing is marked as seen, nothing inherited"


async def test_several_at_once_all_or_none(house):
    uid = house.append(message("one"))
    client = await house.signed_in(mailbox="INBOX")
    await client.ok(
        b"APPEND Sent "
        + parts(url(f";UID={uid}"))
        + b" (\\Seen) "
        + literal(message("two"))
        + b" "
        + parts(url(f"/INBOX/;UID={uid}/;SECTION=HEADER"))
    )
    await client.ok("SELECT Sent")
    assert [await whole(client, n) for n in (1, 2)] == [message("one"), message("two")]
    assert await whole(client, 3) == message("one").partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    _, status = await client.ask(b"APPEND Sent " + literal(message("x")) + b" " + parts(url("/INBOX/;UID=99")))
    assert status.startswith(b"NO [BADURL /INBOX/;UID=99]")
    assert await client.ok("STATUS Sent (MESSAGES)") == [b'* STATUS "Sent" (MESSAGES 3)']


@pytest.mark.parametrize(
    "bad",
    [
        "/INBOX/;UID=2", "/Nowhere/;UID=1", "/INBOX;UIDVALIDITY=1/;UID=1", "/INBOX/;UID=1/;SECTION=7", "/INBOX/;UID=1/;SECTION=1.1", ";UID=1",
        "imap://bob@example.org/INBOX/;UID=1", "/Other%20Users/ann@example.org/Plans/;UID=1", "/INBOX/;UID=1/;SECTION=FOO",
    ],
)  # fmt: skip
async def test_a_url_that_leads_nowhere(house, bad):
    house.share("Plans", "lrswi")
    house.append(message(), "Plans")
    house.append(message(), name="bob")
    client = await house.signed_in("bob")
    _, status = await client.ask(b"APPEND INBOX " + parts(text(b"x"), url(bad), url("/also/;UID=1")))
    assert status == f"NO [BADURL {bad}] There is no such message or part".encode()
    assert await client.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 1)']


async def test_a_url_is_told_back_without_what_ends_a_code(house):
    client = await house.signed_in()
    _, status = await client.ask(b"APPEND INBOX " + parts(b"URL " + literal(b"/a] OK\r\nb NO [\xff")))
    assert status == b"NO [BADURL /a%5D%20OK%0D%0Ab%20NO%20%5B%FF] There is no such message or part"


async def test_nothing_put_together_is_nothing(house):
    client = await house.signed_in()
    assert (await client.ask(b"APPEND INBOX " + parts(text(b""))))[1] == b"NO Cancelled"


async def test_the_limits_of_append_hold_for_the_sum(tmp_path):
    house = await House(tmp_path, message_size_limit=300_000).start()
    try:
        house.append(message(body="x" * 140_000))
        client = await house.signed_in(mailbox="INBOX")
        one = url(";UID=1")
        await client.ok(b"APPEND INBOX " + parts(one, one))
        for several in (parts(one, one, one), parts(text(b"y" * 290_000), one)):
            assert (await client.ask(b"APPEND INBOX " + several))[1].startswith(b"NO [TOOBIG]")
        twice = parts(one, one)
        assert (await client.ask(b"APPEND INBOX " + b" ".join([twice] * 3)))[1].startswith(b"NO [TOOBIG]")
        assert (await client.ask(b"REPLACE 1 INBOX " + parts(one, one, one)))[1].startswith(b"NO [TOOBIG]")
        assert (await client.ask(b"APPEND INBOX CATENATE (TEXT {300001}"))[1].startswith(b"NO [TOOBIG]")
        assert await client.ok("STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 2)']
    finally:
        await house.stop()


async def test_little_pieces_of_much_are_refused(tmp_path):
    """Each piece costs the unpacking of its message."""
    house = await House(tmp_path, message_size_limit=300_000).start()
    try:
        for number in range(2):
            house.append(message(f"{number}", body="x" * 250_000))
        client = await house.signed_in(mailbox="INBOX")
        pieces = [url(f";UID={1 + n % 2}/;PARTIAL=0.1") for n in range(400)]
        assert (await client.ask(b"APPEND INBOX " + parts(*pieces)))[1].startswith(b"NO [LIMIT]")
        same = [url(";UID=1/;PARTIAL=0.1") for _ in range(400)]
        await client.ok(b"APPEND INBOX " + parts(*same))
    finally:
        await house.stop()


@pytest.mark.parametrize("section", ["TEXT", "HEADER.FIELDS%20(SUBJECT)", "1"])
async def test_the_same_large_piece_many_times_is_refused(tmp_path, section):
    """Of a message of 50 MB, each of 500 would be a tenth of a second and more on a thread that others read with."""
    house = await House(tmp_path, message_size_limit=300_000).start()
    try:
        house.append(message(body="x" * 250_000))
        client = await house.signed_in(mailbox="INBOX")
        piece = url(f";UID=1/;SECTION={section}/;PARTIAL=0.1")
        await client.ok(b"APPEND INBOX " + parts(*[piece] * 10))
        assert (await client.ask(b"APPEND INBOX " + parts(*[piece] * 400)))[1].startswith(b"NO [LIMIT]")
    finally:
        await house.stop()


async def test_large_messages_take_the_turn_of_uploads(house):
    house.append(message(body="x" * 1_100_000))
    each = house.services.uploads._each
    stalled = [await house.signed_in() for _ in range(each)]
    for other in stalled:
        other.send(b"a APPEND INBOX {2000000+}\r\n")
    client = await house.signed_in(mailbox="INBOX")
    while house.services.uploads._busy[house.ann] < each:
        await client.ok("NOOP")
    await client.ok(b"APPEND INBOX " + parts(text(message())))
    client.send(b"b APPEND INBOX " + parts(url(";UID=1")) + b"\r\n")
    while not house.services.uploads._waiting:
        await (await house.signed_in()).ok("NOOP")
    stalled[0].hang_up()
    assert (await client.answer(b"b"))[1].startswith(b"OK")
    for other in stalled[1:]:
        other.hang_up()
    while house.services.uploads._busy:
        await client.ok("NOOP")


async def test_a_large_literal_and_a_large_part_are_one_turn(house):
    house.append(message(body="x" * 1_100_000))
    clients = [await house.signed_in(mailbox="INBOX") for _ in range(house.services.uploads._each)]
    large = message(body="y" * 1_500_000)
    for client in clients:
        client.send(b"a APPEND Sent CATENATE (" + text(large)[:-1])
    watch = await house.signed_in()
    while house.services.uploads._busy[house.ann] < len(clients):
        await watch.ok("NOOP")
    for client in clients:
        client.send(b"\n URL ;UID=1)\r\n")
    for client in clients:
        assert (await client.answer(b"a"))[1].startswith(b"OK")
    assert not house.services.uploads._busy
