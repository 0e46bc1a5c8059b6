"""What every request passes on its way in, and every answer on its way out.

Invariants: every route needs a session except the public list below (a new route is closed until it is named here); every
form and script request that changes something carries a CSRF token; no page may be framed, cached or led to foreign
resources (security.md T057, T058, T063, T064, T067, T068).
"""

import ipaddress
import re
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from server.config import Settings
from webmail import setup_state
from webmail.places import places
from webmail.session import COOKIE, WebSession, desk, forget

PUBLIC_ENDPOINTS = frozenset(
    {"static", "auth.sign_in", "auth.code", "auth.language", "auth.look", "health.healthz", "body.image"}
)
"""Open to everybody. Keep it short."""
SETUP_BLUEPRINT = "setup"
"""Open while the installation is fresh, and not there afterwards."""

PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; frame-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
IMMUTABLE = "public, max-age=31536000, immutable"
HOST_LIMIT = 253
_HOST = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
FORM_LIMIT = 4 * 2**20
"""Octets of any request body but a letter."""
STRANGER_LIMIT = 64 * 1024
"""Octets of a request body of somebody who is not signed in; what is larger is refused unread."""
UNCOUNTED_ENDPOINTS = frozenset({"static", "events.stream"})
"""Files, and the streams, which are counted by themselves."""
LETTER_BLUEPRINTS = frozenset({"compose"})
LETTER_OVERHEAD = 2**20
"""What multipart framing and the other fields of a form may add to the largest message."""
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Hang the guard on an application. Host first, then set-up, then session, then CSRF."""
    app.before_request(check_host)
    app.before_request(lead_to_setup)
    app.before_request(require_session)
    app.before_request(bound_body)
    app.before_request(take_place)
    app.teardown_request(leave_place)
    csrf.init_app(app)
    app.after_request(add_headers)


def check_host() -> None:
    """Refuse a request for a name that is not ours, so that no link can be built from a forged Host (T064).

    The whole of it stands in policies that we send, so nothing but a name and a port may be in it.
    """
    if not _HOST.fullmatch(request.host) or not host_allowed(
        _host_of(request.host), desk.settings, desk.directory.hostname(), fresh=setup_state.is_fresh()
    ):
        abort(421)


def host_allowed(host: str, settings: Settings, hostname: str, *, fresh: bool) -> bool:
    """Tell whether a Host header names this installation.

    Addresses are always allowed: they cannot be rebound by somebody's name server, and are how a machine is reached before it has
    a name. A fresh installation has no name yet, so any well-formed one is, where the wizard asks for its code; where it does not,
    somebody's name server could lead the browser on this machine to it (DNS rebinding).
    """
    if not host or len(host) > HOST_LIMIT:
        return False
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        own = {"localhost", hostname, settings.hostname, urlsplit(settings.base_url or "").hostname}
        is_name = all(c.isalnum() or c in "-." for c in host)
        return host in own or (fresh and setup_state.code_needed(settings) and is_name)
    return True


def _host_of(value: str) -> str:
    return (urlsplit(f"//{value}").hostname or "").lower().rstrip(".")


def lead_to_setup() -> BaseResponse | None:
    """Send everybody to the wizard while there is nobody to sign in, and hide it afterwards."""
    fresh = setup_state.is_fresh()
    if request.blueprint == SETUP_BLUEPRINT:
        if not fresh and request.endpoint not in setup_state.AFTERWARDS:
            abort(404)
        return None
    if fresh and request.endpoint not in PUBLIC_ENDPOINTS - {"auth.sign_in", "auth.code"}:
        return redirect(url_for("setup.start"))
    return None


def require_session() -> BaseResponse | None:
    """Put the session into `g.session`, or send the visitor to the sign-in page."""
    g.session = None
    user = current_user._get_current_object() if current_user.is_authenticated else None  # noqa: SLF001 - the way Flask-Login gives it
    if isinstance(user, WebSession):
        g.session = user
        return None
    if request.endpoint in PUBLIC_ENDPOINTS or request.blueprint == SETUP_BLUEPRINT:
        return None
    return _ask_to_sign_in()


def bound_body() -> None:
    """Let those who are signed in send a whole letter to where letters are written; a stranger sends small forms.

    Reading a body keeps a thread busy, so a stranger must say how long it is, and a browser always does (T102).
    """
    if g.session is None:
        request.max_content_length = STRANGER_LIMIT
        if "Transfer-Encoding" in request.headers:
            abort(411)
        if (request.content_length or 0) > STRANGER_LIMIT:
            abort(413)
    elif request.blueprint in LETTER_BLUEPRINTS:
        request.max_content_length = desk.settings.message_size_limit * 4 // 3 + LETTER_OVERHEAD


def take_place() -> None:
    """One person may not have all threads at work; a page of ours never asks for so much at once."""
    g.place = None
    if g.session is not None and request.endpoint not in UNCOUNTED_ENDPOINTS:
        if not places().enter(g.session.account_id):
            abort(429)
        g.place = g.session.account_id


def leave_place(_error: BaseException | None = None) -> None:
    """After the answer, a streamed one too, however it ended."""
    account = g.pop("place", None)
    if account is not None:
        places().leave(account)


def _ask_to_sign_in() -> BaseResponse:
    target = url_for("auth.sign_in", next=own_path(_wanted()) if request.method == "GET" else None)
    if "HX-Request" in request.headers or request.headers.get("Accept", "").startswith(
        ("application/json", "text/event-stream")
    ):
        # A partial or a stream cannot show a sign-in page: the script is told to go there (htmx reads HX-Redirect).
        response: BaseResponse = Response(status=401, headers={"HX-Redirect": url_for("auth.sign_in")})
    else:
        response = redirect(target)
    if COOKIE in request.cookies and isinstance(response, Response):
        forget(response)
    return response


def _wanted() -> str:
    """The address as it was asked for; what Werkzeug decoded (a space, a Chinese name) is encoded again."""
    query = request.query_string.decode("ascii", "replace")
    return quote(request.path, safe="/:@!$&'()*+,;=~-._") + (f"?{query}" if query else "")


def own_path(value: str | None) -> str | None:
    """Return `value` when it is a path of this site, else None (security.md T063).

    Browsers read a backslash as a slash and drop tabs and line ends, so anything of the kind is refused whole.
    """
    if not value or not value.startswith("/mail/") or len(value) > 2_000:
        return None
    if "\\" in value or " " in value or not value.isprintable():
        return None
    parts = urlsplit(value)
    return None if parts.scheme or parts.netloc or value.startswith("//") else value


def add_headers(response: Response) -> Response:
    """Add what is missing; a view that sets its own policy (the body of a mail, a file) keeps it."""
    if request.endpoint == "static" and response.status_code in (200, 206, 304):
        response.headers["Cache-Control"] = IMMUTABLE
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or (desk.settings.base_url or "").startswith("https:"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response
