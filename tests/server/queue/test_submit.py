"""What is accepted is on disk; what cannot be sent is not accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.db.errors import DatabaseError
from server.queue import submit as submitting
from server.queue.model import AddressRefused
from tests.fakes.post_room import RAW, Wish


async def test_stored_before_it_returns(post):
    name = await post.submit(recipients=("bob@remote.test", "Eve@Other.Test", "bob@remote.test"))
    assert post.queue.blobs.get(name) == RAW
    entries = await post.entries()
    assert [(e.queue_id, e.recipient) for e in entries] == [(name, "bob@remote.test"), (name, "Eve@Other.Test")]
    assert entries[0].size == len(RAW)
    assert post.pokes == ["queue"]


@pytest.mark.parametrize(
    "address",
    ["", "bob", "bob@", "@remote.test", "bob@remote.test\r\nRCPT TO:<eve@x.test>", "bob@remote.test\n", "a b@remote.test",
     "bob@remote.test> SIZE=1", "<bob@remote.test>", "Bob <bob@remote.test>", "bob@remote.test,eve@remote.test",
     "bob@remote test", "bob\0@remote.test", '"a\r\nb"@remote.test', "bob@remote.test\u2028", "bob@-remote.test", "b" * 400 + "@x.test"],
)  # fmt: skip
async def test_addresses_that_are_not_one_address(post, address):
    with pytest.raises(AddressRefused):
        await post.submit(recipients=(address,))
    if address:
        with pytest.raises(AddressRefused):
            await post.submit(reverse_path=address)
    assert post.blobs() == []
    assert await post.entries() == []


async def test_no_recipient(post):
    with pytest.raises(AddressRefused):
        await post.submit(recipients=())


async def test_null_reverse_path_is_taken(post):
    await post.submit(reverse_path="")
    assert (await post.entries())[0].sender == ""


async def test_the_same_key_is_one_submission(post):
    first = await post.submit(key="draft-7")
    assert await post.submit(key="draft-7") == first
    assert await post.submit(key="draft-8") != first
    assert len(await post.entries()) == 2
    assert len(post.blobs()) == 2


async def test_two_at_once_with_one_key(post):
    import asyncio

    found = await asyncio.gather(*(post.submit(key="draft-7") for _ in range(5)))
    assert len(set(found)) == 1
    assert post.blobs() == [found[0]]


async def test_key_is_remembered_after_delivery(post):
    first = await post.submit(key="draft-7")
    await post.worker().run_once()
    assert await post.submit(key="draft-7") == first
    assert await post.entries() == []


async def test_key_is_forgotten_in_the_end(post):
    first = await post.submit(key="draft-7")
    post.clock.advance(8 * 24 * 3600)
    await post.submit(key="other")
    assert await post.submit(key="draft-7") != first


async def test_database_failure_is_told(post):
    class Broken:
        async def async_read(self, fn):
            raise DatabaseError

        async_write = async_read

    post.queue.database = Broken()
    with pytest.raises(DatabaseError):
        await post.submit()
    assert post.pokes == []


async def test_wishes_are_kept(post):
    options = {"bob@remote.test": Wish(frozenset({"FAILURE", "DELAY"}), "rfc822;bob@old.test")}
    await post.submit(envelope_id="env+2B", ret="HDRS", options=options)
    await post.worker().run_once()
    job = post.remote.jobs[0]
    assert (job.message.envelope_id, job.message.ret) == ("env+2B", "HDRS")
    assert job.recipients[0].notify == {"FAILURE", "DELAY"}
    assert job.recipients[0].original == "rfc822;bob@old.test"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n"),
        (b"a\nb", b"a\r\nb\r\n"),
        (b"a\rb\r\n", b"a b\r\n"),
        (b"a\r\r\nb", b"a \r\nb\r\n"),
        (b"Subject: a\rBcc: eve@x.test\r\n\r\n", b"Subject: a Bcc: eve@x.test\r\n\r\n"),
        (b"", b"\r\n"),
        (b"x\n.\nMAIL FROM:<eve@x.test>\n", b"x\r\n.\r\nMAIL FROM:<eve@x.test>\r\n"),
    ],
)
def test_line_ends(raw, kept):
    assert submitting.crlf(raw) == kept


@given(st.binary(max_size=60))
def test_no_bare_cr_or_lf_is_kept(raw):
    kept = submitting.crlf(raw)
    assert kept.count(b"\r\n") == kept.count(b"\r") == kept.count(b"\n")
    assert submitting.crlf(kept) is kept
