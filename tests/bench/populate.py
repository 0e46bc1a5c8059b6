"""Fills the INBOX of one user by IMAP APPEND up to a number of messages; what is already there is kept."""

import time

from common import ImapClient, Stopwatch, report, server_parser, settle
from corpus import Corpus

BATCH_BYTES = 4_000_000
BATCH_MESSAGES = 500
UNSEEN_EVERY = 50
SETTLED_WITHIN = 600
"""Seconds for what the server puts off, as an index: mailboxes are measured when it is done."""


def main():
    parser = server_parser(__doc__)
    parser.add_argument("--number", type=int, required=True, help="which user (replaces %%d in --user)")
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--profile", default="archive")
    arguments = parser.parse_args()

    client = ImapClient.logged_in(arguments, arguments.number)
    batch_limit = BATCH_MESSAGES if b"MULTIAPPEND" in client.capabilities() else 1
    corpus = Corpus(arguments.profile)
    start = client.message_count()
    append_time = 0
    with Stopwatch(arguments.server_pid) as watch:
        batch, flags, size = [], [], 0
        for index in range(start, arguments.messages):
            batch.append(corpus.message(index))
            flags.append("" if index % UNSEEN_EVERY == 0 else "\\Seen")
            size += len(batch[-1])
            if len(batch) >= batch_limit or size >= BATCH_BYTES or index == arguments.messages - 1:
                begin = time.perf_counter()
                client.append("INBOX", *batch, flags=flags)
                append_time += time.perf_counter() - begin
                batch, flags, size = [], [], 0
    with Stopwatch() as rest:
        settle(arguments.server_pid, patience=SETTLED_WITHIN)
    added = arguments.messages - start
    if client.message_count() != arguments.messages:
        raise SystemExit(f"the server shows {client.message_count()} messages, not {arguments.messages}")
    report(
        "populate",
        arguments,
        {
            "messages_added": added,
            "put_off_s": rest.wall,
            "appended_per_s": added / append_time if added > 0 else 0,
            "cpu_ms_per_message": 1000 * watch.cpu / added if added > 0 else 0,
        },
    )


if __name__ == "__main__":
    main()
