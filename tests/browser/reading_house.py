"""A webmail in front of our own IMAP server, and Chromium to walk through it. Everything on loopback, in this process."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from tests.browser.walls import CHROMIUM
from tests.fakes.imap_house import PASSWORD
from tests.webmail.mail_rooms import PNG, letter, rooms
from webmail.proxy import Fetcher, Image

SIZES = {"desk": (1440, 900), "tablet": (820, 1180), "phone": (390, 844)}
NEWSLETTER = "<table width='600'><tr><td bgcolor='#ffffff'><h1>No. 212</h1><p>A kinder <b>inbox</b>.</p><img src='https://t.example/hero.png' width='600' height='200'><img src='https://t.example/o.gif' width='1' height='1'></td></tr></table>"


class Pictures(Fetcher):
    """The proxy's far end: every remote image is one pixel."""

    def image(self, account, url):
        return Image("image/png", PNG)


class House:
    """Rooms, the address of the application, and a browser."""

    def __init__(self, made, base, browser) -> None:
        self.rooms, self.base, self.browser = made, base, browser
        self.faults: list[str] = []

    def put(self, raw: bytes, mailbox: str = "INBOX", *, hours: float = 0, flags: tuple[str, ...] = ()) -> int:
        moment = datetime.now(UTC) - timedelta(hours=hours)
        return self.rooms.house.append(raw, mailbox, internaldate=moment, flags=flags)

    def page(self, size: str = "desk", **options) -> Page:
        """A signed-in page; what its console complains of ends in `faults`."""
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"error {error}"))
        # A letter that was moved while it was asked for is an answer (404), no fault of the page.
        page.on(
            "console",
            lambda m: self.faults.append(m.text) if m.type == "error" and "status of 404" not in m.text else None,
        )
        page.goto(f"{self.base}/mail/sign-in")
        page.fill("input[name=name]", "ann@example.org")
        page.fill("input[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/mail/box/INBOX")
        return page


@contextmanager
def reading_house(folder):
    """A house with a few letters in it."""
    with rooms(folder) as made:
        app = made.app()
        app.extensions["posthouse_images"] = Pictures()
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                house = House(made, f"http://127.0.0.1:{server.server_port}", browser)
                _furnish(house)
                try:
                    yield house
                finally:
                    browser.close()
        finally:
            for name in ("posthouse_live", "posthouse_sanitiser", "posthouse_mail_pool"):
                if name in app.extensions:
                    app.extensions[name].close()
            server.shutdown()
            server.server_close()
            thread.join(10)
            app.extensions["posthouse"].directory.database.close()


def _furnish(house: House) -> None:
    for number in range(70):
        house.put(letter(f"Older letter {number}", mid=f"<old{number}@x>"), hours=60 + number, flags=("\\Seen",))
    house.put(
        letter("Talk", "first words\n", mid="<c1@x>", sender="Mara Lindqvist <mara@x.example>"),
        hours=30,
        flags=("\\Seen",),
    )
    house.put(
        letter("Re: Talk", "second words\n", mid="<c2@x>", reply_to="<c1@x>", sender="陈立 <chen@x.example>"),
        hours=6,
        flags=("\\Seen",),
    )
    house.put(
        letter(
            "Photos",
            "See them.\n",
            files=[("oak.png", "image/png", PNG), ("plan.pdf", "application/pdf", b"%PDF-1.4 x" * 99)],
            sender="Tomás Herrera <tomas@x.example>",
        ),
        hours=5,
    )
    house.put(
        letter(
            "No. 212: A kinder inbox", "text form\n", html=NEWSLETTER, sender="The Slow Page <hello@slowpage.example>"
        ),
        hours=4,
    )
    house.put(
        letter("Plain and simple", "Hello Ann,\n\nsee https://a.example/x\n\nBob\n\nOn Mon, Ann wrote:\n> old words\n"),
        hours=3,
    )
