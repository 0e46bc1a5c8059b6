"""A real Chromium on a real web role in this process."""

import asyncio
import shutil
import threading
from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from server.accounts import account as accounts
from server.accounts.directory import set_hostname
from server.config import Settings
from tests.fakes.pop3_server import Maildrop, Pop3Server
from webmail.factory import close_app, create_app

ADDRESS, PASSWORD = "iris@lin.example", "correct horse battery"
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
"""A browser that talks to nobody but us."""


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


@contextmanager
def serving(app):
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    # Threads of streams that a closed tab left behind must not hold the test.
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        for warming in [t for t in threading.enumerate() if t.name == "warm"]:
            warming.join()
        close_app(app)


@pytest.fixture
def fresh(tmp_path):
    """The address of an installation nobody has set up."""
    with serving(create_app(Settings(data=tmp_path))) as address:
        yield address


@pytest.fixture
def application(tmp_path):
    """An installation with one person."""
    app = create_app(Settings(data=tmp_path))

    def furnish(w):
        accounts.add_domain(w, "lin.example")
        set_hostname(w, "mail.lin.example")
        accounts.add_account(w, ADDRESS, PASSWORD, name="Iris Lin", admin=True)

    app.extensions["posthouse"].directory.write_now(furnish)
    return app


@pytest.fixture
def house(application):
    """Its address."""
    with serving(application) as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        yield browser
        browser.close()


class Complaints(list):
    """What the page's console said. An answer of 4xx is no complaint of the page itself."""

    def watch(self, page):
        page.on("pageerror", lambda error: self.append(str(error)))
        page.on(
            "console",
            lambda m: (
                self.append(m.text) if m.type in ("error", "warning") and "Failed to load" not in m.text else None
            ),
        )


@pytest.fixture
def open_page(chromium):
    contexts, complaints = [], Complaints()

    def make(**options):
        context = chromium.new_context(**({"locale": "en-GB", "viewport": {"width": 1440, "height": 900}} | options))
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        complaints.watch(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == [], "neither script errors nor refusals of the policy"


@pytest.fixture
def sign_in():
    def act(page, house):
        page.goto(f"{house}/mail/sign-in?next=/mail/settings/general")
        page.get_by_label("Account name").fill(ADDRESS)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.locator("button[type=submit][data-again]").click()
        page.wait_for_url("**/mail/settings/general")

    return act


@pytest.fixture
def provider():
    """A POP3 server with one message; user `someone`, password `right horse`."""
    drop = Maildrop()
    drop.add(b"Subject: Greetings\r\nMessage-ID: <1@other.example>\r\n\r\nHello\r\n")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(Pop3Server(drop).start(), loop).result(10)
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
