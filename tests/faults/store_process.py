"""A process that stores mail until it is killed at a named point, and says what it was told was safe.

Reads cases as lines of JSON from standard input, forks a child for each (so that importing is paid once), and answers with
how the child ended. What the child was promised is in its ledger file, one line each, written after the promise.
"""

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path

from server.clock import SystemClock
from server.config import Settings
from server.db import crashpoint
from server.db.database import Reader
from server.notify.bus import SilentBus
from server.store import append, collect, copy, expunge, flags, index, mailboxes, popped
from server.store.append import Prepared
from server.store.store import Store
from tests.fakes.documents import letter_with, pdf
from tests.fakes.mail_account import letter

LETTERS = 12
WITH_DOCUMENT = 7
ACCOUNT = 1


def prepared(number: int) -> Prepared:
    """Every third is large enough to lie beside the database; one carries a document that is read afterwards."""
    raw = letter(f"letter {number}", f"text of number {number}", message_id=f"{number}@x")
    if number == WITH_DOCUMENT:
        raw = letter_with(("application/pdf", "x.pdf", pdf("words of the document")))
    return append.prepare(raw, object_size=10 if number % 3 == 0 else append.OBJECT_SIZE)


class Ledger:
    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def promise(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


async def deliver(store: Store, ledger: Ledger, number: int) -> None:
    message = await store.run(lambda: prepared(number))
    done = await store.write(ACCOUNT, lambda w: append.append(w, 1, message, envelope_id=f"e{number}"))
    ledger.promise("delivered", number, done.uid)


async def life(data: Path, ledger: Ledger) -> None:
    store = Store(Settings(data), SilentBus(), SystemClock())
    trash = (await store.read(ACCOUNT, lambda r: mailboxes.by_name(r, "Trash"))).id
    await deliver(store, ledger, 0)
    # All at once, so that they share commits.
    await asyncio.gather(*(deliver(store, ledger, n) for n in range(1, LETTERS)))
    uids = await store.read(
        ACCOUNT, lambda r: {row[0]: row[1] for row in r.raw("SELECT uid, content_id FROM placement")}
    )
    first = min(uids)
    await store.write(ACCOUNT, lambda w: copy.move(w, 1, [first, first + 1], trash))
    ledger.promise("moved")
    await store.write(ACCOUNT, lambda w: flags.store_flags(w, trash, [1], "add", ["\\Deleted"]))
    await store.write(ACCOUNT, lambda w: expunge.expunge(w, trash))
    ledger.promise("expunged")
    await store.write(ACCOUNT, lambda w: popped.remember(w, 1, [first + 2], 100))
    await store.write(ACCOUNT, lambda w: popped.clear(w, 100, since=0, now=200))
    ledger.promise("expired")
    while await store.read(ACCOUNT, lambda r: index.first_unindexed(r) or collect.has_garbage(r) or waits(r)):
        await asyncio.sleep(0.02)
    ledger.promise("tidy")
    store.close()


def waits(r: Reader) -> bool:
    return r.raw("SELECT 1 FROM unread").fetchone() is not None


def child(case: dict[str, str]) -> None:
    crashpoint.arm(case["crash"])
    try:
        asyncio.run(life(Path(case["data"]), Ledger(Path(case["ledger"]))))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
