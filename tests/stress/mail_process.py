"""A mail role in a process of its own: `python -m tests.stress.mail_process DATA PORT_OFFSET`."""

import sys
from pathlib import Path

from server import log
from server.config import Settings
from server.runtime.mail import run_mail


def main() -> None:
    data, offset = sys.argv[1:]
    log.configure(level="warning")
    run_mail(Settings(data=Path(data), port_offset=int(offset)))


if __name__ == "__main__":
    main()
