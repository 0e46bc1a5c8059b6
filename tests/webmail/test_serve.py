"""The web role as a real process: ready, answering, and gone quickly while streams are open."""

import contextlib
import gc
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest

from server.accounts import account as accounts
from server.accounts.directory import open_database
from server.config import Settings
from webmail.serve import _options

ROOT = Path(__file__).parents[2]
RUN = (
    "import sys; from pathlib import Path; from server.config import Settings; from webmail.serve import serve;"
    "serve(Settings(data=Path(sys.argv[1]), web_port=int(sys.argv[2]), bind=sys.argv[3]))"
)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(data, bind="127.0.0.1"):
    port = free_port()
    command = [sys.executable, "-c", RUN, str(data), str(port), bind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            deadline = time.monotonic() + 60
            while not (data / "run" / "web.pid").exists():
                assert process.poll() is None, process.stdout.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process, port
        finally:
            process.kill()


class Browser:
    def __init__(self, port):
        self.port, self.cookies = port, {}

    def ask(self, method, path, form=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = urlencode(form) if form is not None else None
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} | (headers or {})
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return connection, response

    def page(self, method, path, form=None):
        connection, response = self.ask(method, path, form)
        text = response.read().decode()
        connection.close()
        return response, text


def csrf(text):
    return re.search(r'csrf-token" content="([^"]+)"', text).group(1)


def test_it_stops_while_a_stream_is_open(tmp_path):
    database = open_database(tmp_path / "directory.db")

    def furnish(w):
        accounts.add_domain(w, "lin.example")
        accounts.add_account(w, "iris@lin.example", "correct horse battery")

    database.write(furnish)
    database.close()
    with socket.create_server(("127.0.0.1", 0)) as silent, serving(tmp_path) as (process, port):
        pid = int((tmp_path / "run" / "web.pid").read_text())
        assert pid == process.pid
        browser = Browser(port)
        _, card = browser.page("GET", "/mail/sign-in")
        form = {"name": "iris@lin.example", "password": "correct horse battery", "csrf_token": csrf(card)}
        assert browser.page("POST", "/mail/sign-in", form)[0].status == 302
        _, page = browser.page("GET", "/mail/accounts/add/")
        silent_port = silent.getsockname()[1]
        form = {"address": "a@b.example", "username": "a", "host": "127.0.0.1", "port": silent_port, "tls": "none"}
        form |= {"password": "x", "csrf_token": csrf(page)}
        # The check waits for the greeting of a server that says nothing: a stream that would go on for long.
        connection, stream = browser.ask("POST", "/mail/accounts/add/", form, {"Accept": "application/x-ndjson"})
        assert stream.status == 200
        assert b"html" in stream.readline()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=15) == 0
        connection.close()
    assert not (tmp_path / "run" / "web.pid").exists()


def test_a_far_reachable_fresh_installation_prints_its_code(tmp_path):
    with serving(tmp_path, "0.0.0.0") as (process, port):
        line = next(line for line in process.stdout if "Set-up code" in line)
        code = re.search(r"([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})", line).group(1)
        browser = Browser(port)
        _, page = browser.page("GET", "/mail/setup/")
        response, _ = browser.page("POST", "/mail/setup/", {"code": code, "csrf_token": csrf(page)})
        assert response.headers["Location"] == "/mail/setup/names"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


@pytest.mark.parametrize(("bind", "written"), [("127.0.0.1", "127.0.0.1:8080"), ("::1", "[::1]:8080")])
def test_addresses_are_written_as_gunicorn_reads_them(tmp_path, bind, written):
    options = _options(Settings(data=tmp_path, bind=bind))
    assert options["bind"] == written
    assert options["accesslog"] is None, "paths of mail are nobody's business"


def test_what_was_loaded_before_the_fork_is_not_the_collectors(tmp_path):
    options = _options(Settings(data=tmp_path))
    before = gc.get_freeze_count()
    try:
        options["pre_fork"](None, None)
        assert gc.get_freeze_count() > before + 1_000
    finally:
        gc.unfreeze()
