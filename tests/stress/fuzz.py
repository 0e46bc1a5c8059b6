"""Whole connections with damaged dialogues: the server answers or hangs up, has nothing to log as an error, and serves others on.

`python -m tests.stress.fuzz --seconds 60 --seed 7`, or `make fuzz`.
"""

import argparse
import asyncio
import itertools
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs

from server import log
from tests.fakes import imap_house, pop3_house, smtp_house
from tests.fakes.clock import FakeClock
from tests.fakes.smtp_peer import Peer
from tests.stress.mutation import Mutator

PATIENCE = 30.0
ATTACKS_A_HOUSE = 40
BUGS = (b"SERVERBUG", b"Internal error", b"451 4.3.0")


class Broken(AssertionError):
    """What was sent, and what came of it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A running server; `neighbour` raises when a client that does nothing wrong is not served."""

    port: int
    clock: FakeClock
    neighbour: Callable[[], Awaitable[None]]


@asynccontextmanager
async def imap(folder: Path) -> AsyncIterator[Target]:
    house = await imap_house.House(folder).start()
    try:
        for number in range(3):
            house.append(imap_house.message(f"Letter {number}"))
        bob = await house.signed_in("bob", "INBOX")

        async def ask() -> None:
            await bob.ok("NOOP")

        yield Target(house.port, house.clock, ask)
    finally:
        await house.stop()


@asynccontextmanager
async def pop3(folder: Path) -> AsyncIterator[Target]:
    async with pop3_house.open_house(folder) as house:
        await house.fill(*(pop3_house.message(number) for number in range(3)))
        bert = await house.connect()
        await bert.sign_in(name=pop3_house.BERT.address)

        async def ask() -> None:
            if not (await bert.say("NOOP")).startswith("+OK"):
                raise Broken("the neighbour is not served")

        yield Target(house.listener.port, house.clock, ask)


@asynccontextmanager
async def smtp(folder: Path) -> AsyncIterator[Target]:
    house = smtp_house.House(folder)
    await house.start()
    peer = await Peer.connect(house.ports["submission"])
    try:

        async def ask() -> None:
            if not (await peer.say("NOOP")).startswith("250"):
                raise Broken("the neighbour is not served")

        yield Target(house.ports["smtp"], house.clock, ask)
    finally:
        await peer.close()
        await house.stop()


TARGETS: dict[str, Callable[[Path], AbstractAsyncContextManager[Target]]] = {"imap": imap, "pop3": pop3, "smtp": smtp}


async def attack(target: Target, octets: bytes) -> bytes:
    """Send all of it and nothing more; returns what was answered until the server hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    answer = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(octets)
            writer.write_eof()
            while piece := await reader.read(65_536):
                answer += piece
    except TimeoutError:
        raise Broken(f"no end after {bytes(answer[-300:])!r}") from None
    except ConnectionError:
        pass
    finally:
        writer.close()
    return bytes(answer)


async def some(protocol: str, folder: Path, mutator: Mutator, count: int) -> None:
    """Attack one house; raises Broken at the first thing that is wrong."""
    with capture_logs() as logged:
        async with TARGETS[protocol](folder) as target:
            for _ in range(count):
                octets = mutator.draw()
                try:
                    answer = await attack(target, octets)
                    await target.neighbour()
                except (AssertionError, EOFError, TimeoutError) as error:
                    raise Broken(f"{protocol}: {error!r} after {octets!r}") from error
                if bad := [entry for entry in logged if entry["log_level"] in {"error", "critical"}]:
                    raise Broken(f"{protocol}: logged {bad} after {octets!r}")
                if any(bug in answer for bug in BUGS):
                    raise Broken(f"{protocol}: {answer[-500:]!r} after {octets!r}")
                logged.clear()
                target.clock.advance(3600)  # a wrong password is forgiven, so that the next may sign in


async def for_seconds(seconds: float, seed: int) -> None:
    end = time.monotonic() + seconds
    count = 0
    for round_, protocol in zip(itertools.count(), itertools.cycle(TARGETS), strict=False):
        with tempfile.TemporaryDirectory() as folder:
            await some(protocol, Path(folder), Mutator(protocol, seed + round_), ATTACKS_A_HOUSE)
        count += ATTACKS_A_HOUSE
        if time.monotonic() > end:
            print(f"seed {seed}: {count} connections")
            return


def main() -> None:
    parser = argparse.ArgumentParser(description="Damaged dialogues at IMAP, POP3 and SMTP")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    log.configure(level="warning")
    try:
        asyncio.run(for_seconds(options.seconds, options.seed))
    except Broken as broken:
        print(f"seed {options.seed}: {broken}")
        sys.exit(1)


if __name__ == "__main__":
    main()
