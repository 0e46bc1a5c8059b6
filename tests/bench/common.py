"""What every workload shares: command line, small protocol clients, process accounting, output."""

import argparse
import base64
import itertools
import json
import os
import socket
import ssl
import time

# ---------------------------------------------------------------- command line and output


def server_parser(description):
    """Parser with everything that describes a server; every workload takes all of it and uses what it needs."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--label", default="server", help="name of the server in the output")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=25)
    parser.add_argument("--imap-port", type=int, default=143)
    parser.add_argument("--pop3-port", type=int, default=110)
    parser.add_argument("--web-url", default="http://127.0.0.1:8080")
    parser.add_argument("--web-profile", help="JSON file that says how this webmail is driven, see profiles/")
    parser.add_argument("--user", default="u%d", help="login name; %%d becomes the number of the user")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--domain", default="example.test", help="mail for USER goes to USER@DOMAIN")
    parser.add_argument(
        "--mail-folder",
        help="where the server keeps the mail of USER (%%d too): dropped from the page "
        "cache where a workload wants a cold start",
    )
    parser.add_argument("--tls", action="store_true", help="implicit TLS for IMAP, certificate unchecked")
    parser.add_argument(
        "--server-pid",
        type=_process_id,
        action="append",
        default=[],
        metavar="PID|@FILE",
        help="root process of the server: CPU and memory of its whole tree are counted (repeatable)",
    )
    return parser


def _process_id(text):
    if text.startswith("@"):
        with open(text[1:]) as file:
            text = file.read()
    return int(text)


def numbered(pattern, number):
    return pattern.replace("%d", str(number))


def report(workload, arguments, metrics):
    """One JSON object on standard output; compare.py reads it."""
    print(
        json.dumps(
            {
                "workload": workload,
                "label": arguments.label,
                "metrics": {name: round(value, 6) for name, value in metrics.items()},
            }
        )
    )


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


# ---------------------------------------------------------------- processes


def process_tree(roots):
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat_fields(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append(int(entry))
    tree, pending = [], list(roots)
    while pending:
        pid = pending.pop()
        tree.append(pid)
        pending.extend(children.get(pid, ()))
    return tree


def _stat_fields(pid):
    """Fields of /proc/PID/stat from the state on, or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def cpu_seconds(roots):
    """User and system time of the trees, with the children they have already reaped."""
    ticks = 0
    for pid in process_tree(roots):
        fields = _stat_fields(pid)
        if fields:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_megabytes(roots):
    """(total PSS, number of processes) of the trees."""
    total = count = 0
    for pid in process_tree(roots):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
                count += 1
        except (OSError, StopIteration):
            pass
    return total / 1024, count


def evict_file_cache(folder):
    """Drops the page cache of the files under one folder only, so that nothing else on the machine gets cold."""
    os.sync()
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                descriptor = os.open(os.path.join(parent, name), os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def settle(roots, patience=60.0, step=0.5, busy=0.05, quiet=4):
    """Waits until the server does next to nothing for two seconds: what it put off must not count as the next workload's."""
    deadline, calm = time.monotonic() + patience, 0
    while roots and calm < quiet and time.monotonic() < deadline:
        before = cpu_seconds(roots)
        time.sleep(step)
        calm = calm + 1 if cpu_seconds(roots) - before < busy * step else 0


class Stopwatch:
    """Wall time and server CPU time of a with block."""

    def __init__(self, server_pids=()):
        self.server_pids = server_pids

    def __enter__(self):
        self._cpu = cpu_seconds(self.server_pids)
        self._wall = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.wall = time.perf_counter() - self._wall
        self.cpu = cpu_seconds(self.server_pids) - self._cpu


# ---------------------------------------------------------------- protocol clients


def connect(host, port, tls=False, timeout=600):
    connection = socket.create_connection((host, port), timeout)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection, server_hostname=host)
    return connection


class ImapError(Exception):
    pass


class ImapClient:
    """Sends commands and returns raw untagged responses: as little client work as possible."""

    def __init__(self, host, port, tls=False):
        self.socket = connect(host, port, tls)
        self._input = self.socket.makefile("rb", 1 << 16)
        self._counter = 0
        self._capabilities = None
        self.greeting = self._input.readline()

    @classmethod
    def logged_in(cls, arguments, number):
        client = cls(arguments.host, arguments.imap_port, arguments.tls)
        client.command(f'LOGIN "{numbered(arguments.user, number)}" "{arguments.password}"')
        return client

    def _send(self, command):
        self._counter += 1
        tag = b"a%d" % self._counter
        self.socket.sendall(tag + b" " + command + b"\r\n")
        return tag

    def _read_response(self):
        """One response; literals are kept in place."""
        parts = []
        while True:
            line = self._input.readline()
            if not line:
                raise ImapError("connection closed by the server")
            parts.append(line)
            if not line.endswith(b"}\r\n"):
                return b"".join(parts)
            parts.append(self._input.read(int(line[line.rindex(b"{") + 1 : -3])))

    def _finish(self, tag):
        untagged = []
        while True:
            response = self._read_response()
            if response.startswith(tag + b" "):
                if not response.startswith(tag + b" OK"):
                    raise ImapError(response.decode("latin-1").strip())
                return untagged
            untagged.append(response)

    def command(self, command):
        return self._finish(self._send(command.encode() if isinstance(command, str) else command))

    def append(self, mailbox, *messages, flags=()):
        """APPEND of one message, or of several at once to a server that has MULTIAPPEND; flags: one string for each."""
        headers = [
            b" (%s) {%d" % (flag.encode(), len(message))
            for message, flag in itertools.zip_longest(messages, flags, fillvalue="")
        ]
        if b"LITERAL+" in self.capabilities():
            return self._finish(
                self._send(
                    b"APPEND "
                    + mailbox.encode()
                    + b"".join(header + b"+}\r\n" + message for header, message in zip(headers, messages, strict=False))
                )
            )
        tag = self._send(b"APPEND " + mailbox.encode() + headers[0] + b"}")
        for message, next_header in zip(messages, (*headers[1:], None), strict=False):
            self._await_continuation()
            self.socket.sendall(message + (next_header + b"}\r\n" if next_header else b"\r\n"))
        return self._finish(tag)

    def _await_continuation(self):
        while not (response := self._read_response()).startswith(b"+"):
            if not response.startswith(b"*"):
                raise ImapError(response.decode("latin-1").strip())

    def idle_once(self):
        """Enters and leaves IDLE."""
        tag = self.start_idle()
        self.socket.sendall(b"DONE\r\n")
        return self._finish(tag)

    def start_idle(self):
        tag = self._send(b"IDLE")
        self._await_continuation()
        return tag

    def capabilities(self):
        if self._capabilities is None:
            self._capabilities = set(b" ".join(self.command("CAPABILITY")).upper().split())
        return self._capabilities

    def message_count(self, mailbox="INBOX"):
        status = b" ".join(self.command(f"STATUS {mailbox} (MESSAGES)"))
        return int(status[status.upper().index(b"MESSAGES") + 8 :].split(b")")[0])

    def empty(self, mailbox="INBOX"):
        self.command(f"SELECT {mailbox}")
        if self.message_count(mailbox):
            self.command("STORE 1:* +FLAGS.SILENT (\\Deleted)")
            self.command("EXPUNGE")

    def close(self):
        self._input.close()
        self.socket.close()


class SmtpClient:
    """Sends messages that are already in wire form (CRLF, dots stuffed)."""

    def __init__(self, host, port, credentials=None):
        self.socket = connect(host, port)
        self._input = self.socket.makefile("rb")
        self._reply(220)
        self.command("EHLO bench.test", 250)
        if credentials:
            token = base64.b64encode("\0{}\0{}".format(*credentials).encode()).decode()
            self.command(f"AUTH PLAIN {token}", 235)

    def _reply(self, expected):
        while True:
            line = self._input.readline()
            if line[3:4] != b"-":
                break
        if line[:3] != b"%d" % expected:
            raise RuntimeError(f"SMTP server said {line!r}, expected {expected}")

    def command(self, line, expected):
        self.socket.sendall(line.encode() + b"\r\n")
        self._reply(expected)

    def send(self, sender, recipient, wire_message):
        self.command(f"MAIL FROM:<{sender}>", 250)
        self.command(f"RCPT TO:<{recipient}>", 250)
        self.command("DATA", 354)
        self.socket.sendall(wire_message)
        self._reply(250)

    def close(self):
        self.command("QUIT", 221)
        self._input.close()
        self.socket.close()


def smtp_wire_form(message):
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"
