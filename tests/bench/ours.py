"""Our own numbers: a throwaway installation, every workload once, one Markdown table with the goals beside it.

python3 ours.py                 # a few minutes
python3 ours.py --peers         # beside Dovecot, Postfix and Roundcube, as far as they are installed
python3 ours.py --only smtp_20k,web --rounds 3
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass

import peers
import targets
from common import pss_megabytes
from compare import cell, run_once
from house import House
from rows import ROWS, table

BOXES = {47: 300, 48: 1_000, 49: 10_000}
LARGE = {50: 100_000}
HUGE = {46: 1_000_000}
PROFILES = {1_000_000: "notes"}
"""Of the mail in mailboxes where it is not the usual one."""
OURS = "posthouse"
QUIET = 85
"""Seconds after which an installation that did much is idle again: databases close after a minute without use."""


@dataclass(frozen=True)
class Step:
    """One workload with its options; `name` is the key of its figures."""

    name: str
    workload: str
    options: tuple = ()
    needs: str = ""
    """What a server's description must have: "web-profile", "smtp-port"; or "ours"."""


def profile_of(size):
    return ("--profile", PROFILES[size]) if size in PROFILES else ()


def steps(sizes, data):
    big = ",".join(f"{number}:{size}" for number, size in sizes.items() if size >= 1_000)
    return [
        # First: what idle processes hold is measured before they have worked.
        Step("memory", "memory", ("--seconds", "3", "--rest", str(QUIET))),
        *(
            Step(f"populate_{size}", "populate", ("--number", number, "--messages", size, *profile_of(size)))
            for number, size in sizes.items()
        ),
        Step(
            "smtp_20k",
            "smtp_in",
            ("--profile", "fixed20k", "--messages", "1000", "--per-connection", "10"),
            "smtp-port",
        ),
        Step("smtp_mixed", "smtp_in", ("--messages", "250"), "smtp-port"),
        Step("imap_mix", "imap_mix", ("--seconds", "10")),
        Step("imap_big", "imap_big", ("--state", "warm", "--mailboxes", big)),
        Step("pop3", "pop3", ("--rtt-ms", "0")),
        Step("pop3_far", "pop3", ("--rtt-ms", "40", "--fetchers", "pipelined")),
        Step("web", "web", ("--mailboxes", big), "web-profile"),
        Step("arrival", "arrival", (), "smtp-port"),
        Step("collector", "collector", ("--data", data), "ours"),
    ]


class Bench:
    """Runs the steps against every server in turn and keeps the figures: {server: {"step.metric": [value, ...]}}."""

    def __init__(self, servers):
        self.servers = servers
        self.figures = {name: {} for name in servers}
        self.said = []

    def note(self, server, key, value):
        self.figures[server].setdefault(key, []).append(value)

    def run(self, step, rounds):
        for _ in range(1 if step.workload in ("populate", "memory") else rounds):
            for name, target in self.servers.items():
                if step.needs and step.needs not in target and name != OURS:
                    continue
                begin = time.monotonic()
                try:
                    options = targets.as_options(name, target) + [str(one) for one in step.options]
                    metrics = run_once(step.workload, options)
                except SystemExit as error:
                    self.said.append(f"{step.name} of {name}: {error}")
                    continue
                for metric, value in metrics.items():
                    self.note(name, f"{step.name}.{metric}", value)
                say(f"{step.name:14} {name:10} {time.monotonic() - begin:5.1f} s, load {os.getloadavg()[0]:.1f}")


def say(words):
    print(words, file=sys.stderr, flush=True)


def memory_by_role(house, bench, when):
    """PSS of everything, and of each role with its children."""
    root = house.process.pid
    bench.note(OURS, f"rest.{when}_mb", pss_megabytes([root])[0])
    for role in ("mail", "worker", "web"):
        bench.note(OURS, f"rest.{when}_{role}_mb", pss_megabytes([house.pid(role)])[0])


def restart(house, bench):
    """A second start, on what is there by now."""
    begin = time.perf_counter()
    house.stop()
    bench.note(OURS, "start.stop_s", time.perf_counter() - begin)
    ready, page = house.cold_start()
    bench.note(OURS, "start.again_ready_s", ready)
    bench.note(OURS, "start.again_page_s", page)


def measure(house, arguments, sizes):
    bench = Bench({OURS: {}})
    ready, page = house.cold_start()
    bench.note(OURS, "start.ready_s", ready)
    bench.note(OURS, "start.page_s", page)
    # Stopped: a running mail role starts anew when its host name changes.
    house.stop()
    house.fill()
    house.cold_start()
    bench.servers[OURS] = house.target()
    if arguments.peers:
        add_peers(bench)
    chosen = [step for step in steps(sizes, house.data) if wanted(step, arguments)]
    for step in chosen:
        if step.name == "memory":
            memory_by_role(house, bench, "start")
        bench.run(step, arguments.rounds)
    memory_by_role(house, bench, "after")
    if not arguments.only:
        time.sleep(QUIET)
        memory_by_role(house, bench, "quiet")
    restart(house, bench)
    return bench


def wanted(step, arguments):
    """Mailboxes are filled in any case, as far as they are not: others read them."""
    return not arguments.only or step.workload == "populate" or step.name in arguments.only.split(",")


def add_peers(bench):
    lacking = peers.missing()
    bench.said += lacking.values()
    if "peers" in lacking:
        return
    for name, target in peers.start().items():
        if peers.is_up(target):
            bench.servers[name], bench.figures[name] = target, {}
        else:
            bench.said.append(f"{name} did not start; see {targets.anchors_root()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", action="store_true", help="beside the anchors (as root)")
    parser.add_argument("--large", action="store_true", help="with a mailbox of 100,000 messages too")
    parser.add_argument(
        "--huge", action="store_true", help="with one of 1,000,000 short ones too: a quarter of an hour and 8 GB"
    )
    parser.add_argument("--rounds", type=int, default=1, help="of every workload; the table shows medians")
    parser.add_argument("--only", help=f"these steps: {','.join(step.name for step in steps(BOXES, ''))}")
    parser.add_argument("--keep", help="use this folder and keep it (filled mailboxes are not filled again)")
    parser.add_argument("--save", help="append the figures to this file, one JSON object a run")
    arguments = parser.parse_args()

    sizes = BOXES | (LARGE if arguments.large else {}) | (HUGE if arguments.huge else {})
    folder = pathlib.Path(arguments.keep or tempfile.mkdtemp(prefix="posthouse-bench-"))
    folder.mkdir(exist_ok=True)
    house, before = House(folder), os.getloadavg()[0]
    begin = time.monotonic()
    try:
        bench = measure(house, arguments, sizes)
    finally:
        house.end()
        if arguments.peers and "peers" not in peers.missing():
            peers.stop()
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    minutes = (time.monotonic() - begin) / 60
    if arguments.save:
        with open(arguments.save, "a") as file:
            file.write(json.dumps({"load": [before, os.getloadavg()[0]], "figures": bench.figures}) + "\n")
    print(
        f"Load average {before:.1f} before, {os.getloadavg()[0]:.1f} after; {minutes:.1f} minutes; {os.cpu_count()} cores.\n"
    )
    print(table(ROWS, bench.figures, sizes.values(), cell, statistics.median))
    for words in bench.said:
        print(f"\n- {words}")


if __name__ == "__main__":
    main()
