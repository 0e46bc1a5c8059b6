"""Latency of the commands that grow with the mailbox, for INBOXes of different sizes."""

import statistics
import subprocess

from common import ImapClient, Stopwatch, evict_file_cache, numbered, report, server_parser
from corpus import KNOWN_SENDER, RARE_WORD

COMMANDS = {
    "select": None,  # every sample starts with a timed SELECT; this one has nothing after it
    "all_flags": "FETCH 1:* (UID FLAGS)",
    "newest_50": "FETCH {newest} (UID ENVELOPE FLAGS BODYSTRUCTURE RFC822.SIZE)",
    "sort_date": "UID SORT (REVERSE DATE) UTF-8 ALL",
    "thread": "UID THREAD REFERENCES UTF-8 ALL",
    "search_from": f"UID SEARCH FROM {KNOWN_SENDER}",
    "search_body": f"UID SEARCH BODY {RARE_WORD}",
    "search_text": f"UID SEARCH TEXT {RARE_WORD}",
}


def sample(arguments, number, command):
    """(wall ms, server CPU ms, responses) of one command on a fresh connection."""
    client = ImapClient.logged_in(arguments, number)
    with Stopwatch(arguments.server_pid) as watch:
        responses = client.command("SELECT INBOX")
    if command:
        total = next(int(line.split()[1]) for line in responses if line.endswith(b"EXISTS\r\n"))
        command = command.replace("{newest}", f"{max(1, total - 49)}:{total}")
        with Stopwatch(arguments.server_pid) as watch:
            responses = client.command(command)
    client.close()
    return 1000 * watch.wall, 1000 * watch.cpu, responses


def hits(responses):
    return sum(len(line.split()) - 2 for line in responses if line.upper().startswith(b"* SEARCH"))


def make_cold(arguments, number):
    if arguments.cold_command:
        subprocess.run(numbered(arguments.cold_command, number), shell=True, check=True)
    if arguments.mail_folder:
        evict_file_cache(numbered(arguments.mail_folder, number))


def main():
    parser = server_parser(__doc__)
    parser.add_argument(
        "--mailboxes", default="48:1000,49:10000,50:100000", help="USER_NUMBER:SIZE,... filled before by populate.py"
    )
    parser.add_argument(
        "--state",
        choices=("first", "cold", "warm"),
        default="warm",
        help="first: as it is after populate.py; cold: evicted before each command; warm: just asked before",
    )
    parser.add_argument("--cold-command", help="shell command run before each cold sample, e.g. a restart")
    parser.add_argument("--commands", default=",".join(COMMANDS))
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    metrics = {}
    for mailbox in arguments.mailboxes.split(","):
        number, size = map(int, mailbox.split(":"))
        for name in arguments.commands.split(","):
            if arguments.state == "warm":
                sample(arguments, number, COMMANDS[name])
            samples = []
            for _ in range(1 if arguments.state == "first" else arguments.repeats):
                if arguments.state == "cold":
                    make_cold(arguments, number)
                samples.append(sample(arguments, number, COMMANDS[name]))
            metrics[f"{name}.{size}.ms"] = statistics.median(wall for wall, _, _ in samples)
            metrics[f"{name}.{size}.cpu_ms"] = statistics.median(cpu for _, cpu, _ in samples)
            if name.startswith("search"):
                metrics[f"{name}.{size}.hits"] = hits(samples[-1][2])
    report(f"imap_big.{arguments.state}", arguments, metrics)


if __name__ == "__main__":
    main()
