"""Which foreign programs the tests can drive here, and what is left out where one is missing.

In CI nothing may be missing. On a newcomer's machine the tests of a missing program are left out, with a line that says so.
"""

import os
import shutil
import sys

WANTED = {
    "browser": ("chromium",),
    "interop": (
        *("curl", "dovecot", "fetchmail", "getmail", "mailutil", "mbsync", "mutt", "neomutt"),
        *("offlineimap", "openssl", "postfix", "s-nail"),
    ),
    "desktop": ("thunderbird", "Xvfb", "xdotool", "import"),
}


def missing() -> dict[str, list[str]]:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/lib/postfix/sbin"
    found = {mark: [p for p in programs if shutil.which(p, path=path) is None] for mark, programs in WANTED.items()}
    return {mark: programs for mark, programs in found.items() if programs}


def main() -> int:
    lacking = missing()
    if "--deselect" in sys.argv:
        if lacking:
            print("-m", "not(" + "or".join(f"({mark})" for mark in lacking) + ")")
        return 0
    for mark, programs in lacking.items():
        print(f"Left out: tests marked {mark}, for want of {', '.join(programs)} (tests/debian-packages.txt)")
    return 1 if lacking and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
