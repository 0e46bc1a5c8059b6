import os
import signal
import subprocess
import sys

import pytest

PROGRAM = "from server.db.crashpoint import reach\nfor n in range(3):\n    reach('here')\n    print(n, flush=True)\n    reach('there')\n"


@pytest.mark.parametrize(
    ("target", "printed", "killed"),
    [
        ("", 3, False),
        ("elsewhere", 3, False),
        ("here", 0, True),
        ("there", 1, True),
        ("here:3", 2, True),
        ("here:4", 3, False),
    ],
)
def test_kills_at_the_named_visit(target: str, printed: int, killed: bool):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "POSTHOUSE_CRASH": target}, capture_output=True, check=False
    )
    assert len(done.stdout.splitlines()) == printed
    assert done.returncode == (-signal.SIGKILL if killed else 0)
