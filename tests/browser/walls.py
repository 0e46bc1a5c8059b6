"""Shows hostile bodies in a real Chromium, each wall by itself, and tells what came through.

Wall 1 alone: the sanitiser's output in a page without any policy, put in twice by innerHTML and once as a document.
Wall 2 alone: the raw body behind the frame's sandbox and headers, with nothing sanitised.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

from webmail import document
from webmail.sanitize import TooNested, sanitise

CHROMIUM = "/usr/bin/chromium"
MARK = "SCRIPT-RAN"
BATCH = 50
PIXEL = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"


@dataclass(slots=True)
class Seen:
    """What the browser did while bodies were shown."""

    scripts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def clear(self) -> None:
        for found in (self.scripts, self.requests, self.dialogs):
            found.clear()

    @property
    def nothing(self) -> bool:
        return not (self.scripts or self.requests or self.dialogs)


class Stage:
    """A small web server that serves the pages, and a browser that watches them."""

    def __init__(self, bodies: list[str], context: BrowserContext, port: int) -> None:
        self.bodies, self.origin = bodies, f"http://127.0.0.1:{port}"
        self.context, self.seen = context, Seen()
        context.route("**/*", self._judge)
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("dialog", lambda dialog: (self.seen.dialogs.append(dialog.message), dialog.dismiss()))
        self.page.on("popup", lambda page: self.seen.requests.append(f"popup {page.url}"))

    def _console(self, message) -> None:  # type: ignore[no-untyped-def]
        if MARK in message.text and message.type == "log":
            self.seen.scripts.append(message.text)

    def _judge(self, route: Route) -> None:
        """Only the stage's own pages may be asked for; anything else is written down and refused."""
        parts = urlsplit(route.request.url)
        ours = f"{parts.scheme}://{parts.netloc}" == self.origin and parts.path.startswith("/stage/")
        if ours or parts.scheme in ("data", "blob", "about"):
            route.continue_()
            return
        self.seen.requests.append(route.request.url)
        route.abort()

    def show(self, path: str, wait: int) -> Seen:
        self.seen.clear()
        self.page.goto(self.origin + path)
        self.page.wait_for_timeout(wait)
        return self.seen


def _sanitised(body: str) -> str:
    try:
        return sanitise(body).html
    except TooNested:
        return ""


def pages(bodies: list[str], origin: str, path: str) -> tuple[dict[str, str], bytes]:
    """The answer of the stage for one path."""
    kind, _, number = path.removeprefix("/stage/").partition("/")
    plain = {"Content-Type": "text/html; charset=utf-8"}
    first = int(number) if number.isdigit() else 0
    if kind == "wall1":  # many bodies, each put in twice as an editor or a fragment would be
        return plain, _twice([_sanitised(body) for body in bodies[first : first + BATCH]]).encode()
    if kind == "document":
        return plain, f"<!doctype html><html><body>{_sanitised(bodies[first])}</body></html>".encode()
    if kind == "control":
        return plain, f"<!doctype html><html><body>{bodies[first]}</body></html>".encode()
    if kind == "wall2":
        return document.headers(origin), document.page(bodies[first]).encode()
    frames = "".join(
        f'<iframe sandbox="{document.SANDBOX}" referrerpolicy="no-referrer" height="80" src="/stage/wall2/{i}"></iframe>'
        for i in range(first, min(first + BATCH, len(bodies)))
    )
    return plain, f"<!doctype html><html><body>{frames}</body></html>".encode()


def _twice(markup: list[str]) -> str:
    import json

    listed = json.dumps(markup).replace("<", "\\u003c")
    return (
        "<!doctype html><html><body><script>"
        f"for (const body of {listed}) {{ const one = document.createElement('div'); one.innerHTML = body; document.body.append(one);"
        " const two = document.createElement('div'); two.innerHTML = one.innerHTML; document.body.append(two); }"
        "</script></body></html>"
    )


@contextmanager
def stage(make_bodies) -> Iterator[Stage]:  # type: ignore[no-untyped-def]
    """A stage for the bodies that `make_bodies(origin)` gives."""
    holder: dict[str, object] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers, content = pages(holder["bodies"], holder["origin"], self.path)  # type: ignore[arg-type]
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    holder["origin"] = f"http://127.0.0.1:{server.server_port}"
    holder["bodies"] = make_bodies(holder["origin"])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            try:
                yield Stage(holder["bodies"], browser.new_context(), server.server_port)  # type: ignore[arg-type]
            finally:
                browser.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
