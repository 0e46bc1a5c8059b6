"""Mail arriving by SMTP until every message is visible by IMAP STATUS."""

import queue
import threading
import time

from common import (
    ImapClient,
    SmtpClient,
    Stopwatch,
    numbered,
    percentile,
    report,
    server_parser,
    settle,
    smtp_wire_form,
)
from corpus import Corpus


def parse_arguments():
    parser = server_parser(__doc__)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--per-connection", type=int, default=1, help="messages sent on one connection")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--profile", default="realistic")
    parser.add_argument("--smtp-auth", action="store_true", help="log in as the recipient before sending")
    parser.add_argument("--timeout", type=float, default=300)
    return parser.parse_args()


def build_jobs(arguments):
    """Batches of (recipient number, address, wire message); one batch per connection."""
    corpus, unique = Corpus(arguments.profile), f".{time.time_ns()}"
    jobs = []
    for index in range(arguments.messages):
        number = index % arguments.users + 1
        address = f"{numbered(arguments.user, number).split('@')[0]}@{arguments.domain}"
        jobs.append((number, address, smtp_wire_form(corpus.message(index, address, unique))))
    size = arguments.per_connection
    return [jobs[start : start + size] for start in range(0, len(jobs), size)]


def send_all(arguments, batches):
    """Sends every batch over `connections` threads; returns the errors, and the seconds from MAIL to 250 of each message."""
    pending, errors, seconds = queue.SimpleQueue(), [], []
    for batch in batches:
        pending.put(batch)

    def work():
        while True:
            try:
                batch = pending.get_nowait()
            except queue.Empty:
                return
            try:
                credentials = (
                    (numbered(arguments.user, batch[0][0]), arguments.password) if arguments.smtp_auth else None
                )
                client = SmtpClient(arguments.host, arguments.smtp_port, credentials)
                for _, address, message in batch:
                    begin = time.perf_counter()
                    client.send("sender@correspondent.test", address, message)
                    seconds.append(time.perf_counter() - begin)
                client.close()
            except (OSError, RuntimeError) as error:
                errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(arguments.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors, seconds


def wait_until_visible(readers, expected, deadline):
    waiting = set(readers)
    while waiting and time.monotonic() < deadline:
        waiting = {number for number in waiting if readers[number].message_count() < expected[number]}
        if waiting:
            time.sleep(0.02)
    return waiting


def main():
    arguments = parse_arguments()
    batches = build_jobs(arguments)
    readers = {number: ImapClient.logged_in(arguments, number) for number in range(1, arguments.users + 1)}
    expected = dict.fromkeys(readers, 0)
    for reader in readers.values():
        reader.empty()
        reader.command("UNSELECT" if b"UNSELECT" in reader.capabilities() else "CLOSE")
    for batch in batches:
        for number, _, _ in batch:
            expected[number] += 1

    settle(arguments.server_pid)
    deadline = time.monotonic() + arguments.timeout
    with Stopwatch(arguments.server_pid) as rest:
        with Stopwatch(arguments.server_pid) as total:
            with Stopwatch() as accept:
                errors, seconds = send_all(arguments, batches)
            waiting = wait_until_visible(readers, expected, deadline)
        settle(arguments.server_pid)
    megabytes = sum(len(message) for batch in batches for _, _, message in batch) / 1e6
    report(
        "smtp_in",
        arguments,
        {
            "accepted_per_s": arguments.messages / accept.wall,
            "visible_per_s": arguments.messages / total.wall,
            "visible_MB_per_s": megabytes / total.wall,
            "cpu_ms_per_message": 1000 * total.cpu / arguments.messages,
            "cpu_ms_with_what_was_put_off": 1000 * rest.cpu / arguments.messages,
            "accept_p50_ms": 1000 * percentile(seconds or [0], 50),
            "accept_p99_ms": 1000 * percentile(seconds or [0], 99),
            "errors": len(errors) + len(waiting),
        },
    )


if __name__ == "__main__":
    main()
