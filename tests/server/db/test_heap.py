import platform
import subprocess
import sys

from server.db import heap

GLIBC = platform.libc_ver()[0] == "glibc"
GROW_AND_FREE = """
from server.db import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

kept = heap.be_modest()
blocks = [bytes([n % 256]) * 100_000 for n in range(500)]
wall = b"x" * 100_000
full = resident()
del blocks
heap.give_back()
print(kept, full - resident() > 40_000_000)
"""

HASH_PASSWORDS = """
from concurrent.futures import ThreadPoolExecutor
from server.accounts import password
from server.db import heap

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

heap.be_modest()
before = resident()
with ThreadPoolExecutor(2) as pool:
    assert all(pool.map(lambda _: password.make("long enough"), range(6)))
print(resident() - before < 15_000_000)
"""


def test_freed_memory_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", GROW_AND_FREE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"] or not GLIBC


def test_what_a_password_was_checked_in_is_not_kept():
    done = subprocess.run([sys.executable, "-c", HASH_PASSWORDS], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True" or not GLIBC


def test_a_library_without_these_functions_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap, "_library", lambda: None)
    assert not heap.be_modest()
    assert not heap.give_back()


KEEP_LOADED = """
import gc
from server.db import heap

before = gc.get_threshold()
heap.keep_loaded(threshold=12_345)
print(gc.get_freeze_count() > 1_000, gc.get_threshold() == (12_345, *before[1:]), gc.isenabled())
"""


def test_what_is_loaded_is_not_looked_through_again():
    done = subprocess.run([sys.executable, "-c", KEEP_LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
