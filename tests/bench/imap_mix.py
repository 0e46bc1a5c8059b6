"""Many IMAP clients at once doing a weighted mix of commands for a fixed time."""

import collections
import random
import sys
import threading
import time

from common import ImapClient, ImapError, Stopwatch, percentile, report, server_parser, settle
from corpus import Corpus

WEIGHTS = {
    "select": 8,
    "fetch_headers": 20,
    "fetch_body": 20,
    "store": 16,
    "search": 5,
    "append": 8,
    "copy": 4,
    "move": 3,
    "expunge": 3,
    "idle": 5,
    "status": 5,
    "noop": 3,
}
TARGET = "Bench"  # COPY and MOVE go here
KEEP = 150  # an INBOX is filled up to this before the run and not expunged below half of it


class MixClient(threading.Thread):
    """One connection; keeps its UIDs up to date and times every command."""

    def __init__(self, arguments, corpus, index):
        super().__init__()
        self.random = random.Random(f"mix {index}")
        self.corpus = corpus
        self.imap = ImapClient.logged_in(arguments, index % arguments.users + 1)
        self.can_move = b"MOVE" in self.imap.capabilities()
        self.latencies = collections.defaultdict(list)
        self.errors = collections.Counter()
        self.uids = []
        self.refresh()

    def refresh(self):
        self.imap.command("SELECT INBOX")
        found = b" ".join(self.imap.command("UID SEARCH UNDELETED")).split()
        self.uids = [int(word) for word in found if word.isdigit()]

    def run_until(self, deadline):
        self.deadline = deadline
        self.start()

    def run(self):
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        while time.monotonic() < self.deadline:
            name = self.random.choices(names, weights)[0]
            if len(self.uids) < KEEP // 2 and name in ("move", "expunge", "store"):
                name = "append"
            begin = time.perf_counter()
            try:
                getattr(self, name)()
                self.latencies[name].append(time.perf_counter() - begin)
            except ImapError:
                self.errors[name] += 1
            except OSError:
                self.errors["connection"] += 1
                return
            if name in ("select", "move", "expunge", "append"):
                try:
                    self.refresh()
                except (ImapError, OSError):
                    self.errors["refresh"] += 1
                    return

    def some(self, count):
        start = self.random.randrange(max(1, len(self.uids) - count + 1))
        return ",".join(map(str, self.uids[start : start + count]))

    def select(self):
        self.imap.command("SELECT INBOX")

    def fetch_headers(self):
        self.imap.command(f"UID FETCH {self.some(25)} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)")

    def fetch_body(self):
        self.imap.command(f"UID FETCH {self.some(1)} (UID BODY.PEEK[])")

    def store(self):
        sign = self.random.choice("+-")
        flag = self.random.choices(("\\Seen", "\\Flagged", "\\Answered", "\\Deleted"), (5, 2, 2, 2))[0]
        self.imap.command(f"UID STORE {self.some(self.random.randint(1, 3))} {sign}FLAGS ({flag})")

    def search(self):
        self.imap.command(
            self.random.choice(
                (
                    "UID SEARCH UNSEEN",
                    "UID SEARCH FROM alice.quill",
                    "UID SEARCH SUBJECT zelo",
                    "UID SEARCH BODY zebrafinch",
                    "UID SEARCH SINCE 20-Sep-2020",
                )
            )
        )

    def append(self):
        self.imap.append("INBOX", self.corpus[self.random.randrange(len(self.corpus))])

    def copy(self):
        self.imap.command(f"UID COPY {self.some(2)} {TARGET}")

    def move(self):
        if self.can_move:
            self.imap.command(f"UID MOVE {self.some(1)} {TARGET}")
        else:
            self.copy()

    def expunge(self):
        self.imap.command("EXPUNGE")

    def idle(self):
        self.imap.idle_once()

    def status(self):
        self.imap.command(f"STATUS {TARGET} (MESSAGES UNSEEN UIDNEXT)")

    def noop(self):
        self.imap.command("NOOP")


def prepare(arguments, messages):
    """Every user gets an empty target folder and an INBOX of KEEP messages."""
    for number in range(1, arguments.users + 1):
        client = ImapClient.logged_in(arguments, number)
        try:
            client.command(f"DELETE {TARGET}")
        except ImapError:
            pass
        client.command(f"CREATE {TARGET}")
        client.empty()
        for index in range(KEEP):
            client.append("INBOX", messages[(index + number) % len(messages)])
        client.close()


def start_clients(arguments, seconds):
    corpus = Corpus("archive")
    messages = [corpus.message(index) for index in range(400)]
    prepare(arguments, messages)
    settle(arguments.server_pid)
    clients = [MixClient(arguments, messages, index) for index in range(arguments.clients)]
    deadline = time.monotonic() + seconds
    for client in clients:
        client.run_until(deadline)
    return clients


def add_mix_arguments(parser):
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--users", type=int, default=10, help="clients share these users' mailboxes")


def main():
    parser = server_parser(__doc__)
    add_mix_arguments(parser)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()

    clients = start_clients(arguments, arguments.seconds)
    with Stopwatch(arguments.server_pid) as watch:
        for client in clients:
            client.join()
    latencies, errors = collections.defaultdict(list), collections.Counter()
    for client in clients:
        errors.update(client.errors)
        for name, values in client.latencies.items():
            latencies[name].extend(values)
    operations = sum(map(len, latencies.values()))
    metrics = {
        "ops_per_s": operations / watch.wall,
        "cpu_ms_per_op": 1000 * watch.cpu / max(1, operations),
        "errors": sum(errors.values()),
    }
    for name in WEIGHTS:
        for percent in (50, 99):
            if latencies[name]:
                metrics[f"{name}.p{percent}_ms"] = 1000 * percentile(latencies[name], percent)
    report("imap_mix", arguments, metrics)
    if errors:
        print(dict(errors), file=sys.stderr)


if __name__ == "__main__":
    main()
