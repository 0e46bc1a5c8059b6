"""A run: some clients do at random what clients do, several times over, and every time they rest everything is compared.

`python -m tests.stress.run --seconds 600 --clients 6 --seed 7`, or `make stress`. The seed decides what every client does; in which
order the server takes it, the kernel and the loop decide too, so the dialogue of a failure is printed whole.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from server import log
from tests.stress.actor import Actor
from tests.stress.connection import Gone
from tests.stress.dialogue import Dialogue, Violation
from tests.stress.generator import Generator, letter
from tests.stress.ledger import Ledger
from tests.stress.servers import OneProcess, Servers, TwoProcesses
from tests.stress.stillness import compare

START = 12
"""Messages in INBOX before anybody comes."""


class Run:
    """Raises Violation with seed and dialogue at the first thing that is wrong."""

    def __init__(self, servers: Servers, *, seed: int, clients: int) -> None:
        self.seed = seed
        self.commands = 0
        self._servers = servers
        self._dialogue, self._ledger = Dialogue(), Ledger()
        self._dice = random.Random(f"{seed}.run")
        self._post = Generator("post", self._ledger, random.Random(f"{seed}.post"))
        self._actors = [
            Actor(name, servers.ports, servers.user, self._dialogue, self._ledger, random.Random(f"{seed}.{name}"))
            for name in (f"c{n}" for n in range(1, clients + 1))
        ]

    async def go(self, *, rounds: int, steps: int, until: Callable[[], bool] = lambda: False) -> None:
        try:
            await self._prepare()
            for _ in range(rounds):
                await self._round(steps)
                if until():
                    break
        except (Violation, Gone, ValueError, AssertionError) as error:
            raise Violation(f"seed {self.seed}: {error!r}\n{self._dialogue.text()}") from error
        finally:
            for actor in self._actors:
                await actor.leave()

    async def _prepare(self) -> None:
        first = self._actors[0]
        await first.connect()
        for box in (b"Work", b"Archive"):
            await first.create(box)
        for _ in range(START):
            await self._deliver()
        for actor in self._actors[1:]:
            await actor.connect()
        for actor in self._actors:
            await actor.open("INBOX")

    async def _round(self, steps: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for actor in self._actors:
                    group.create_task(self._work(actor, steps))
                group.create_task(self._deliveries(steps // 5))
        except* Violation as violations:
            raise violations.exceptions[0] from None
        self.commands += steps * len(self._actors)
        for actor in self._actors:
            if actor.view is None:
                await actor.open()
        await compare(self._servers, self._actors, self._ledger, self._dice)

    async def _work(self, actor: Actor, steps: int) -> None:
        for _ in range(steps):
            await actor.step()
        if actor.view is not None and self._dice.random() < 0.4:
            await actor.begin_idle()

    async def _deliveries(self, count: int) -> None:
        for _ in range(count):
            await self._deliver()

    async def _deliver(self) -> None:
        token = self._post.token()
        self._dialogue.note("post", "->", token.encode())
        if await self._servers.deliver(letter(token)):
            self._ledger.accepted.add(token)
            self._dialogue.note("post", "ok", token.encode())


async def one(servers: Servers, *, seed: int, clients: int, rounds: int, steps: int) -> int:
    """Run once; returns how many steps were taken."""
    async with servers:
        run = Run(servers, seed=seed, clients=clients)
        await run.go(rounds=rounds, steps=steps)
        return run.commands


async def for_seconds(seconds: float, *, seed: int, clients: int) -> None:
    """One seed after the other, by turns in one process and in two."""
    end = time.monotonic() + seconds
    total = 0
    while time.monotonic() < end:
        with tempfile.TemporaryDirectory() as folder:
            servers = TwoProcesses(Path(folder)) if seed % 2 else OneProcess(Path(folder))
            async with servers:
                run = Run(servers, seed=seed, clients=clients)
                await run.go(rounds=20, steps=40, until=lambda: time.monotonic() > end)
            if isinstance(servers, TwoProcesses) and (said := servers.complaints()):
                raise Violation(f"seed {seed}: the servers complain\n{said}")
        total += run.commands
        print(f"seed {seed}: {run.commands} steps, {total} in all", flush=True)
        seed += 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Many clients at one account, for some time")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    log.configure(level="warning")
    try:
        asyncio.run(for_seconds(options.seconds, seed=options.seed, clients=options.clients))
    except Violation as violation:
        print(violation)
        sys.exit(1)


if __name__ == "__main__":
    main()
