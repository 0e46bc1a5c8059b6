import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.smtp.spool import Budget, Spool


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


async def test_the_budget_is_kept_and_served_in_order():
    budget = Budget(10)
    order, gates = [], [asyncio.Event() for _ in range(4)]

    async def use(number, octets):
        async with budget.hold(octets):
            order.append(number)
            await gates[number].wait()

    tasks = []
    for number, octets in enumerate((6, 6, 4, 100)):
        tasks.append(asyncio.create_task(use(number, octets)))
        await asyncio.sleep(0)
    # The third would fit beside the first, but the second came before it.
    assert order == [0]
    gates[0].set()
    await asyncio.sleep(0.01)
    assert order == [0, 1, 2]
    gates[1].set()
    await asyncio.sleep(0.01)
    assert order == [0, 1, 2]
    gates[2].set()
    gates[3].set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]
    async with budget.hold(10):
        pass


async def test_who_gives_up_waiting_takes_nothing():
    budget = Budget(10)
    async with budget.hold(10):
        waiting = [asyncio.create_task(budget.hold(n).__aenter__()) for n in (10, 5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]
    await waiting[1]
    assert budget._used == 5
