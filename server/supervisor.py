"""Starts the three roles as processes, says when they are ready, restarts one that dies, and stops them all in seconds.

Invariants: one supervisor a data folder (a lock on DATA/run/serve.lock); a role that has written DATA/run/<role>.pid is ready;
stopping sends SIGTERM first and SIGKILL only after `STOP_GRACE`.
"""

import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import FrameType
from typing import Any

from server.config import Ports, Settings
from server.log import get_logger

STOP_GRACE = 8.0
RESTART_PAUSE = 1.0
READY_TIMEOUT = 60.0
OPTIONS_FILE = "options.json"
FILES = 65_536

log = get_logger("supervisor")


class StartError(Exception):
    """Why nothing was started: one sentence with the remedy."""


@dataclass(slots=True)
class Role:
    """One process of the product: how it is started, and the process while it runs."""

    name: str
    command: Sequence[str]
    after: str | None = None
    """Started only when this other role is ready: the worker would find no mail ports yet."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0


def allow_many_files(wanted: int = FILES) -> int:
    """Let this process and its children hold as many files and connections as the machine permits; returns how many.

    The usual 1,024 would be used up by one guest with patience, long before our own bounds on connections are reached.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        return target
    return soft


def prepare_folder(data: Path) -> None:
    """Make the data folder and prove that it can be written; raises StartError."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        (data / "run").mkdir(exist_ok=True, mode=0o700)
        probe = data / "run" / ".probe"
        probe.write_bytes(b"x" * 65_536)
        probe.unlink()
    except FileExistsError as error:
        raise StartError(f"{error.filename} is a file; give a folder with --data.") from error
    except OSError as error:
        remedies = {
            28: "free some space, or choose another disk with --data",
            13: "let this user write there, or choose another folder with --data",
        }
        remedy = remedies.get(error.errno or 0, "choose another folder with --data")
        raise StartError(f"The data folder {data} cannot be used ({error.strerror}): {remedy}.") from error


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; raises StartError when another one has it."""
    with (data / "run" / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StartError(
                f"Posthouse already runs on {data}; stop it first, or give another folder with --data."
            ) from error
        yield


def is_free(address: str, port: int) -> bool:
    """Tell whether a port of an address of this machine can be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def any_free_port(address: str) -> int:
    """Return a port that nobody holds at the moment."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def check_ports(settings: Settings) -> None:
    """Find a port that somebody else holds before anything is started; raises StartError."""
    for f in fields(Ports):
        port = getattr(settings.ports, f.name)
        family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.bind, port))
            except OSError as error:
                option = "--web-port" if f.name == "web" else "--port-offset"
                why = "is in use" if error.errno == 98 else f"cannot be opened ({error.strerror})"
                raise StartError(
                    f"Port {port} ({f.name}) on {settings.bind} {why}: stop what holds it, or choose another with {option}."
                ) from error


def alive(data: Path, role: str) -> bool:
    """Tell whether a role has said that it is ready and still runs."""
    try:
        os.kill(int((data / "run" / f"{role}.pid").read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def write_pid(path: Path, pid: int) -> None:
    """Write a process id so that nobody ever reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{pid}\n", "ascii")
    fresh.rename(path)


@contextlib.contextmanager
def ready(data: Path, role: str) -> Iterator[None]:
    """Say that this process is ready as `role` for as long as the block runs."""
    path = data / "run" / f"{role}.pid"
    write_pid(path, os.getpid())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if path.read_text().strip() == str(os.getpid()):
                path.unlink()


def remember_options(data: Path, options: Mapping[str, Any]) -> None:
    """Write down what this start was told on its command line, for the commands that talk to it."""
    (data / "run" / OPTIONS_FILE).write_text(json.dumps({k: v for k, v in options.items() if v is not None}))


def started_with(data: Path) -> dict[str, Any]:
    """Return the options of the running system; nothing when none runs."""
    if not alive(data, "serve"):
        return {}
    try:
        found = json.loads((data / "run" / OPTIONS_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class Supervisor:
    """The parent of the roles."""

    def __init__(self, data: Path, roles: Sequence[Role]) -> None:
        self._data, self._roles = data, roles
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """True once a stop was asked for."""
        return self._stopping

    def start(self) -> None:
        """Start every role and wait until all are ready; raises StartError when one gives up at once."""
        for role in self._roles:
            (self._data / "run" / f"{role.name}.pid").unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, self._stop_asked)
        signal.signal(signal.SIGINT, self._stop_asked)
        deadline = time.monotonic() + READY_TIMEOUT
        while not self._stopping and not all(alive(self._data, role.name) for role in self._roles):
            for role in self._roles:
                if role.process is None and (role.after is None or alive(self._data, role.after)):
                    self._spawn(role)
                if role.process is not None and role.process.poll() is not None:
                    self.stop()
                    raise StartError(f"The {role.name} role stopped while starting; its reason is in the lines above.")
            if time.monotonic() > deadline:
                self.stop()
                raise StartError(
                    f"The roles were not ready within {READY_TIMEOUT:.0f} s; the lines above tell which one waits."
                )
            time.sleep(0.05)

    def watch(self) -> None:
        """Restart what dies until a stop is asked for, then stop everything."""
        while not self._stopping:
            time.sleep(0.25)
            for role in self._roles:
                if not self._stopping and role.process is not None and role.process.poll() is not None:
                    log.error("role_died", role=role.name, status=role.process.returncode)
                    time.sleep(RESTART_PAUSE if time.monotonic() - role.started < 30 else 0)
                    self._spawn(role)
        self.stop()

    def stop(self) -> None:
        """Ask every role to stop, and insist after STOP_GRACE seconds."""
        self._stopping = True
        running = [role.process for role in self._roles if role.process is not None and role.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_GRACE
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self, role: Role) -> None:
        role.started = time.monotonic()
        # A new session: Ctrl-C in the terminal reaches the supervisor alone, which then stops the roles in order.
        role.process = subprocess.Popen([sys.executable, *role.command], start_new_session=True)  # noqa: S603 - our own command line

    def _stop_asked(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
