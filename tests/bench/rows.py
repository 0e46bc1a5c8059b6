"""The table of `ours.py`: which figures it shows, under which words, with which goal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line; `{size}` in the key makes a line for every mailbox size."""

    words: str
    key: str
    unit: str
    goal: str = ""
    by_size: dict | None = None


def _sized(words, key, unit, **goals):
    """A line whose goal differs by size: `_1000="..."`."""
    return Line(words, key, unit, by_size={int(name[1:]): goal for name, goal in goals.items()})


ROWS = [
    Line("`serve` on an empty folder until ready", "start.ready_s", "s"),
    Line("... until the first page", "start.page_s", "s"),
    Line("Second start, with the bench's mail, until ready", "start.again_ready_s", "s"),
    Line("Stop", "start.stop_s", "s"),
    Line("Idle memory (PSS) of everything, fresh", "rest.start_mb", "MB", "200 (issue: 300)"),
    Line("... mail role", "rest.start_mail_mb", "MB"),
    Line("... worker role", "rest.start_worker_mb", "MB"),
    Line("... web role", "rest.start_web_mb", "MB"),
    Line("... with 50 connections in IDLE", "memory.idle.pss_mb", "MB"),
    Line("... a further IDLE connection", "memory.idle.pss_mb_per_connection", "MB", "0.03"),
    Line("... a further one, a minute and a half later", "memory.rested.pss_mb_per_connection", "MB", "0.03"),
    Line("... CPU with 50 in IDLE", "memory.idle.cpu_ms_per_s", "ms/s"),
    Line("... right after all workloads", "rest.after_mb", "MB"),
    Line("... a minute and a half later", "rest.quiet_mb", "MB", "issue: 300"),
    Line("... mail role then", "rest.quiet_mail_mb", "MB"),
    Line("... web role then", "rest.quiet_web_mb", "MB"),
    Line("SMTP in, 20 kB mail, durable and visible", "smtp_20k.visible_per_s", "/s", "500 (issue: 100)"),
    Line("... CPU a message", "smtp_20k.cpu_ms_per_message", "ms"),
    Line("... MAIL to 250, median", "smtp_20k.accept_p50_ms", "ms"),
    Line("... MAIL to 250, p99", "smtp_20k.accept_p99_ms", "ms", "1,000"),
    Line("SMTP in, mixed mail (344 kB mean)", "smtp_mixed.visible_per_s", "/s", "1.5 x anchor"),
    Line("... CPU a message", "smtp_mixed.cpu_ms_per_message", "ms", "half the anchor's"),
    Line("IMAP append (MULTIAPPEND, 11 kB), indexed", "populate_10000.appended_per_s", "/s", "1,500"),
    Line("... CPU a message", "populate_10000.cpu_ms_per_message", "ms", "1.5"),
    Line("... then busy with the index for", "populate_100000.put_off_s", "s"),
    Line("IMAP mix, 20 clients on 10 users", "imap_mix.ops_per_s", "/s", "1.5 x sdbox"),
    Line("... CPU an operation", "imap_mix.cpu_ms_per_op", "ms", "0.35"),
    Line("... errors", "imap_mix.errors", ""),
    Line("... fetch_headers p50", "imap_mix.fetch_headers.p50_ms", "ms"),
    Line("... store p50", "imap_mix.store.p50_ms", "ms"),
    Line("... append p50", "imap_mix.append.p50_ms", "ms"),
    Line("SELECT at {size}", "imap_big.select.{size}.ms", "ms", "1"),
    _sized("FETCH 1:* (UID FLAGS) at {size}", "imap_big.all_flags.{size}.ms", "ms", _100000="60"),
    Line("FETCH of the newest 50 at {size}", "imap_big.newest_50.{size}.ms", "ms", "1"),
    _sized("UID SORT (REVERSE DATE) at {size}", "imap_big.sort_date.{size}.ms", "ms", _100000="60"),
    _sized("UID THREAD REFERENCES at {size}", "imap_big.thread.{size}.ms", "ms", _100000="100"),
    _sized("SEARCH FROM at {size}", "imap_big.search_from.{size}.ms", "ms", _100000="5"),
    _sized("SEARCH BODY rare word at {size}", "imap_big.search_body.{size}.ms", "ms", _100000="5"),
    _sized("SEARCH TEXT rare word at {size}", "imap_big.search_text.{size}.ms", "ms", _100000="5"),
    Line("POP3, 300 messages, pipelined", "pop3.pipelined.rtt0.s", "s", "0.095"),
    Line("POP3, 300 messages, pipelined, 40 ms away", "pop3_far.pipelined.rtt40.s", "s", "0.67"),
    Line("... poplib", "pop3.poplib.rtt0.s", "s"),
    Line("... fetchmail", "pop3.fetchmail.rtt0.s", "s"),
    Line("... getmail", "pop3.getmail.rtt0.s", "s"),
    Line("... mpop", "pop3.mpop.rtt0.s", "s"),
    Line("Web: sign-in at {size}", "web.login.{size}.ms", "ms", "60"),
    _sized(
        "Web: inbox page, whole, at {size}", "web.mail_page.{size}.ms", "ms", _10000="20 (issue: 100)", _100000="20"
    ),
    Line("Web: list with conversations at {size}", "web.list.{size}.ms", "ms", "20"),
    Line("... CPU", "web.list.{size}.cpu_ms", "ms"),
    Line("Web: list by size at {size}", "web.list_by_size.{size}.ms", "ms", "20"),
    Line("Web: open another message at {size}", "web.message.{size}.ms", "ms", "15 (issue: 80)"),
    Line("... CPU", "web.message.{size}.cpu_ms", "ms"),
    Line("Web: open it again at {size}", "web.message_again.{size}.ms", "ms", "15"),
    Line("Web: search by sender at {size}", "web.search_sender.{size}.ms", "ms", "25"),
    Line("Web: search by text at {size}", "web.search_text.{size}.ms", "ms", "30"),
    Line("Delivery: sent to accepted (durable)", "arrival.accepted.ms", "ms"),
    Line("Delivery: sent to told by IDLE", "arrival.idle.ms", "ms", "1,000"),
    Line("Delivery: sent to told to the page", "arrival.event.ms", "ms", "1,000"),
    Line("Delivery: sent to row in hand", "arrival.page.ms", "ms", "1,000"),
    Line("... the slowest of 30", "arrival.page.most_ms", "ms", "1,000"),
    Line("Collector: 300 messages from our POP3", "collector.rtt0.s", "s", "0.5"),
    Line("... CPU a message, both sides", "collector.rtt0.cpu_ms_per_message", "ms"),
    Line("Collector: the same, 40 ms away", "collector.rtt40.s", "s", "0.8"),
]


def table(rows, figures, sizes, cell, middle):
    """Markdown: a column for each server, ratios to ours after them, the goal last. Lines without a figure are left out."""
    names = list(figures)
    head = ["", *names, *(f"{name}/{names[0]}" for name in names[1:]), "goal"]
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| ---: " * (len(head) - 2) + "| --- |"]
    for row in rows:
        for size in sizes if "{size}" in row.key else [None]:
            lines += _line(row, size, figures, names, cell, middle)
    return "\n".join(lines)


def _line(row, size, figures, names, cell, middle):
    key = row.key.replace("{size}", str(size))
    values = [figures[name].get(key) for name in names]
    if not any(values):
        return []
    words = row.words.replace("{size}", f"{size:,}" if size else "")
    if words.startswith("...") and size:
        words += f" at {size:,}"
    base = middle(values[0]) if values[0] else 0
    cells = [f"{cell(one)} {row.unit}".strip() if one else "" for one in values]
    cells += [f"{middle(one) / base:.2f}" if one and base else "" for one in values[1:]]
    goal = row.by_size.get(size, "") if row.by_size else row.goal
    return ["| " + " | ".join([words, *cells, goal]) + " |"]
