"""Running foreign mail programs: with a folder of their own, as an ordinary user when we are root, never for long."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNPRIVILEGED = "nobody"


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder that an unprivileged program can reach (pytest's are for their owner alone)."""
    with tempfile.TemporaryDirectory(prefix="posthouse-interop-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


async def run(folder: Path, *command: str, seconds: float = 60) -> str:
    """Run a program to its end and return what it said; fails when it fails."""
    code, output = await outcome(folder, *command, seconds=seconds)
    assert code == 0, f"{command[0]} ended with {code}: {output}"
    return output


async def outcome(folder: Path, *command: str, seconds: float = 60, said: bytes | None = None) -> tuple[int, str]:
    """Run a program to its end and return its exit code and what it said; `said` is its standard input."""
    identity = {}
    if os.geteuid() == 0:
        identity = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, UNPRIVILEGED)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL if said is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "FETCHMAILHOME": str(folder), "LC_ALL": "C.UTF-8"},
        **identity,
    )
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate(said)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return process.returncode, output.decode("utf-8", "replace")
