from tests.fakes.imap_house import message

LARGE = message("Large", body="z" * 2_000_000)


async def settled(client, house, condition):
    """Ask until it is so; a test that waits for ever is ended by its time limit."""
    while not condition():
        await client.ok("NOOP")


async def test_t113_an_account_uploads_a_few_large_messages_at_a_time(house):
    """A client may announce fifty megabytes and never end; what it sends is in memory until it does."""
    each = house.services.uploads._each
    half = b"a1 APPEND INBOX {%d+}\r\n" % len(LARGE) + LARGE[:-1]
    stalled = [await house.signed_in() for _ in range(each)]
    for client in stalled:
        client.send(half)
    ann = await house.signed_in()
    await settled(ann, house, lambda: house.services.uploads._busy[house.ann] == each)
    late = await house.signed_in()
    late.send(b"a1 APPEND INBOX {%d}\r\n" % len(LARGE))
    await settled(ann, house, lambda: house.services.uploads._waiting)
    (await ann.ok(b"APPEND INBOX {%d+}\r\n" % len(message()) + message()))
    bob = await house.signed_in("bob")
    await bob.ok(b"APPEND INBOX {%d+}\r\n" % len(LARGE) + LARGE)
    stalled[0].hang_up()
    assert await late.line() == b"+ Ready"
    late.send(LARGE + b"\r\n")
    _, status = await late.answer(b"a1")
    assert status.startswith(b"OK [APPENDUID")
    stalled[1].send(LARGE[-1:] + b"\r\n")
    _, status = await stalled[1].answer(b"a1")
    assert status.startswith(b"OK [APPENDUID")
    for client in stalled[2:]:
        client.hang_up()
    await settled(ann, house, lambda: not house.services.uploads._busy)


async def test_several_large_messages_of_one_command_are_one_upload(house):
    client = await house.signed_in()
    literal = b"{%d+}\r\n" % len(LARGE) + LARGE
    await client.ok(b"APPEND INBOX " + literal + b" " + literal)
    assert not house.services.uploads._busy
    _, status = await client.ask(b"APPEND Nowhere " + literal)
    assert status.startswith(b"NO [TRYCREATE]")
    assert not house.services.uploads._busy
