"""One message at a time: from the first octet sent by SMTP to accepted, told by IDLE, told to an open page, and in its list.

The page is told by server-sent events (`events` of the web profile); without that, only IDLE is measured.
"""

import json
import pathlib
import queue
import statistics
import threading
import time

from common import ImapClient, SmtpClient, numbered, report, server_parser, smtp_wire_form
from corpus import Corpus
from web import WebSession

PATIENCE = 30


class Ears(threading.Thread):
    """Puts the time of each line that matters into a queue."""

    def __init__(self, stream, matters):
        super().__init__(daemon=True)
        self.stream, self.matters = stream, matters
        self.heard = queue.SimpleQueue()

    def run(self):
        try:
            for line in self.stream:
                if self.matters(line):
                    self.heard.put(time.perf_counter())
        except (OSError, ValueError):  # closed by us at the end
            return


def start_idle(arguments, number):
    client = ImapClient.logged_in(arguments, number)
    client.command("SELECT INBOX")
    client.start_idle()
    ears = Ears(client._input, lambda line: line.rstrip().endswith(b"EXISTS"))
    ears.start()
    return ears


def start_page(arguments, number):
    """(session, ears) of an open page, or nothing when the webmail does not push."""
    if not arguments.web_profile:
        return None, None
    profile = json.loads((pathlib.Path(__file__).parent / arguments.web_profile).read_text())
    if "events" not in profile:
        return None, None
    session = WebSession(arguments, profile, number)
    session.log_in()
    session.get(profile["mail_page"])
    stream = session.open(profile["events"]["path"])
    stream.readline()
    told = profile["events"]["arrival"].encode()
    ears = Ears(stream, lambda line: line.rstrip() == told)
    ears.start()
    time.sleep(1)  # the watcher behind the stream signs in and selects
    return session, ears


def main():
    parser = server_parser(__doc__)
    parser.add_argument("--messages", type=int, default=30)
    parser.add_argument("--number", type=int, default=46, help="which user (replaces %%d in --user)")
    parser.add_argument("--pause", type=float, default=0.4, help="seconds between two messages")
    arguments = parser.parse_args()

    corpus, unique = Corpus("fixed20k"), f".{time.time_ns()}"
    address = f"{numbered(arguments.user, arguments.number).split('@')[0]}@{arguments.domain}"
    idle = start_idle(arguments, arguments.number)
    session, events = start_page(arguments, arguments.number)
    smtp = SmtpClient(arguments.host, arguments.smtp_port)
    times = {"accepted": [], "idle": [], "event": [], "page": []}
    for index in range(arguments.messages):
        word = f"arrival{index}at{time.time_ns()}"
        message = corpus.message(index, address, unique).replace(b"Subject: ", f"Subject: {word} ".encode(), 1)
        begin = time.perf_counter()
        smtp.send("sender@correspondent.test", address, smtp_wire_form(message))
        times["accepted"].append(time.perf_counter() - begin)
        times["idle"].append(idle.heard.get(timeout=PATIENCE) - begin)
        if events:
            times["event"].append(events.heard.get(timeout=PATIENCE) - begin)
            while word not in session.request(session.profile["events"]["rows"]):
                if time.perf_counter() - begin > PATIENCE:
                    raise SystemExit("the message never came into the list")
            times["page"].append(time.perf_counter() - begin)
        time.sleep(arguments.pause)
    metrics = {}
    for name, values in times.items():
        if values:
            metrics[f"{name}.ms"] = 1000 * statistics.median(values)
            metrics[f"{name}.most_ms"] = 1000 * max(values)
    report("arrival", arguments, metrics)


if __name__ == "__main__":
    main()
