"""What a process does that submits one message, or none, and carries the queue on until it is empty.

`run` is the target of a process. It says `accepted` by its pipe once the message is taken, `done` when the queue is empty,
and dies where it is told.
"""

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

from server.clock import SystemClock
from server.config import Settings
from server.db.crashpoint import arm
from server.db.database import Database
from server.queue import admin, spool
from server.queue.remote import RemoteTransport
from server.queue.submit import Queue
from server.queue.transport import Transports
from server.queue.worker import Worker
from tests.fakes.post_room import RAW, FakeEnvelope, FakeTransport
from tests.fakes.resolver import FakeResolver


async def hosts(domain: str) -> bool:
    return False


def run(folder: Path, port: int, submit: bool, crash: str | None, say: Connection) -> None:
    arm(crash)
    asyncio.run(_main(folder, port, submit, say))


async def _main(folder: Path, port: int, submit: bool, say: Connection) -> None:
    route = f"127.0.0.1:{port}"
    settings = Settings(data=folder, routes={"remote.test": route, "example.org": route})
    database = Database(settings.directory_db, spool.SCHEMA)
    queue = Queue(database, settings.queue_dir, SystemClock())
    if submit:
        envelope = FakeEnvelope(recipients=("good@remote.test", "bad@remote.test"))
        await queue.submit(envelope, RAW, sender_account=1)
        say.send("accepted")
    transports = Transports(FakeTransport(), hosts, RemoteTransport(settings, FakeResolver(), "mail.example.org"))
    worker = Worker(queue, transports, FakeResolver(), queue.clock, settings, hostname="mail.example.org")
    running = asyncio.create_task(worker.run())
    while await admin.Admin(queue).entries():
        await asyncio.sleep(0.02)
    worker.stop()
    await running
    database.close()
    say.send("done")
