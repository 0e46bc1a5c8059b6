"""Runs fetches in processes that may be killed at any step; driven by lines of JSON on standard input.

Everything is imported once, then each run is a fork: hundreds of kills cost seconds. A step is whatever can be seen from
outside or survives: octets written to or read from a socket, and both sides of every commit.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from fetcher import account, now
from fetcher.connection import Environment, Times
from fetcher.deliver import LmtpDeliverer, LmtpTimes
from fetcher.run import Kit
from fetcher.wire import Wire
from server import log
from server.clock import SystemClock
from server.config import Settings
from server.db.database import Database
from server.runtime.door import open_door


class Steps:
    """Counts steps, and ends the process for good at the chosen one."""

    def __init__(self, kill_at):
        self.count, self.kill_at = 0, kill_at

    def reach(self):
        self.count += 1
        if self.count == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


class LaterClock(SystemClock):
    """Later by so much that the lease of a killed run is over."""

    def __init__(self, seconds):
        self._later = timedelta(seconds=seconds)

    def now(self):
        return super().now() + self._later


def watch(steps):
    """Make every step count."""
    write, read, commit = Wire.write, Wire.read, Database._commit

    def counted_write(self, data):
        steps.reach()
        write(self, data)
        steps.reach()

    async def counted_read(self):
        data = await read(self)
        steps.reach()
        return data

    def counted_commit(self, link):
        steps.reach()
        commit(self, link)
        steps.reach()

    Wire.write, Wire.read, Database._commit = counted_write, counted_read, counted_commit


async def fetch(order, steps):
    settings = Settings(data=Path(order["data"]))
    clock = LaterClock(order["later"])
    if order.get("lmtp"):
        return await collect(settings, clock, order["lmtp"], order["account"], steps)
    async with open_door(settings) as port:
        return await collect(settings, clock, port, order["account"], steps)


async def collect(settings, clock, port, account_id, steps):
    database = Database(settings.directory_db, account.SCHEMA)
    times = LmtpTimes(5, 5, 5)
    kit = Kit(
        settings,
        database,
        clock,
        lambda: LmtpDeliverer("127.0.0.1", port, times=times),
        Environment(Times(reply=5)),
        chance=lambda: 0.5,
    )
    watch(steps)
    reports = await now.fetch_all(kit, account_id, patience=0)
    done = steps.count
    database.close()
    return {"steps": done, "delivered": reports[0].delivered, "error": str(reports[0].error or "")}


def main():
    log.configure(level="error")
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            answer = asyncio.run(fetch(order, Steps(order.get("kill_at"))))
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"killed": killed, "answer": json.loads(answer) if answer else None}), flush=True)


if __name__ == "__main__":
    main()
