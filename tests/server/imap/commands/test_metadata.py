"""Annotations over real sockets; the dialogue itself is tests/transcripts/imap/metadata.txt."""

from itertools import product

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.imap import handler
from server.store import annotations
from tests.fakes.imap_house import House


def literal8(value):
    return b"~{%d+}\r\n" % len(value) + value


async def test_the_examples_of_rfc_5464(house):
    client = await house.signed_in()
    await client.ok(b"SETMETADATA INBOX (/private/comment {33+}\r\nMy new comment across\r\ntwo lines.)")
    assert await client.ok('GETMETADATA "INBOX" /private/comment') == [
        b'* METADATA "INBOX" (/private/comment {33}\r\nMy new comment across\r\ntwo lines.)'
    ]
    await client.ok('SETMETADATA INBOX (/private/comment "My new comment" /shared/comment "This one is for you!")')
    assert await client.ok('GETMETADATA "INBOX" (/shared/comment /private/comment)') == [
        b'* METADATA "INBOX" (/shared/comment "This one is for you!" /private/comment "My new comment")'
    ]
    await client.ok("SETMETADATA INBOX (/private/comment NIL)")
    assert await client.ok("GETMETADATA INBOX /private/comment") == [b'* METADATA "INBOX" (/private/comment NIL)']
    await client.ok(
        b"SETMETADATA INBOX (/shared/comment " + literal8(b"x" * 2199) + b' /private/comment "My own comment")'
    )
    for form in ('(MAXSIZE 1024) "INBOX" ', '"INBOX" (MAXSIZE 1024) '):
        lines, status = await client.ask(f"GETMETADATA {form}(/shared/comment /private/comment)")
        assert lines == [b'* METADATA "INBOX" (/private/comment "My own comment")']
        assert status.startswith(b"OK [METADATA LONGENTRIES 2199]")
    await client.ok(
        'SETMETADATA INBOX (/private/filters/values/small "SMALLER 5000" /private/filters/values/boss "FROM \\"boss@example.com\\"")'
    )
    (line,) = await client.ok('GETMETADATA "INBOX" (DEPTH 1) (/private/filters/values)')
    assert line == (
        b'* METADATA "INBOX" (/private/filters/values/boss "FROM \\"boss@example.com\\""'
        b' /private/filters/values/small "SMALLER 5000")'
    )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")))
)
async def test_any_octets_come_back(tmp_path_factory, value):
    house = await House(tmp_path_factory.mktemp("house")).start()
    try:
        for enabled in (False, True):
            client = await house.signed_in()
            if enabled:
                await client.ok("ENABLE IMAP4rev2")
            await client.ok(b"SETMETADATA INBOX (/private/vendor/test/v " + literal8(value) + b")")
            (line,) = await client.ok("GETMETADATA INBOX /private/vendor/test/v")
            head = b'* METADATA "INBOX" (/private/vendor/test/v '
            assert line.startswith(head)
            said = line.removeprefix(head).removesuffix(b")")
            if said.startswith(b'"'):
                assert said[1:-1].replace(b'\\"', b'"').replace(b"\\\\", b"\\") == value
                assert enabled or value.isascii()
                value.decode("utf-8")
            else:
                assert said == (b"~" if b"\0" in value else b"") + b"{%d}\r\n" % len(value) + value
    finally:
        await house.stop()


async def test_too_large_is_told_with_the_limit(house):
    client = await house.signed_in()
    limit = annotations.VALUE_SIZE
    await client.ok(b"SETMETADATA INBOX (/private/v/a/b " + literal8(b"x" * limit) + b")")
    code = b"NO [METADATA MAXSIZE %d]" % limit
    for size in (limit + 1, house.settings.limits.command_size + 1, 10**9):
        announced = b"SETMETADATA INBOX (/private/c NIL /private/v/a/b ~{%d}" % size
        client.send(b"x " + announced + b"\r\n")
        line = await client.line()
        if line.startswith(b"+"):
            client.send(b"x" * size + b")\r\n")
            line = await client.line()
        assert line.startswith(b"x " + code)
    client.send(b"y SETMETADATA INBOX (/private/v/a/b {70000+}\r\n" + b"x" * 70_000 + b")\r\n")
    assert (await client.line()).startswith(b"y " + code)
    await client.ok("NOOP")


async def test_too_many_are_told(house, monkeypatch):
    monkeypatch.setattr(annotations, "ENTRIES", 2)
    client = await house.signed_in()
    await client.ok("SETMETADATA INBOX (/private/a x /private/b x)".replace(" x", ' "x"'))
    _, status = await client.ask('SETMETADATA INBOX (/private/a "changed" /private/c "x")')
    assert status.startswith(b"NO [METADATA TOOMANY]")
    assert await client.ok("GETMETADATA INBOX /private/a") == [b'* METADATA "INBOX" (/private/a "x")']


SPELLINGS = ["/" + "".join(letters) for letters in product(*[(letter, letter.upper()) for letter in "shared"])]


async def test_a_value_is_told_once_however_often_it_is_asked_for(house):
    """Else 100 spellings of one name, or of those it stands below, make 300 MB out of 3."""
    client = await house.signed_in()
    for number in range(10):
        await client.ok(
            b"SETMETADATA INBOX (/shared/v/a/b/c%d " % number + literal8(b"x" * annotations.VALUE_SIZE) + b")"
        )
    nested = ["/Shared/v", "/sHared/v/a", "/shAred/v/a/b", "/shared/v/a/b/C0"]
    (line,) = await client.ok("GETMETADATA (DEPTH infinity) INBOX (" + " ".join(SPELLINGS + nested) + ")")
    assert line.count(b"x" * annotations.VALUE_SIZE) == 10
    assert line.startswith(b'* METADATA "INBOX" (/shared/v/a/b/c0 {')
    spelt = " ".join(name + "/v/a/b/c1" for name in SPELLINGS)
    lines = await client.ok(f'LIST "" INBOX RETURN (METADATA ({spelt}))')
    assert sum(line.count(b"x" * annotations.VALUE_SIZE) for line in lines) == 1
    assert await client.ok("GETMETADATA INBOX (/shared/v/q /SHARED/V/Q)") == [b'* METADATA "INBOX" (/shared/v/q NIL)']


async def test_large_answers_wait_for_those_that_nobody_takes(house):
    client = await house.signed_in()
    await client.ok('SETMETADATA INBOX (/shared/comment "x")')
    async with house.services.answers.hold(house.ann, handler.ANSWERS):
        asked = [
            (await house.signed_in(), b"GETMETADATA INBOX /shared/comment"),
            (await house.signed_in(), b'LIST "" * RETURN (METADATA (/shared/comment))'),
        ]
        for other, command in asked:
            other.send(b"a " + command + b"\r\n")
        while len(house.services.answers._open[house.ann]._waiting) < len(asked):
            await client.ok("NOOP")
        await client.ok('LIST "" *')
    for other, _ in asked:
        lines, status = await other.answer(b"a")
        assert b'* METADATA "INBOX" (/shared/comment "x")' in lines
        assert status.startswith(b"OK")


async def test_nobody_sees_those_of_another(house):
    ann, bob = await house.signed_in(), await house.signed_in("bob")
    for client, words in ((ann, "Ann"), (bob, "Bob")):
        await client.ok(f'SETMETADATA INBOX (/shared/comment "{words}")')
        await client.ok(f'SETMETADATA "" (/private/comment "{words}")')
    assert await ann.ok("GETMETADATA INBOX /shared/comment") == [b'* METADATA "INBOX" (/shared/comment "Ann")']
    assert await ann.ok('GETMETADATA "" /private/comment') == [b'* METADATA "" (/private/comment "Ann")']


PLANS = '"Other Users/ann@example.org/Plans"'


async def test_a_guest_reads_and_sets_what_is_shared(house):
    """RFC 5464 §3.3: with the "l" right and any one of "r", "s", "w", "i", "p"."""
    house.share("Plans", "lr")
    ann, bob = await house.signed_in(), await house.signed_in("bob")
    await ann.ok('SETMETADATA Plans (/shared/comment "for all" /private/comment "for Ann")')
    head = f"* METADATA {PLANS} ".encode()
    assert await bob.ok(f"GETMETADATA {PLANS} (/shared/comment /private/comment)") == [
        head + b'(/shared/comment "for all" /private/comment NIL)'
    ]
    assert await bob.ok(f"GETMETADATA {PLANS} (DEPTH infinity) (/private /shared)") == [
        head + b'(/private NIL /shared/comment "for all")'
    ]
    _, status = await bob.ask(f'SETMETADATA {PLANS} (/shared/comment "mine" /private/comment "mine")')
    assert status.startswith(b"NO [METADATA NOPRIVATE]")
    await bob.ok(f'SETMETADATA {PLANS} (/shared/comment "from Bob")')
    assert await ann.ok("GETMETADATA Plans (/shared/comment /private/comment)") == [
        b'* METADATA "Plans" (/shared/comment "from Bob" /private/comment "for Ann")'
    ]


async def test_list_tells_a_guest_what_is_shared(house):
    house.share("Plans", "lr")
    house.share("Seen", "l")
    ann, bob = await house.signed_in(), await house.signed_in("bob")
    for name in ("Plans", "Seen"):
        await ann.ok(f'SETMETADATA {name} (/shared/comment "for all" /private/comment "for Ann")')
    lines = await bob.ok('LIST "" "Other Users/*" RETURN (METADATA (/shared/comment /private/comment))')
    assert [line for line in lines if line.startswith(b"* METADATA")] == [
        f'* METADATA {PLANS} (/shared/comment "for all" /private/comment NIL)'.encode()
    ]


async def test_a_guest_without_the_rights_gets_nothing(house):
    house.share("Plans", "lk")
    house.share("Hidden", "r")
    bob = await house.signed_in("bob")
    for name, code in (
        ("Plans", b"NO [NOPERM]"),
        ("Hidden", b"NO [NONEXISTENT]"),
        ("Nowhere", b"NO [NONEXISTENT]"),
        ("INBOX", b"NO [NONEXISTENT]"),
    ):
        for command in (
            f'GETMETADATA "Other Users/ann@example.org/{name}" /shared/comment',
            f'SETMETADATA "Other Users/ann@example.org/{name}" (/shared/comment "x")',
        ):
            assert (await bob.ask(command))[1].startswith(code), (name, command)
