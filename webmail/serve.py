"""The web role: gunicorn's threaded workers around the application, as one process tree.

Invariants: ready (DATA/run/web.pid is there) means that a worker has made the application; a stop takes about `STOP_SECONDS` however many
event streams are open; no access log, since paths of mail would be in it.
"""

import contextlib
import gc
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from server.config import Settings
from server.db import heap
from server.log import get_logger
from server.supervisor import write_pid
from webmail import setup_state
from webmail.assets import Manifest
from webmail.factory import close_app, create_app
from webmail.serve_worker import CONNECTIONS

log = get_logger("webmail.serve")

STOP_SECONDS = 2
WORKER_SILENCE = 60
"""Seconds after which a worker that answers nothing at all is replaced."""
KEEP_ALIVE = 15
PID_FILE = "web.pid"


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """Gunicorn configured from our settings alone: no file, no command line, no environment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        for key, value in _options(self.settings).items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        return create_app(self.settings)


def _options(settings: Settings) -> dict[str, Any]:
    pid_file = settings.run_dir / PID_FILE
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind

    def ready(worker: Any) -> None:
        write_pid(pid_file, worker.ppid)
        if worker.age == 1:
            _tell_code(settings, worker.wsgi)

    def leaving(_arbiter: Any, worker: Any) -> None:
        if worker.wsgi is not None:
            close_app(worker.wsgi)

    def gone(_arbiter: Any) -> None:
        with contextlib.suppress(OSError):
            pid_file.unlink()

    return {
        "bind": f"{host}:{settings.ports.web}",
        "workers": settings.web_workers,
        "worker_class": "webmail.serve_worker.Worker",
        "threads": settings.web_threads,
        "worker_connections": CONNECTIONS,
        "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - gunicorn's heartbeat, in memory
        "timeout": WORKER_SILENCE,
        "graceful_timeout": STOP_SECONDS,
        "keepalive": KEEP_ALIVE,
        "limit_request_line": 8_190,
        "accesslog": None,
        "loglevel": "warning",
        "proc_name": "posthouse-web",
        "control_socket_disable": True,
        "pre_fork": share_memory,
        "post_worker_init": ready,
        "worker_exit": leaving,
        "on_exit": gone,
    }


def share_memory(_arbiter: Any, _worker: Any) -> None:
    """Before a worker is forked: what is loaded already is no business of its garbage collector, which would copy it page by page."""
    gc.collect()
    gc.freeze()


def _tell_code(settings: Settings, app: Flask) -> None:
    """Print the code of a fresh installation that strangers could reach, for whoever reads this terminal."""
    with app.app_context():
        if setup_state.code_needed(settings) and setup_state.is_fresh():
            code = setup_state.make_code(settings)
            grouped = "-".join(code[i : i + 4] for i in range(0, len(code), 4))
            sys.stdout.write(f"Set-up code for the first page: {grouped}\n")
            sys.stdout.flush()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; returns, or leaves by SystemExit(0) as gunicorn does.

    Raises:
        AssetsMissing: The front end was never built.
    """
    Manifest.load()
    heap.be_modest()
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    log.info("web_starting", bind=settings.bind, port=settings.ports.web)
    _Server(settings).run()
