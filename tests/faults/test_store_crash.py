"""kill -9 at every named point of the store (security.md section 5, fault 1): nothing promised is lost, nothing is doubled."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.clock import SystemClock
from server.config import Settings
from server.notify.bus import SilentBus
from server.store import append, messages
from server.store.prepare import decompress
from server.store.store import Store
from server.store.verify import verify
from tests.faults.store_process import ACCOUNT, LETTERS, prepared

POINTS = {
    "schema.before_commit": (1,),
    "db.before_commit": (1, 2, 3, 4, 5, 6),
    "db.after_commit": (1, 2, 3, 4, 5, 6),
    "object.before_write": (1, 3),
    "object.before_fsync": (1, 3),
    "object.before_rename": (1, 3),
    "object.before_folder_fsync": (1, 3),
    "object.stored": (1, 3),
    "append.content": (1, 7),
    "append.rows": (1, 7),
    "move.copied": (1, 2),
    "popped.cleared": (1,),
    "expunge.rows": (1, 2, 3),
    "index.entries": (1,),
    "documents.claimed": (1,),
    "index.replaced": (1,),
    "documents.stored": (1,),
    "collect.object_removed": (1,),
}
CASES = [f"{name}:{hit}" for name, hits in POINTS.items() for hit in hits]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def process() -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.store_process"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with started:
        yield started
        started.stdin.close()


def live(process: subprocess.Popen[str], folder: Path, crash: str) -> tuple[int, list[list[str]]]:
    """Let a child live on the folder; return how it ended and what it was promised."""
    ledger = folder / "ledger"
    case = {"data": str(folder / "data"), "ledger": str(ledger), "crash": crash}
    process.stdin.write(json.dumps(case) + "\n")
    process.stdin.flush()
    code = int(process.stdout.readline())
    return code, [line.split() for line in ledger.read_text().splitlines()]


def stored(store: Store) -> Counter[bytes]:
    """Every message of the account by its octets, in whatever mailbox."""

    def fn(r) -> Counter[bytes]:
        rows = r.raw("SELECT mailbox_id, content_id FROM placement").fetchall()
        return Counter(messages.raw(r, content) for _, content in rows)

    return store.read_now(ACCOUNT, fn)


@pytest.mark.parametrize("crash", CASES)
def test_killed(process: subprocess.Popen[str], tmp_path: Path, crash: str):
    code, promises = live(process, tmp_path, crash)
    assert code == -signal.SIGKILL
    store = Store(Settings(tmp_path / "data"), SilentBus(), SystemClock())
    raws = {n: _octets(n) for n in range(LETTERS)}
    there = stored(store)
    expunged = ["expunged"] in promises
    delivered = {int(words[1]) for words in promises if words[0] == "delivered"}
    # Every promise is kept: what was delivered is there, once, but for the one that was expunged.
    missing = {n for n in delivered if not there[raws[n]]}
    assert len(missing) <= (1 if len(delivered) == LETTERS else 0)
    assert not (expunged and not missing)
    assert max(there.values(), default=1) == 1
    assert not [finding for finding in verify(store.path(ACCOUNT)) if finding.kind != "orphan"]
    # The sender tries again, as it was not told: still everything once.
    for n in range(LETTERS):
        message = prepared(n)
        store.write_now(ACCOUNT, lambda w, m=message, n=n: append.append(w, 1, m, envelope_id=f"e{n}"))
    there = stored(store)
    assert {raws[n] for n in range(LETTERS)} - set(there) == {raws[n] for n in missing}
    assert set(there.values()) == {1}
    store.close()
    assert all(finding.repaired for finding in verify(store.path(ACCOUNT), now=2**33, repair=True))
    assert verify(store.path(ACCOUNT), now=2**33) == []


def _octets(number: int) -> bytes:
    message = prepared(number)
    return decompress(message.data, message.size)


def test_a_life_without_a_crash(process: subprocess.Popen[str], tmp_path: Path):
    code, promises = live(process, tmp_path, "")
    assert code == 0
    assert promises[-3:] == [["expunged"], ["expired"], ["tidy"]]
    path = Store(Settings(tmp_path / "data"), SilentBus(), SystemClock()).path(ACCOUNT)
    assert verify(path) == []
