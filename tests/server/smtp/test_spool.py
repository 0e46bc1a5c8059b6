import asyncio

from hypothesis import given
from hypothesis import strategies as st

from server.smtp.spool import Spool


async def fill(spool, blocks):
    for block in blocks:
        spool.write(block)
        if spool.heavy:
            await spool.settle()
    return await spool.read()


@given(st.lists(st.binary(max_size=30)))
def test_what_goes_in_comes_out(tmp_path_factory, blocks):
    spool = Spool(tmp_path_factory.getbasetemp() / "incoming", small=20)
    assert asyncio.run(fill(spool, blocks)) == b"".join(blocks)
    assert spool.size == sum(map(len, blocks))
    assert spool.large == (spool.size > 20)
    spool.close()


async def test_little_stays_in_memory(tmp_path):
    spool = Spool(tmp_path / "incoming", small=100)
    await fill(spool, [b"x" * 100])
    assert not (tmp_path / "incoming").exists()
    spool.write(b"y")
    assert spool.heavy
    await spool.settle()
    assert spool._pieces == []
    assert list((tmp_path / "incoming").iterdir()) == []  # the file has no name
    spool.close()
    spool.close()
