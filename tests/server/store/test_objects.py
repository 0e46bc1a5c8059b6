import hashlib
import os
from pathlib import Path

import pytest

from server.store import objects
from server.store.errors import NoSuchMessage

DATA = b"octets"
DIGEST = hashlib.sha256(DATA).digest()


def test_there_and_back(tmp_path: Path):
    objects.put(tmp_path, DIGEST, DATA)
    assert objects.get(tmp_path, DIGEST) == DATA
    assert [path.name for path in objects.stored(tmp_path)] == [DIGEST.hex() + ".zst"]


def test_stored_again_it_is_young_again(tmp_path: Path):
    objects.put(tmp_path, DIGEST, DATA)
    path = objects.path_of(tmp_path, DIGEST)
    os.utime(path, (1, 1))
    objects.put(tmp_path, DIGEST, b"not looked at")
    assert path.stat().st_mtime > 1
    assert objects.get(tmp_path, DIGEST) == DATA


def test_removed(tmp_path: Path):
    objects.remove(tmp_path, DIGEST)
    objects.put(tmp_path, DIGEST, DATA)
    objects.remove(tmp_path, DIGEST)
    with pytest.raises(NoSuchMessage):
        objects.get(tmp_path, DIGEST)
    assert list(objects.stored(tmp_path)) == []
    assert list(objects.stored(tmp_path / "none")) == []


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_a_failure_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str):
    def fail(*_args: object) -> None:
        raise OSError(28, "no room")

    objects._make_folder(objects.path_of(tmp_path, DIGEST).parent)
    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "rename")), fail)
    with pytest.raises(OSError, match="no room"):
        objects.put(tmp_path, DIGEST, DATA)
    assert list(objects.stored(tmp_path)) == []
