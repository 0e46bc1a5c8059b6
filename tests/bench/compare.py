"""Runs one workload against several servers in turn, several rounds, and prints medians side by side.

python3 compare.py --servers maildir,sdbox smtp_in --messages 500
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

import targets

HERE = pathlib.Path(__file__).parent


def run_once(workload, options):
    process = subprocess.run(
        [sys.executable, str(HERE / f"{workload}.py"), *options], cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    if process.returncode:
        raise SystemExit(f"{workload} failed: {' '.join(options)}")
    return json.loads(process.stdout.splitlines()[-1])["metrics"]


def cell(values):
    """Median, and the range when there is one: on a busy machine the lowest value says most."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.4g}" + (f" [{low:.4g}-{high:.4g}]" if low != high else "")


def table(samples):
    """Markdown: one row per metric, one column per server, then the ratio of each to the first."""
    names = list(samples)
    metrics = list(dict.fromkeys(metric for rounds in samples.values() for one in rounds for metric in one))
    lines = [
        "| metric | " + " | ".join(names + [f"{name}/{names[0]}" for name in names[1:]]) + " |",
        "| --- " * (2 * len(names)) + "|",
    ]
    for metric in metrics:
        values = {name: [one[metric] for one in rounds if metric in one] for name, rounds in samples.items()}
        middles = {name: statistics.median(row) for name, row in values.items() if row}
        cells = [cell(values[name]) if values[name] else "" for name in names]
        base = middles.get(names[0])
        cells += [f"{middles[name] / base:.2f}" if base and name in middles else "" for name in names[1:]]
        lines.append(f"| {metric} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", help="JSON file of servers (default: the anchors, see targets.py)")
    parser.add_argument("--servers", default="maildir,sdbox")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", help="append the raw samples to this file, one JSON object a line")
    parser.add_argument("workload")
    arguments, options = parser.parse_known_args()

    known = targets.anchors(targets.anchors_root())
    if arguments.targets:
        known.update(json.loads(pathlib.Path(arguments.targets).read_text()))
    samples = {name: [] for name in arguments.servers.split(",")}
    for _ in range(arguments.rounds):
        for name, rounds in samples.items():
            rounds.append(run_once(arguments.workload, targets.as_options(name, known[name]) + options))
    if arguments.save:
        with open(arguments.save, "a") as file:
            file.write(json.dumps({"workload": arguments.workload, "options": options, "samples": samples}) + "\n")
    load = os.getloadavg()[0]
    print(
        f"`{arguments.workload} {' '.join(options)}`, median of {arguments.rounds} rounds [lowest-highest], "
        f"load average at the end {load:.1f}\n\n{table(samples)}"
    )


if __name__ == "__main__":
    main()
