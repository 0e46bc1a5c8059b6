"""Our own server for the workloads: a throwaway installation as `app.py serve` starts it, with users u1..u50@bench.test."""

import pathlib
import signal
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from server.accounts import account  # noqa: E402 - the path comes first
from server.accounts.directory import open_database, set_hostname  # noqa: E402
from tests.installation import Installation  # noqa: E402

DOMAIN = "bench.test"
USERS = 50
PASSWORD = "bench password"
WRITE_STEP = 10
"""Accounts made in one transaction: a password hash takes 20 ms."""


def address(number):
    return f"u{number}@{DOMAIN}"


class House(Installation):
    """An installation, and the times of its starts."""

    def __init__(self, folder):
        super().__init__(pathlib.Path(folder) / "data")

    def cold_start(self):
        """Starts it; (seconds to `ready`, seconds until the sign-in or set-up page was in hand)."""
        begin = time.perf_counter()
        self.start()
        ready = time.perf_counter() - begin
        with urllib.request.urlopen(f"{self.url}/mail/sign-in", timeout=60) as page:
            page.read()
        return ready, time.perf_counter() - begin

    def fill(self):
        """Makes the users, those that are there already excepted."""
        database = open_database(self.settings.directory_db)
        known = {one.address for one in database.read(account.all_accounts)}
        wanted = [address(number) for number in range(1, USERS + 1) if address(number) not in known]
        try:
            database.write(lambda w: (account.add_domain(w, DOMAIN), set_hostname(w, f"mail.{DOMAIN}")))
            for start in range(0, len(wanted), WRITE_STEP):
                some = wanted[start : start + WRITE_STEP]
                database.write(lambda w, some=some: [account.add_account(w, one, PASSWORD) for one in some])
        finally:
            database.close()

    def target(self):
        """The options of the workloads, as compare.py has them for every server."""
        return {
            "smtp-port": self.ports.smtp,
            "imap-port": self.ports.imap,
            "pop3-port": self.ports.pop3,
            "web-url": self.url,
            "web-profile": "profiles/ours.json",
            "user": f"u%d@{DOMAIN}",
            "password": PASSWORD,
            "domain": DOMAIN,
            "server-pid": [str(self.process.pid)],
        }

    def end(self):
        """Stops it as Ctrl-C does; kills what does not stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.__exit__()
