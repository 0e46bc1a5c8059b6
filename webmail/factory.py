"""Makes the web application out of settings; nothing is opened, read or registered before that.

The pages stand under /mail. What views share (settings, directory, authenticator) hangs on the application as `session.Desk`.
"""

from pathlib import Path

from flask import Flask, redirect, url_for
from werkzeug.routing import IntegerConverter

from fetcher.account import SCHEMA as SOURCE_TABLES
from server.accounts.code_check import CodeCheck
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory
from server.accounts.pop3_choice import SCHEMA as POP3_CHOICES
from server.accounts.schema import SCHEMA as ACCOUNT_TABLES
from server.clock import Clock, SystemClock
from server.config import Settings
from server.db.database import Database
from server.seal import Keyring
from webmail import guard, i18n, page, places, preferences, session, source_search, submission
from webmail.assets import CurrentManifest
from webmail.forwarded import Forwarded
from webmail.session import Desk
from webmail.views import (
    accounts,
    actions,
    add_account,
    auth,
    body,
    compose,
    errors,
    events,
    folders,
    health,
    mailbox,
    message,
    parts,
    programs,
    search,
    security,
    setup,
    two_step,
)
from webmail.views import settings as settings_views

ROOMS = (
    auth, setup, settings_views, programs, security, two_step, accounts, add_account, health,
    mailbox, message, body, parts, search, events, actions, folders, compose,
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent
FORM_KEY_FILE = "web.key"
FORM_MEMORY_LIMIT = 2 * 2**20
FORM_PARTS_LIMIT = 1_000
FORM_TOKEN_SECONDS = 24 * 3600


class Number(IntegerConverter):
    """Numbers of addresses, as large as a database takes; more digits name nothing."""

    regex = r"\d{1,15}"


def create_app(settings: Settings, *, clock: Clock | None = None) -> Flask:
    """Return the WSGI application of one installation.

    Raises:
        AssetsMissing: The front end was never built.
    """
    app = Flask(
        "webmail",
        root_path=str(ROOT / "webmail"),
        template_folder=str(ROOT / "templates"),
        static_url_path="/mail/static",
    )
    app.config.update(
        SECRET_KEY=session.signing_key(settings.data / FORM_KEY_FILE),
        SESSION_COOKIE_NAME="posthouse_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(settings.base_url or "").startswith("https:"),
        WTF_CSRF_TIME_LIMIT=FORM_TOKEN_SECONDS,
        # The Referer is withheld by our own policy; the token alone decides.
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=guard.FORM_LIMIT,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY_LIMIT,
        MAX_FORM_PARTS=FORM_PARTS_LIMIT,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    tables = [ACCOUNT_TABLES, POP3_CHOICES, preferences.SCHEMA, submission.SCHEMA, SOURCE_TABLES]
    database = Database(settings.directory_db, tables)
    directory = Directory(database, default_hostname=settings.hostname)
    keyring, time = Keyring(settings.secret_key_file), clock or SystemClock()
    app.extensions["posthouse"] = Desk(
        settings, directory, Authenticator(directory, time), CodeCheck(directory, keyring, time), keyring
    )
    app.url_map.converters["int"] = Number
    places.init_app(app, settings.web_threads)
    source_search.init_app(app, settings)
    session.init_app(app)
    i18n.init_app(app)
    page.init_app(app, CurrentManifest())
    guard.init_app(app)
    app.add_url_rule("/", "root", lambda: redirect(url_for("root_mail")))
    app.add_url_rule("/mail/", "root_mail", lambda: redirect("/mail/box/INBOX"))
    for views in ROOMS:
        app.register_blueprint(views.blueprint)
    app.wsgi_app = Forwarded(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]  # Flask's documented way
    errors.init_app(app)
    return app


def close_app(app: Flask) -> None:
    """Give back what the application holds: processes, connections, the database. For whoever made it, at the end."""
    for service in list(app.extensions.values()):
        close = getattr(service, "close", None)
        if callable(close):
            close()
    desk = app.extensions["posthouse"]
    desk.authenticator.close()
    desk.directory.database.close()
