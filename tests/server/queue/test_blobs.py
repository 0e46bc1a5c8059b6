"""Octets on disk: whole or absent, under our own names only."""

import os
from pathlib import Path

import pytest

from server.queue.blobs import ORPHAN_AGE, Blobs, new_id

NAME = new_id(1_700_000_000_000)


def test_round_trip(tmp_path):
    blobs = Blobs(tmp_path / "queue")
    blobs.put(NAME, b"octets\r\n")
    assert blobs.get(NAME) == b"octets\r\n"
    assert list(blobs.names()) == [NAME]
    blobs.remove(NAME)
    blobs.remove(NAME)
    assert list(blobs.names()) == []
    with pytest.raises(FileNotFoundError):
        blobs.get(NAME)


def test_order_of_the_calls_that_make_it_durable(tmp_path, monkeypatch):
    calls = []
    real_sync, real_rename = os.fsync, os.rename

    def sync(descriptor):
        calls.append(("fsync", Path(f"/proc/self/fd/{descriptor}").is_dir()))
        real_sync(descriptor)

    def rename(source, target, **more):
        calls.append(("rename", Path(target).name))
        real_rename(source, target, **more)

    blobs = Blobs(tmp_path / "queue")
    blobs.put(NAME, b"first: makes the folders")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", rename)
    other = NAME[:-3] + "a" + NAME[-2:]
    blobs.put(other, b"x")
    assert calls == [("fsync", False), ("rename", other), ("fsync", True)]


def test_a_failing_disk_leaves_nothing(tmp_path, monkeypatch):
    blobs = Blobs(tmp_path / "queue")

    def broken(descriptor):
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="input/output"):
        blobs.put(NAME, b"x")
    assert [p for p in (tmp_path / "queue").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "a/b", "A" * 22, "x" * 10, NAME + "/x", NAME + "\n"],
    ids=["empty", "climbs", "folder", "capitals", "short", "below", "line"],  # NAME is another one in each process
)
def test_names_from_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="queue id"):
        Blobs(tmp_path).get(name)


def test_orphans_go_after_a_day(tmp_path):
    blobs = Blobs(tmp_path / "queue")
    kept, orphan = new_id(1_700_000_000_000), new_id(1_700_000_000_001)
    for name in (kept, orphan):
        blobs.put(name, b"x")
    unfinished = next((tmp_path / "queue").glob("*/" + orphan)).with_name("." + orphan + ".tmp")
    unfinished.write_bytes(b"half")
    now = unfinished.stat().st_mtime
    assert blobs.remove_orphans({kept}, now=now + ORPHAN_AGE - 60) == []
    assert set(blobs.remove_orphans({kept}, now=now + ORPHAN_AGE + 60)) == {orphan, unfinished.name}
    assert list(blobs.names()) == [kept]


def test_ids_sort_by_time_and_differ():
    ids = [new_id(ms) for ms in (0, 1, 35, 36, 1_700_000_000_000, 1_700_000_000_001)]
    assert ids == sorted(ids)
    assert len({new_id(5) for _ in range(100)}) == 100
