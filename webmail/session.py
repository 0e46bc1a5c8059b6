"""The web session: a cookie that holds a token, and the row behind it that its owner can see and end.

Invariants (DESIGN.md D2, security.md T059 to T062): no password is kept; the cookie holds nothing but the token, so a copied
cookie dies with its row; sign-in always issues a new token and a new form secret; nothing trusts X-Forwarded-For.
"""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, abort, current_app, g, request
from flask import session as form_session
from flask_login import LoginManager
from werkzeug.local import LocalProxy

from server.accounts import token as tokens
from server.accounts.account import Account, by_id
from server.accounts.code_check import CodeCheck
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory
from server.config import Settings
from server.db.transaction import Reader, Writer
from server.seal import Keyring
from webmail import preferences
from webmail.preferences import Preferences

COOKIE = "posthouse_session"
KIND = "web"
STAY_SECONDS = 30 * 24 * 3600
VISIT_SECONDS = 24 * 3600
SIGNING_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebSession:
    """Who is signed in, as the views know it. `token` opens IMAP and submission for this account."""

    account_id: int
    address: str
    name: str
    token: str = field(repr=False)
    csrf: str = field(repr=False)
    admin: bool
    token_id: int
    preferences: Preferences

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """The per-device identity: the row of the token, never the bare account."""
        return str(self.token_id)

    @property
    def language(self) -> str:
        return self.preferences.language

    @property
    def theme(self) -> str:
        return self.preferences.theme

    @property
    def display_name(self) -> str:
        return self.name or self.address


@dataclass(frozen=True, slots=True)
class Desk:
    """What views need beside the request: one per application, in `app.extensions["posthouse"]`."""

    settings: Settings
    directory: Directory
    authenticator: Authenticator
    codes: CodeCheck
    keyring: Keyring


def _desk() -> Desk:
    found = current_app.extensions["posthouse"]
    if not isinstance(found, Desk):
        raise TypeError("the application was not made by webmail.factory.create_app")
    return found


desk: Desk = LocalProxy(_desk)  # type: ignore[assignment]  # a LocalProxy of a Desk behaves as one


def signing_key(path: Path) -> bytes:
    """Return the key that signs the form cookie, making it on first use (0600, whole or not at all)."""
    try:
        key = path.read_bytes()
        if len(key) == SIGNING_KEY_BYTES:
            return key
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(SIGNING_KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        # Several workers may start at once: the first link wins, and all read that one.
        path.hardlink_to(temporary)
    except FileExistsError:
        if len(path.read_bytes()) != SIGNING_KEY_BYTES:
            temporary.replace(path)
            return path.read_bytes()
    temporary.unlink(missing_ok=True)
    return path.read_bytes()


def init_app(app: Flask) -> None:
    """Attach Flask-Login, reduced to 'who does this request belong to'."""
    login = LoginManager()
    # Its protection hashes an address taken from X-Forwarded-For (security.md T062); ours is the token's row.
    login.session_protection = None
    login.init_app(app)
    # The request alone says who it is: no user id in a signed cookie that could not be revoked (T060).
    login.request_loader(lambda _request: load())


def load() -> WebSession | None:
    """Return the session that the request's cookie names, or None when it is unknown, expired or ended."""
    secret = request.cookies.get(COOKIE, "")
    if not secret:
        return None
    directory = desk.directory
    found = directory.read_now(lambda r: _find(r, secret))
    if found is None:
        return None
    token, account, wishes = found
    if tokens.stale(token):
        directory.write_now(lambda w: tokens.touch(w, token.id))
    return WebSession(
        account_id=account.id,
        address=account.address,
        name=account.name,
        token=secret,
        csrf=str(form_session.get("csrf_token", "")),
        admin=account.admin,
        token_id=token.id,
        preferences=wishes,
    )


def _find(r: Reader, secret: str) -> tuple[tokens.Token, Account, Preferences] | None:
    found = tokens.find(r, secret)
    if found is None or found[0].kind != KIND:
        return None
    return (*found, preferences.load(r, found[1].id))


def open_for(account: Account, response: Response, *, stay: bool) -> None:
    """Start a session: a new token in a new cookie, and a new form secret (T059)."""
    lifetime = STAY_SECONDS if stay else VISIT_SECONDS
    label, peer = device_label(request.user_agent.string), request.remote_addr or ""
    old = request.cookies.get(COOKIE, "")
    secret = desk.directory.write_now(lambda w: _issue(w, account.id, old, label, peer, lifetime))
    form_session.clear()
    response.set_cookie(
        COOKIE,
        secret,
        max_age=lifetime if stay else None,
        secure=is_secure(),
        httponly=True,
        samesite="Lax",
        path="/",
    )


def _issue(w: Writer, account_id: int, old: str, label: str, peer: str, lifetime: int) -> str:
    former = tokens.find(w, old) if old else None
    if former is not None:
        tokens.revoke(w, former[0].account_id, former[0].id)
    return tokens.issue(w, account_id, kind=KIND, label=label, peer=peer, lifetime=lifetime)


def renew(response: Response) -> int:
    """Give the signed-in person a new token for the one they have, which ends, and return the former one's row (T059)."""
    former = g.session
    account = desk.directory.read_now(lambda r: by_id(r, former.account_id))
    rows = desk.directory.read_now(lambda r: tokens.list_for(r, former.account_id))
    row = next((row for row in rows if row.id == former.token_id), None)
    if account is None or row is None:
        abort(401)
    open_for(account, response, stay=row.expires - row.created > VISIT_SECONDS)
    return int(former.token_id)


def close(current: WebSession, response: Response) -> None:
    """End the session for good: the row goes, then the cookie."""
    desk.directory.write_now(lambda w: tokens.revoke(w, current.account_id, current.token_id))
    forget(response)


def end_others(w: Writer, account_id: int, keep: int) -> list[int]:
    """End every web session of an account but one; returns the rows that are gone."""
    others = [token.id for token in tokens.list_for(w, account_id) if token.kind == KIND and token.id != keep]
    for token_id in others:
        tokens.revoke(w, account_id, token_id)
    return others


def forget(response: Response) -> None:
    """Take the cookie back."""
    form_session.clear()
    response.delete_cookie(COOKIE, path="/", secure=is_secure(), httponly=True, samesite="Lax")


def is_secure() -> bool:
    """Tell whether cookies may be marked Secure: TLS here, or at the proxy that the base URL names."""
    base = desk.settings.base_url or ""
    return request.is_secure or base.startswith("https:")


_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_label(agent: str) -> str:
    """Name a device as its owner would: `Firefox, Linux`. What the browser claims, shown and never trusted."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if not browser and not system:
        return "".join(c for c in agent if c.isprintable())[:60]
    return ", ".join(part for part in (browser, system) if part)
