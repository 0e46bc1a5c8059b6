"""Time to retrieve a whole POP3 mailbox with different fetchers, straight and over a link with latency.

The fetchers that are not installed are left out. --fetcher NAME=COMMAND adds one: {host} {port} {user} {password}
and {folder} (an empty folder of its own) are replaced; it must retrieve everything, keep it on the server and exit.
"""

import asyncio
import os
import pathlib
import poplib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from common import connect, numbered, report, server_parser
from latency_proxy import start_proxy

UNPRIVILEGED = "nobody"
PATIENCE = 60
"""Seconds for a foreign fetcher; getmail waits three minutes for a child of its own now and then."""


class ProxyThread(threading.Thread):
    """A latency proxy in front of the server for as long as the with block lasts."""

    def __init__(self, host, port, round_trip):
        super().__init__(daemon=True)
        self.target, self.round_trip = (host, port), round_trip
        self.ready = threading.Event()

    def run(self):
        asyncio.run(self._serve())

    async def _serve(self):
        self.loop, self.stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await start_proxy(*self.target, self.round_trip)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopping.wait()

    def __enter__(self):
        self.start()
        self.ready.wait()
        return self.port

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopping.set)
        self.join()


# ---------------------------------------------------------------- fetchers: each retrieves all, keeps all


def fetch_poplib(host, port, user, password, folder):
    """The simplest client: one RETR at a time."""
    pop = poplib.POP3(host, port)
    pop.user(user)
    pop.pass_(password)
    count = pop.stat()[0]
    for number in range(1, count + 1):
        _, lines, _ = pop.retr(number)
        pathlib.Path(folder, str(number)).write_bytes(b"\r\n".join(lines))
    pop.quit()


def fetch_pipelined(host, port, user, password, folder, window=50):
    """What the link allows: RETR commands pipelined, nothing but a file written for each message."""
    link = connect(host, port)
    stream = link.makefile("rb", 1 << 16)
    stream.readline()
    for command in (f"USER {user}", f"PASS {password}", "STAT"):
        link.sendall(command.encode() + b"\r\n")
        reply = stream.readline()
    count = int(reply.split()[1])
    asked = 0
    for number in range(1, count + 1):
        if asked < number + window // 2 and asked < count:
            upto = min(count, number + window)
            link.sendall(b"".join(b"RETR %d\r\n" % n for n in range(asked + 1, upto + 1)))
            asked = upto
        stream.readline()
        with open(os.path.join(folder, str(number)), "wb") as file:
            while (line := stream.readline()) != b".\r\n":
                file.write(line)
    link.sendall(b"QUIT\r\n")
    link.close()


def fetch_fetchmail(host, port, user, password, folder):
    control = pathlib.Path(folder, "fetchmailrc")
    control.write_text(
        f'poll {host} service {port} protocol pop3 user "{user}" password "{password}" keep fetchall\n'
        f'  sslproto "" mda "/bin/cat >> {folder}/mbox"\n'
    )
    control.chmod(0o600)
    _run(
        folder,
        ["fetchmail", "-f", str(control), "--silent", "--pidfile", f"{folder}/pid", "--idfile", f"{folder}/ids"],
        HOME=folder,
        FETCHMAILHOME=folder,
    )


def fetch_getmail(host, port, user, password, folder):
    for name in ("cur", "new", "tmp"):
        os.makedirs(f"{folder}/mail/{name}")
    control = pathlib.Path(folder, "getmailrc")
    control.write_text(
        f"[retriever]\ntype = SimplePOP3Retriever\nserver = {host}\nport = {port}\nusername = {user}\n"
        f"password = {password}\n[destination]\ntype = Maildir\npath = {folder}/mail/\n"
        f"[options]\nread_all = true\ndelete = false\nverbose = 0\n"
    )
    _run(folder, ["getmail", "--getmaildir", folder, "--rcfile", str(control)])


def fetch_mpop(host, port, user, password, folder):
    for name in ("cur", "new", "tmp"):
        os.makedirs(f"{folder}/mail/{name}")
    control = pathlib.Path(folder, "mpoprc")
    control.write_text(
        f"account default\nhost {host}\nport {port}\nuser {user}\npassword {password}\ntls off\n"
        f"auth user\nkeep on\ndelivery maildir {folder}/mail\nuidls_file {folder}/uidls\n"
    )
    control.chmod(0o600)
    _run(folder, ["mpop", "-C", str(control), "-q"])


def _run(folder, command, **environment):
    """Runs a fetcher, as `nobody` when we are root: some of them refuse to deliver mail as root."""
    identity = {}
    if os.geteuid() == 0:
        identity = {"user": UNPRIVILEGED, "group": "nogroup", "extra_groups": []}
        for path in (folder, *pathlib.Path(folder).rglob("*")):
            shutil.chown(path, UNPRIVILEGED)
    try:
        done = subprocess.run(
            command,
            **identity,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"not done after {PATIENCE} s") from error
    if done.returncode:
        raise RuntimeError(f"{command[0]} exited with {done.returncode}: {done.stdout[-300:].decode(errors='replace')}")


def command_fetcher(template):
    def fetch(host, port, user, password, folder):
        values = {"host": host, "port": port, "user": user, "password": password, "folder": folder}
        subprocess.run(template.format(**values), shell=True, check=True, stdout=subprocess.DEVNULL)

    return fetch


def installed_fetchers():
    fetchers = {"poplib": fetch_poplib, "pipelined": fetch_pipelined}
    for name, fetch in (("fetchmail", fetch_fetchmail), ("getmail", fetch_getmail), ("mpop", fetch_mpop)):
        if shutil.which(name):
            fetchers[name] = fetch
    return fetchers


# ---------------------------------------------------------------- measurement


def client_cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def timed(fetch, host, port, user, password):
    with tempfile.TemporaryDirectory() as folder:
        cpu, begin = client_cpu(), time.perf_counter()
        fetch(host, port, user, password, folder)
        return time.perf_counter() - begin, client_cpu() - cpu


def main():
    parser = server_parser(__doc__)
    parser.add_argument("--number", type=int, default=47, help="which user (replaces %%d in --user)")
    parser.add_argument("--rtt-ms", default="0,40")
    parser.add_argument("--fetchers", help="only these, comma separated")
    parser.add_argument("--fetcher", action="append", default=[], metavar="NAME=COMMAND")
    arguments = parser.parse_args()

    fetchers = installed_fetchers()
    for definition in arguments.fetcher:
        name, _, template = definition.partition("=")
        fetchers[name] = command_fetcher(template)
    if arguments.fetchers:
        fetchers = {name: fetchers[name] for name in arguments.fetchers.split(",")}
    user = numbered(arguments.user, arguments.number)

    metrics = {}
    for round_trip in map(float, arguments.rtt_ms.split(",")):
        for name, fetch in fetchers.items():
            try:
                with ProxyThread(arguments.host, arguments.pop3_port, round_trip / 1000) as proxy_port:
                    port = proxy_port if round_trip else arguments.pop3_port
                    wall, cpu = timed(fetch, arguments.host, port, user, arguments.password)
            except (RuntimeError, subprocess.CalledProcessError) as error:
                print(f"{name} left out: {error}", file=sys.stderr)
                continue
            metrics[f"{name}.rtt{round_trip:g}.s"] = wall
            if not round_trip:
                metrics[f"{name}.client_cpu_s"] = cpu
    report("pop3", arguments, metrics)


if __name__ == "__main__":
    main()
