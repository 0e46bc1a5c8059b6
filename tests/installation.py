"""A whole installation as a person starts it: `python app.py serve` on a data folder of its own, with ports nobody holds.

For tests that need everything at once (browser, foreign mail programs, crashes). Everything is on loopback.
"""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from server.config import Settings, load

ROOT = Path(__file__).parent.parent
START_SECONDS = 60


def free_offset() -> int:
    """A port offset at which all mail ports are free. Each test worker looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for _ in range(200):
        offset = 12_000 + worker * 10_000 + random.randrange(0, 8_000)
        if all(_is_free(port + offset) for port in (25, 24, 587, 465, 143, 993, 110, 995)):
            return offset
    raise RuntimeError("no free ports")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Installation:
    """`start`, `stop`, `kill`, and the command line; `environ` is added to the processes' environment."""

    def __init__(self, data: Path, **environ: str) -> None:
        self.data = data
        self.port_offset, self.web_port = free_offset(), free_port()
        self.environ = {**os.environ, **environ}
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data.parent / f"{data.name}.log"

    @property
    def settings(self) -> Settings:
        return load(self.data, environ={}, options={"port_offset": self.port_offset, "web_port": self.web_port})

    @property
    def ports(self):
        return self.settings.ports

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    def command(
        self, *arguments: str, input: str | bytes | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run one command of app.py; `arguments` without --data."""
        line = [sys.executable, str(ROOT / "app.py"), *arguments, "--data", str(self.data)]
        text = input.decode("latin-1") if isinstance(input, bytes) else input
        done = subprocess.run(line, input=text, capture_output=True, text=True, env=self.environ, cwd=ROOT, timeout=120)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def add_account(self, address: str, password: str = "long enough", *more: str) -> None:
        self.command("domain", "add", address.rpartition("@")[2])
        self.command("account", "add", address, "--password-stdin", *more, input=password + "\n")

    def start(self, *more: str) -> "Installation":
        line = [sys.executable, str(ROOT / "app.py"), "serve", "--data", str(self.data)]
        line += ["--port-offset", str(self.port_offset), "--web-port", str(self.web_port), *more]
        before = len(self.output())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                line, stdout=log, stderr=log, env=self.environ, cwd=ROOT, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while b"Posthouse is ready" not in self.output()[before:]:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"it did not start: {self.output().decode()}")
            time.sleep(0.05)
        return self

    def output(self) -> bytes:
        return self.log.read_bytes() if self.log.exists() else b""

    def stop(self) -> int:
        """Ctrl-C; returns the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(30)
        self.process = None
        return status

    def pid(self, role: str) -> int:
        return int((self.data / "run" / f"{role}.pid").read_text())

    def kill(self, role: str) -> None:
        """kill -9 of one role; the supervisor starts it again."""
        os.kill(self.pid(role), signal.SIGKILL)

    def __enter__(self) -> "Installation":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None
