"""Webmail: server response times by plain HTTP requests and, with --browser, times until the page shows the result.

How a webmail is driven comes from a JSON profile (--web-profile, see profiles/), so that any webmail can be measured.
"""

import html
import http.cookiejar
import json
import pathlib
import re
import statistics
import urllib.parse
import urllib.request

from common import Stopwatch, numbered, report, server_parser
from corpus import KNOWN_SENDER, RARE_WORD

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class WebSession:
    def __init__(self, arguments, profile, number):
        self.base, self.profile = arguments.web_url.rstrip("/"), profile
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self.values = {
            "user": numbered(arguments.user, number),
            "password": arguments.password,
            "sender": KNOWN_SENDER,
            "word": RARE_WORD,
        }

    def open(self, path, data=None, headers=None):
        path = path.format(**{name: urllib.parse.quote(str(value)) for name, value in self.values.items()})
        return self.opener.open(urllib.request.Request(self.base + path, data, headers or {}), timeout=600)

    def get(self, path, data=None, headers=None):
        with self.open(path, data, headers) as reply:
            return reply.read().decode("utf-8", "replace")

    def request(self, wanted):
        """One request of the profile: a path, or a path with headers of its own."""
        if isinstance(wanted, str):
            return self.get(wanted)
        return self.get(wanted["path"], headers=wanted.get("headers"))

    def log_in(self):
        fields = {name: value.format(**self.values) for name, value in self.profile["login_fields"].items()}
        page, token = self.get(self.profile["login_page"]), self.profile.get("login_token")
        if token:
            fields[token["field"]] = self._find(token["pattern"], page)
        page, token = (
            self.get(self.profile["login_form"], urllib.parse.urlencode(fields).encode()),
            self.profile.get("session_token"),
        )
        if token:
            self.opener.addheaders.append((token["header"], self._find(token["pattern"], page)))

    def _find(self, pattern, text):
        found = re.search(pattern, text)
        if not found:
            raise SystemExit(f"no match for {pattern} in the page; was the login refused?")
        return html.unescape(found[1])


def measure_http(arguments, profile, number, size, metrics):
    def record(name, action, ids=()):
        walls, cpus = [], []
        for turn in range(arguments.repeats):
            if ids:
                session.values["id"] = ids[min(10 + turn, len(ids) - 1)]
            with Stopwatch(arguments.server_pid) as watch:
                result = action()
            walls.append(watch.wall)
            cpus.append(watch.cpu)
        metrics[f"{name}.{size}.first_ms"] = 1000 * walls[0]
        metrics[f"{name}.{size}.ms"] = 1000 * statistics.median(walls)
        metrics[f"{name}.{size}.cpu_ms"] = 1000 * statistics.median(cpus)
        return result

    def log_in():
        session = WebSession(arguments, profile, number)
        session.log_in()
        return session

    session = record("login", log_in)
    page = record("mail_page", lambda: session.get(profile["mail_page"]))
    ids = []
    for name, wanted in profile["requests"].items():
        # "another": each repeat opens another message, so that no cache of ours or of theirs has it ready.
        each = ids if isinstance(wanted, dict) and wanted.get("another") else ()
        answer = record(name, lambda wanted=wanted: session.request(wanted), each)
        if not ids:
            ids = re.findall(profile["message_id_pattern"], answer) or re.findall(profile["message_id_pattern"], page)
            session.values["id"] = ids[min(10, len(ids) - 1)]
        if name.startswith("search"):
            metrics[f"{name}.{size}.rows"] = len(re.findall(profile["message_id_pattern"], answer))


class BrowserSession:
    """A page driven by the selectors of the profile; each action returns when its result is painted."""

    def __init__(self, page, arguments, profile):
        self.page, self.base, self.profile = page, arguments.web_url.rstrip("/"), profile
        self.select = profile["browser"]
        self.samples = {}

    def timed(self, name, action, *values):
        with Stopwatch() as watch:
            action(*values)
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.samples.setdefault(name, []).append(1000 * watch.wall)

    def open_login(self, user, password):
        self.page.goto(self.base + self.profile["login_page"])
        self.page.fill(self.select["user"], user)
        self.page.fill(self.select["password"], password)

    def log_in(self):
        self.page.click(self.select["submit"])
        self.page.wait_for_selector(self.select["row"])

    def open_list(self):
        self.page.goto(self.base + self.profile["mail_page"])
        self.page.wait_for_selector(self.select["row"])

    def open_message(self, index):
        """Clicks a row; a message shown in a frame is there once the frame has another address than before."""
        frame, before = self.select.get("message_frame"), self._frame_address()
        self.page.locator(self.select["row"]).nth(index).click()
        if frame:
            self.page.wait_for_function(
                "([frame, message, before]) => { const shown = document.querySelector(frame).contentWindow;"
                " return shown.location.href !== before && shown.document.querySelector(message) }",
                arg=[frame, self.select["message"], before],
            )
        else:
            self.page.wait_for_selector(self.select["message"])

    def _frame_address(self):
        frame = self.select.get("message_frame")
        return frame and self.page.evaluate("frame => document.querySelector(frame).contentWindow.location.href", frame)

    def search(self, words):
        """Done when the first row shows another message."""
        row = self.select["row"]
        before = self.page.locator(row).first.inner_text()
        self.page.fill(self.select["search_box"], words)
        self.page.press(self.select["search_box"], "Enter")
        self.page.wait_for_function(
            "([row, before]) => { const first = document.querySelector(row);"
            " return first && first.innerText !== before }",
            arg=[row, before],
        )


def measure_browser(arguments, profile, number, size, metrics):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        session = BrowserSession(page, arguments, profile)
        session.open_login(numbered(arguments.user, number), arguments.password)
        session.timed("browser.login", session.log_in)
        for _ in range(arguments.repeats):
            session.timed("browser.open_list", session.open_list)
            session.timed("browser.open_message", session.open_message, 5)
            session.open_list()
            session.timed("browser.search_sender", session.search, KNOWN_SENDER)
        if arguments.screenshot:
            page.screenshot(path=arguments.screenshot)
        browser.close()
    for name, values in session.samples.items():
        metrics[f"{name}.{size}.ms"] = statistics.median(values)


def main():
    parser = server_parser(__doc__)
    parser.add_argument("--mailboxes", default="48:1000,49:10000,50:100000", help="USER_NUMBER:SIZE,...")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--browser", help="path of a Chromium; needs the playwright package")
    parser.add_argument("--screenshot", help="PNG of the last page, to see that the right thing was measured")
    arguments = parser.parse_args()
    profile = json.loads((pathlib.Path(__file__).parent / arguments.web_profile).read_text())

    metrics = {}
    for mailbox in arguments.mailboxes.split(","):
        number, size = map(int, mailbox.split(":"))
        if arguments.browser:
            measure_browser(arguments, profile, number, size, metrics)
        else:
            measure_http(arguments, profile, number, size, metrics)
    report("web.browser" if arguments.browser else "web", arguments, metrics)


if __name__ == "__main__":
    main()
