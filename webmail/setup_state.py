"""Whether this installation is still fresh, and the code that proves that a far visitor also reads its terminal.

An installation never becomes fresh again while it runs, so 'set up' is remembered per application and costs one read less a request.
The code is only asked for where others than this machine can connect.
"""

import hmac
import os
import secrets
from pathlib import Path

from flask import current_app

from server.admin import setup as facade
from server.config import Settings
from webmail.session import desk

AFTERWARDS = frozenset({"setup.done"})
"""Endpoints of the wizard that still answer when it is through."""
CODE_FILE = "setup-code"
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_LENGTH = 12


def is_fresh() -> bool:
    """Tell whether nobody has set this installation up yet."""
    known = current_app.config.get("POSTHOUSE_SET_UP", False)
    if known:
        return False
    fresh = desk.directory.read_now(facade.is_fresh)
    if not fresh:
        current_app.config["POSTHOUSE_SET_UP"] = True
    return fresh


def code_needed(settings: Settings) -> bool:
    """Tell whether strangers could reach the wizard: directly, or by a proxy on this machine."""
    return not settings.is_trial


def code_path(settings: Settings) -> Path:
    return settings.run_dir / CODE_FILE


def make_code(settings: Settings) -> str:
    """Return the code of this installation, making it (0600) on first use; whoever starts the web role prints it."""
    path = code_path(settings)
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, code.encode("ascii"))
    finally:
        os.close(descriptor)
    return code


def code_matches(settings: Settings, given: str) -> bool:
    """Compare in constant time, forgiving case, spaces and dashes."""
    typed = "".join(c for c in given.upper() if c.isalnum())
    return hmac.compare_digest(typed.encode(), make_code(settings).encode())


def forget_code(settings: Settings) -> None:
    code_path(settings).unlink(missing_ok=True)
