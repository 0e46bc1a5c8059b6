import asyncio
import socket
import threading
from pathlib import Path

import pytest

from server.notify.bus import LocalBus, SilentBus, poke_once, publish_once

PATIENCE = 5


class Ear:
    """Counts wakes and lets a test wait for the next one."""

    def __init__(self) -> None:
        self.heard = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.heard += 1
        self._event.set()

    async def wake(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._event.wait()
        self._event.clear()


@pytest.fixture
async def buses(tmp_path: Path):
    loop = asyncio.get_running_loop()
    made = [LocalBus(tmp_path / "run", loop) for _ in range(2)]
    yield made
    for bus in made:
        bus.close()


async def test_wakes_here_and_in_the_other_process(buses):
    here, there, other = Ear(), Ear(), Ear()
    buses[0].subscribe(7, here)
    buses[1].subscribe(7, there)
    buses[1].subscribe(8, other)
    buses[0].publish(7, 100)
    await here.wake()
    await there.wake()
    assert (here.heard, there.heard, other.heard) == (1, 1, 0)


async def test_from_a_thread(buses):
    ear = Ear()
    buses[0].subscribe(7, ear)
    thread = threading.Thread(target=buses[0].publish, args=(7, 1))
    thread.start()
    await ear.wake()
    thread.join()


async def test_many_changes_are_few_wakes(buses):
    ear = Ear()
    buses[0].subscribe(7, ear)
    for n in range(1000):
        buses[0].publish(7, n)
    await ear.wake()
    assert ear.heard == 1


async def test_no_account_is_lost_in_a_flood_to_another_process(buses):
    ears = {n: Ear() for n in range(300)}
    for n, ear in ears.items():
        buses[1].subscribe(n, ear)
    for n in ears:
        buses[0].publish(n, 1)
    for ear in ears.values():
        await ear.wake()


async def test_topics(buses):
    queue, sources = Ear(), Ear()
    buses[1].subscribe_topic("queue", queue)
    buses[1].subscribe_topic("sources", sources)
    buses[0].publish_topic("queue")
    await queue.wake()
    assert sources.heard == 0


async def test_a_command_without_a_loop_is_heard(buses, tmp_path: Path):
    account, topic = Ear(), Ear()
    buses[0].subscribe(7, account)
    buses[0].subscribe_topic("queue", topic)
    await asyncio.to_thread(publish_once, tmp_path / "run", 7, 3)
    await account.wake()
    await asyncio.to_thread(poke_once, tmp_path / "run", "queue")
    await topic.wake()


async def test_closed_subscriptions_hear_nothing(buses):
    gone, kept = Ear(), Ear()
    subscription = buses[0].subscribe(7, gone)
    buses[0].subscribe(7, kept)
    subscription.close()
    subscription.close()
    buses[0].publish(7, 1)
    await kept.wake()
    assert gone.heard == 0


async def test_a_wake_that_fails_does_not_stop_the_others(buses):
    ear = Ear()
    buses[0].subscribe(7, lambda: 1 / 0)
    buses[0].subscribe(7, ear)
    buses[0].publish(7, 1)
    await ear.wake()


async def test_strange_datagrams_are_passed_over(buses, tmp_path: Path):
    ear = Ear()
    buses[0].subscribe(7, ear)
    target = next(path for path in (tmp_path / "run" / "bus").iterdir() if path.name == buses[0]._name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for datagram in (b"", b"a", b"a x y", b"a 7", b"t \xff", b"z 1 2", b"a 7 1"):
            sender.sendto(datagram, str(target))
    await ear.wake()


async def test_sockets_of_dead_processes_are_removed(buses, tmp_path: Path):
    folder = tmp_path / "run" / "bus"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(folder / "1-0.sock"))
    ear = Ear()
    buses[1].subscribe(7, ear)
    buses[0].publish(7, 1)
    await ear.wake()
    assert not (folder / "1-0.sock").exists()


async def test_a_deep_folder(tmp_path: Path):
    run = tmp_path / ("deep" * 20) / ("deeper" * 20)
    bus = LocalBus(run, asyncio.get_running_loop())
    ear = Ear()
    bus.subscribe(7, ear)
    await asyncio.to_thread(publish_once, run, 7, 1)
    await ear.wake()
    bus.close()
    assert list((run / "bus").iterdir()) == []


def test_publishing_after_the_loop_is_gone_harms_nobody(tmp_path: Path):
    loop = asyncio.new_event_loop()
    bus = LocalBus(tmp_path, loop)
    loop.close()
    bus.publish(7, 1)
    bus.close()


def test_nobody_there(tmp_path: Path):
    publish_once(tmp_path / "run", 7, 1)
    bus = SilentBus()
    bus.publish(1, 1)
    bus.publish_topic("queue")
    bus.subscribe(1, lambda: None).close()
    bus.subscribe_topic("queue", lambda: None).close()
