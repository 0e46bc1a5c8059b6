import platform
import subprocess
import sys

from server.db import heap

GLIBC = platform.libc_ver()[0] == "glibc"
GROW_AND_FREE = """
from server.db import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

kept = heap.few_arenas()
blocks = [bytes([n % 256]) * 100_000 for n in range(500)]
wall = b"x" * 100_000
full = resident()
del blocks
heap.give_back()
print(kept, full - resident() > 40_000_000)
"""


def test_freed_memory_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", GROW_AND_FREE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"] or not GLIBC


def test_a_library_without_these_functions_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap, "_library", lambda: None)
    assert not heap.few_arenas()
    assert not heap.give_back()
