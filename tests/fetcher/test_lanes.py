import asyncio
from datetime import UTC, datetime

import pytest

from fetcher.deliver import Letter, Outcome, Receipt
from fetcher.errors import FetchError
from fetcher.lanes import Job, Lanes

DONE = Receipt(Outcome.DELIVERED)


class Deliverer:
    """Delivers when the gate is open; knows how many are at it at once."""

    def __init__(self, house):
        self.house = house

    async def deliver(self, letter):
        self.house.busy += 1
        self.house.most = max(self.house.most, self.house.busy)
        await self.house.gate.wait()
        self.house.busy -= 1
        self.house.delivered.append(letter.envelope_id)
        answer = self.house.answers.get(letter.envelope_id, DONE)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self):
        self.house.closed += 1


class House:
    def __init__(self, count, *, budget=100, may_go_on=lambda: None):
        self.gate, self.delivered, self.answers, self.settled = asyncio.Event(), [], {}, []
        self.busy = self.most = self.closed = 0
        self.lanes = Lanes(lambda: Deliverer(self), count, may_go_on, budget=budget)

    def job(self, name, size=1):
        async def prepare():
            if name.startswith("none"):
                return None
            return Letter("a@b.example", "INBOX", name, datetime(2026, 1, 1, tzinfo=UTC), "", b"x" * size)

        return Job(size, prepare, lambda letter, receipt: self.settled.append((letter.envelope_id, receipt.outcome)))


async def test_one_lane_keeps_the_order():
    house = House(1)
    house.gate.set()
    for n in range(50):
        await house.lanes.put(house.job(str(n)))
    await house.lanes.finish()
    await house.lanes.close()
    assert house.delivered == [str(n) for n in range(50)]
    assert (house.most, house.closed) == (1, 1)


async def test_several_lanes_work_at_once():
    house = House(3)
    for n in range(6):
        await house.lanes.put(house.job(str(n)))
    await asyncio.sleep(0.01)
    house.gate.set()
    await house.lanes.finish()
    await house.lanes.close()
    assert (house.most, house.closed, len(house.settled)) == (3, 3, 6)


async def test_octets_that_wait_are_bounded():
    house = House(1, budget=100)
    await house.lanes.put(house.job("a", 60))
    putting = asyncio.create_task(house.lanes.put(house.job("b", 60)))
    await asyncio.sleep(0.01)
    assert not putting.done()
    house.gate.set()
    await putting
    # One that is bigger than the whole budget still passes, alone.
    await house.lanes.put(house.job("c", 1000))
    await house.lanes.finish()
    assert house.delivered == ["a", "b", "c"]
    await house.lanes.close()


async def test_a_failure_stops_the_rest_and_is_raised():
    house = House(1)
    house.answers["b"] = FetchError("delivery-unavailable")
    for name in "abcd":
        await house.lanes.put(house.job(name))
    house.gate.set()
    with pytest.raises(FetchError):
        await house.lanes.finish()
    assert house.delivered == ["a", "b"]
    with pytest.raises(FetchError):
        await house.lanes.put(house.job("e"))
    await house.lanes.close()


async def test_a_failure_frees_whoever_waits_for_room():
    house = House(1, budget=10)
    house.answers["a"] = FetchError("delivery-unavailable")
    await house.lanes.put(house.job("a", 10))
    putting = asyncio.create_task(house.lanes.put(house.job("b", 10)))
    await asyncio.sleep(0.01)
    house.gate.set()
    with pytest.raises(FetchError):
        await putting
    await house.lanes.close()


async def test_a_full_mailbox_stops_at_once_other_deferrals_after_three():
    full = House(1)
    full.gate.set()
    full.answers["a"] = Receipt(Outcome.DEFERRED, "over-quota")
    for name in "ab":
        await full.lanes.put(full.job(name))
    with pytest.raises(FetchError) as caught:
        await full.lanes.finish()
    assert caught.value.code == "over-quota" and full.delivered == ["a"]
    slow = House(1)
    slow.gate.set()
    slow.answers = {n: Receipt(Outcome.DEFERRED, "delivery-deferred") for n in "abdefg"}
    for name in "abcdefg":
        await slow.lanes.put(slow.job(name))
    with pytest.raises(FetchError):
        await slow.lanes.finish()
    assert slow.delivered == list("abcdef") and slow.lanes.deferred_code == "delivery-deferred"
    await full.lanes.close()
    await slow.lanes.close()


async def test_what_needs_no_delivery_is_passed_over_and_a_stop_is_heard():
    stop = []

    def may_go_on():
        if stop:
            raise FetchError("gone")

    house = House(1, may_go_on=may_go_on)
    house.gate.set()
    await house.lanes.put(house.job("none"))
    await house.lanes.finish()
    assert house.delivered == []
    stop.append(True)
    await house.lanes.put(house.job("a"))
    with pytest.raises(FetchError):
        await house.lanes.finish()
    assert house.delivered == []
    await house.lanes.close()
