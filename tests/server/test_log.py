import io
import subprocess
import sys

import structlog

from server import log


def line(monkeypatch, **values):
    out = io.StringIO()
    monkeypatch.setattr("sys.stderr", out)
    log.configure(json=True)
    try:
        structlog.get_logger(source="x").info("seen", **values)
    finally:
        structlog.reset_defaults()
    return out.getvalue()


def test_a_peer_cannot_start_a_line_of_its_own(monkeypatch):
    written = line(monkeypatch, helo="a\r\nforged\x1b[2J\u2028b", raw=b"\xff\n")
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert "\u2028" not in written


def test_secrets_are_blanked_and_values_bounded(monkeypatch):
    written = line(monkeypatch, password="hunter2", access_token="t0p", detail="y" * 10_000)
    assert "hunter2" not in written
    assert "t0p" not in written
    assert len(written) < 1_000


def test_a_role_does_not_carry_what_prints_pretty_tracebacks():
    code = "import sys, server.log; print(any(name.partition('.')[0] == 'rich' for name in sys.modules)); import rich"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
