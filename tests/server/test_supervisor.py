import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOOK = (
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
    "from server.supervisor import allow_many_files;"
    "print(allow_many_files(2_000), *resource.getrlimit(resource.RLIMIT_NOFILE))"
)


@pytest.mark.parametrize(
    ("soft", "hard", "told"),
    [(256, 4_096, "2000 2000 4096"), (256, 1_000, "1000 1000 1000"), (3_000, 4_096, "3000 3000 4096")],
)
def test_as_many_files_as_are_permitted(soft, hard, told):
    """A process that is started with the usual few would be full long before its own bounds on connections."""
    code = LOOK.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told
