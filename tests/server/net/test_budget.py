import asyncio

import pytest

from server.net.budget import Budget, Budgets, Share, Turns


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


async def test_everybody_spends_their_own():
    budgets = Budgets(10)
    async with budgets.hold(1, 10):
        waiting = asyncio.create_task(budgets.hold(1, 1).__aenter__())
        async with budgets.hold(2, 10):
            await asyncio.sleep(0)
            assert not waiting.done()
    await waiting
    assert budgets._users == {1: 1}
    assert list(budgets._open) == [1], "whoever is gone is forgotten"


async def test_turns_are_taken_in_order_and_one_does_not_wait_for_another():
    turns = Turns(2)
    await turns.enter(1)
    await turns.enter(1)
    waiting = [asyncio.create_task(turns.enter(1)) for _ in range(3)]
    await turns.enter(2)
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    waiting[0].cancel()
    await asyncio.gather(waiting[0], return_exceptions=True)
    turns.leave(1)
    await waiting[1]
    await asyncio.sleep(0)
    assert not waiting[2].done()
    turns.leave(1)
    await waiting[2]
    for key in (1, 1, 2):
        turns.leave(key)
    assert not turns._busy
    assert not turns._waiting


async def test_a_turn_that_comes_too_late_goes_on():
    turns = Turns(1)
    await turns.enter(1)
    late, next_one = (asyncio.create_task(turns.enter(1)) for _ in range(2))
    await asyncio.sleep(0)
    turns.leave(1)
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    await next_one
    turns.leave(1)
    assert not turns._busy


def test_a_share_is_given_or_not():
    share = Share(10)
    assert share.take(1, 6)
    assert not share.take(1, 5)
    assert share.take(2, 10)
    share.give(1, 6)
    assert share.take(1, 10)
