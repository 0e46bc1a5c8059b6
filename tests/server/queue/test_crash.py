"""kill -9 at every step between `submit` and the end of delivery: nothing accepted is lost, at most one duplicate.

security.md section 5, fault 1. The remote server refuses one of two recipients, so a report is under way too.
"""

import asyncio
import multiprocessing
import signal
from pathlib import Path

import pytest

from server.db.database import Database
from server.queue import spool
from tests.fakes import queue_process
from tests.fakes.remote_mx import RemoteMx

BEFORE_ACCEPTANCE = [
    "queue.blob.before_fsync",
    "queue.blob.before_rename",
    "queue.blob.before_folder_fsync",
    "queue.submit.stored",
    "queue.submit.rows",
    "db.before_commit",
    "db.after_commit",
    "queue.submit.committed",
]
AFTER_ACCEPTANCE = [
    "queue.leased",
    "queue.delivered",
    "queue.blob.before_rename:2",
    "queue.settle.begun",
    "queue.settle.rows",
    "queue.settled",
    "queue.leased:2",
    "queue.delivered:2",
    "queue.settle.rows:2",
    "queue.settled:2",
]


@pytest.fixture(scope="module")
def processes():
    """New processes come from a server that has imported everything already; they share nothing with the test."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.fakes.queue_process"])
    return context


async def run(processes, folder: Path, port: int, *, submit: bool, crash: str | None = None) -> tuple[int, list[str]]:
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=queue_process.run, args=(folder, port, submit, crash, theirs))
    process.start()
    theirs.close()
    words = []
    try:
        while True:
            words.append(await asyncio.to_thread(ours.recv))
    except EOFError:
        await asyncio.to_thread(process.join, 60)
    ours.close()
    return process.exitcode, words


def refuse_bad(address: str) -> bytes:
    return b"550 5.1.1 no such user\r\n" if address.startswith("bad") else b"250 2.1.5 ok\r\n"


@pytest.mark.parametrize("crash", [*BEFORE_ACCEPTANCE, *AFTER_ACCEPTANCE])
async def test_killed(processes, tmp_path, crash):
    Database(tmp_path / "directory.db", spool.SCHEMA).read(lambda r: None)
    async with RemoteMx(rcpt=refuse_bad) as mx:
        code, words = await run(processes, tmp_path, mx.port, submit=True, crash=crash)
        assert code == -signal.SIGKILL, "the point was never reached"
        assert ("accepted" in words) == (crash in AFTER_ACCEPTANCE)
        assert await run(processes, tmp_path, mx.port, submit=False) == (0, ["done"])
        copies = sum("TO:<good@remote.test>" in " ".join(rcpts) for _, rcpts, _ in mx.messages)
        reports = sum(octets.count(b"Action: failed") for mail, _, octets in mx.messages if mail.startswith("FROM:<>"))
        least = 1 if "accepted" in words else 0
        assert least <= copies <= 2
        assert least <= reports <= 2
        # Octets without a row (the process died between the two) wait for the sweep; rows without octets cannot be.
        assert len(list((tmp_path / "queue").glob("[0-9a-z][0-9a-z]/*"))) <= 1
