"""BDAT (RFC 3030)."""


async def test_chunks(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    # Dots are not doubled, the line ends may be cut in two, commands may follow at once.
    await peer.send(b"BDAT 5\r\n.a\r\n\rBDAT 3\r\n\n.\rBDAT 5 LAST\r\n\nb.\r\nNOOP\r\n")
    assert [(await peer.reply())[:9] for _ in range(4)] == ["250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.0.0"]
    assert house.pipeline.delivered[0].raw == b".a\r\n\r\n.\r\nb.\r\n"


async def test_an_empty_last_chunk_ends_the_message(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 4\r\nab\r\nBDAT 0 LAST\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["250", "250"]
    assert house.pipeline.delivered[0].raw == b"ab\r\n"


async def test_chunks_are_checked_too(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 3\r\na\nbBDAT 2 LAST\r\n\r\nNOOP\r\n")
    assert [(await peer.reply())[:9] for _ in range(3)] == ["550 5.6.0", "550 5.6.0", "250 2.0.0"]
    assert not house.pipeline.delivered


async def test_a_chunk_out_of_turn_is_read_and_refused(house, connect):
    peer = await connect()
    await peer.hello()
    await peer.send(b"BDAT 14 LAST\r\nQUIT\r\n0123456\rNOOP\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["503", "250"]
    await peer.transaction("x@far.test")
    await peer.send(b"BDAT 3\r\nabcNOOP\r\n")
    assert [(await peer.reply())[:3] for _ in range(2)] == ["554", "250"]


async def test_bdat_and_data_do_not_mix(connect):
    peer = await connect()
    await peer.hello()
    await peer.transaction("x@far.test", "anna@ours.test")
    await peer.send(b"BDAT 2\r\n\r\n")
    assert (await peer.reply()).startswith("250")
    assert (await peer.say("DATA")).startswith("503")
    assert (await peer.say("RCPT TO:<ben@ours.test>")).startswith("503")


async def test_a_chunk_of_unknown_size_ends_the_connection(connect):
    peer = await connect()
    await peer.hello()
    assert (await peer.say("BDAT many LAST")).startswith("501")
    assert (await peer.reply()).startswith("421")
    assert await peer.at_end()
