"""Our collector: a POP3 account of 300 messages on our own server, from 'look now' until all of them are in the other mailbox.

The product's own way: the source is in the table, the worker role is told, fetches by POP3 and delivers by LMTP.
"""

import pathlib
import time

from common import ImapClient, ImapError, Stopwatch, numbered, report, server_parser
from house import DOMAIN, PASSWORD, address  # first: it makes `server` and `fetcher` importable
from pop3 import ProxyThread

from fetcher import account as sources
from server.accounts.account import by_address
from server.clock import SystemClock
from server.config import load
from server.db.database import Database
from server.notify.bus import SOURCES, poke_once

PATIENCE = 300


def collect(arguments, port, folder):
    """Adds the source, pokes the worker, waits; returns the stopwatch and the number of messages."""
    settings = load(pathlib.Path(arguments.data), environ={}, options={})
    source_user = ImapClient.logged_in(arguments, arguments.number)
    wanted = source_user.message_count()
    source_user.close()
    reader = ImapClient.logged_in(arguments, arguments.into)
    try:
        reader.command(f"CREATE {folder}")
    except ImapError:
        reader.empty(folder)
        reader.command("CLOSE")
    sources.ensure_tables(settings.directory_db)
    database = Database(settings.directory_db, [sources.SCHEMA])
    clock = SystemClock()
    try:
        owner = database.read(lambda r: by_address(r, address(arguments.into)))
        new = sources.NewSource(
            account_id=owner.id,
            recipient=owner.address,
            host=arguments.host,
            port=port,
            tls="none",
            username=numbered(arguments.user, arguments.number),
            mailbox=folder,
            leave=True,
            private_ok=True,
        )
        ring = sources.keyring(settings)
        with Stopwatch(arguments.server_pid) as watch:
            made = database.write(lambda w: sources.create(w, new, PASSWORD, ring, now=clock.now()))
            poke_once(settings.run_dir, SOURCES)
            while reader.message_count(folder) < wanted and time.perf_counter() - watch._wall < PATIENCE:
                time.sleep(0.01)
        found = reader.message_count(folder)
        database.write(lambda w: sources.delete(w, made))
    finally:
        database.close()
    reader.close()
    if found != wanted:
        raise SystemExit(f"{found} of {wanted} messages were collected in {PATIENCE} s")
    return watch, wanted


def main():
    parser = server_parser(__doc__)
    parser.add_argument("--data", required=True, help="data folder of the running installation")
    parser.add_argument("--number", type=int, default=47, help="user whose mailbox is collected")
    parser.add_argument("--into", type=int, default=45, help="user who collects it")
    parser.add_argument("--rtt-ms", default="0,40")
    arguments = parser.parse_args()
    arguments.domain = DOMAIN

    metrics = {}
    for round_trip in map(float, arguments.rtt_ms.split(",")):
        with ProxyThread(arguments.host, arguments.pop3_port, round_trip / 1000) as proxy_port:
            port = proxy_port if round_trip else arguments.pop3_port
            watch, messages = collect(arguments, port, f"Collected{round_trip:g}")
        metrics[f"rtt{round_trip:g}.s"] = watch.wall
        metrics[f"rtt{round_trip:g}.cpu_ms_per_message"] = 1000 * watch.cpu / messages
    report("collector", arguments, metrics)


if __name__ == "__main__":
    main()
