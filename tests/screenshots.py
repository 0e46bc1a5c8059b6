"""Pictures of every page, sizes x themes x languages, of a demo installation in a temporary folder: `make screenshots`.

They go to build/screenshots, to be looked at. With --readme the few that the README shows go to docs/pictures instead, as WebP.
"""

import argparse
import base64
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright  # noqa: E402

from server.demo.house import ADDRESS, ELSEWHERE, ELSEWHERE_PASSWORD, PASSWORD  # noqa: E402
from tests.installation import Installation  # noqa: E402

SIZES = {"1440": (1440, 900), "820": (820, 1180), "390": (390, 844)}
THEMES = ("light", "dark")
LOCALES = {"en": "en-GB", "zh_Hans": "zh-CN", "zh_Hant": "zh-TW"}
ZONES = ("Pacific/Auckland", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata", "Asia/Dubai", "Europe/Zurich")
ZONES += ("Atlantic/Azores", "America/Sao_Paulo", "America/New_York", "America/Denver", "Pacific/Honolulu")
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
)
LETTER = {
    "en": (
        "Two oak, one ash",
        "Dear Mara,\n\noak for the shelves, ash for the table. The quote is signed and on its way.",
    ),
    "zh_Hans": ("书架的木料", "Mara：\n\n书架用橡木，长桌用白蜡木。报价单已经签好，今天寄出。"),
    "zh_Hant": ("書架的木料", "Mara：\n\n書架用橡木，長桌用白蠟木。報價單已經簽好，今天寄出。"),
}
README = {
    "signin": ("signin-1440-light-en",),
    "mailbox": tuple(
        f"{picture}-{language}"
        for language in ("en", "zh_Hans")
        for picture in ("mailbox-1440-light", "mailbox-390-light", "reading-390-dark")
    ),
    "search": ("search-390-light-en", "search-390-light-zh_Hans"),
    "compose": ("compose-1440-dark-en", "compose-1440-dark-zh_Hans"),
    "add_account": ("check-failed-1440-light-en", "check-failed-1440-light-zh_Hans"),
}
"""Scene -> the pictures of it that the README shows."""
README_QUALITY = 0.62


@dataclass(frozen=True, slots=True)
class Look:
    """One combination; `suffix` is the end of its pictures' names."""

    size: str
    theme: str
    language: str

    @property
    def suffix(self) -> str:
        return f"{self.size}-{self.theme}-{self.language}"

    @property
    def options(self) -> dict:
        width, height = SIZES[self.size]
        return {
            "viewport": {"width": width, "height": height},
            "color_scheme": self.theme,
            "locale": LOCALES[self.language],
            "timezone_id": morning(),
            "reduced_motion": "reduce",
            "has_touch": self.size != "1440",
            "device_scale_factor": 1.5 if self.size == "390" else 1,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """What a scene needs to know of the house it is played in."""

    url: str
    pop3: int
    look: Look


Scene = Callable[[Page, Place], Iterator[str]]
"""Brings the page to a state and yields the name of the picture to take; what follows tidies up."""


def morning() -> str:
    """A zone where it is a working morning now, so that pictures do not depend on the hour they are taken at."""
    return min(ZONES, key=lambda zone: abs(datetime.now(ZoneInfo(zone)).hour - 11))


def signin(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/sign-in")
    page.locator("#name").fill(ADDRESS)
    yield "signin"
    page.locator("#password").fill("not this one")
    page.locator("button[type=submit][data-again]").click()
    page.locator("[role=alert]").first.wait_for()
    yield "signin-wrong"


def setup(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/setup/")
    yield "setup-1-start"
    page.locator("button[form=step]").click()
    page.locator("#domain").fill("lin.example")
    page.locator("#hostname").fill("mail.lin.example")
    yield "setup-2-names"
    page.keyboard.press("Enter")
    page.locator("#person").fill("Iris Lin")
    page.locator("#local_part").fill("iris")
    page.locator("#password").fill("correct horse battery staple")
    page.locator("#again").fill("correct horse battery staple")
    yield "setup-3-administrator"
    page.keyboard.press("Enter")
    page.wait_for_url("**/summary")
    yield "setup-4-summary"


def open_row(page: Page, subject: str) -> None:
    page.locator(".row", has_text=subject).first.locator("[data-open]").click()
    page.locator("[data-conversation]", has_text=subject).wait_for()


def mailbox(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/box/INBOX")
    if place.look.size == "390":
        yield "mailbox"
        open_row(page, "Studio fit-out")
        yield "reading"
        return
    open_row(page, "Studio fit-out")
    yield "mailbox"


def newsletter(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/search?q={quote('from:slowpage subject:211')}")
    open_row(page, "No. 211")
    page.locator(".mail-frame").wait_for()
    yield "newsletter"


def search(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/search?q={quote('has:attachment newer_than:1y (invoice OR 合同)')}")
    yield "search"
    page.goto(f"{place.url}/mail/box/INBOX")
    page.locator("form[data-search] input").click()
    page.keyboard.type("thesis")
    page.locator("#suggestions .hit").first.wait_for()
    yield "search-suggestions"


def compose(page: Page, place: Place) -> Iterator[str]:
    subject, text = LETTER[place.look.language]
    page.goto(f"{place.url}/mail/box/INBOX")
    page.locator(".compose[data-compose]:visible, .fab[data-compose]:visible").first.click()
    form = page.locator("[data-composer]")
    form.locator("[data-chips] input").first.fill("mara@lindqvist-studio.example, jonas@brandt-partner.example,")
    form.locator("[name=subject]").fill(subject)
    form.locator("[data-edit]").click()
    for number, line in enumerate(text.split("\n")):
        if number:
            page.keyboard.press("Enter")
        page.keyboard.insert_text(line)
    form.locator("[data-picker]").set_input_files(
        {"name": "Quote 2026-114 signed.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4\n" * 24_000}
    )
    form.locator("[data-files] li[data-file]").wait_for()
    yield "compose"
    form.locator("[data-discard]").click()
    page.locator("dialog[open] button.main, dialog[open] button.danger").last.click()
    form.wait_for(state="detached")


def keyboard(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/box/INBOX")
    open_row(page, "Studio fit-out")
    page.keyboard.press("Control+k")
    page.locator("#palette[open]").wait_for()
    yield "palette"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("#keymap[open]").wait_for()
    yield "keymap"


def folders(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/box/Junk")
    yield "junk"
    page.goto(f"{place.url}/mail/box/Clients?filter=starred")
    yield "empty"


def accounts(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/accounts/")
    yield "accounts"
    page.locator(".p-item a").first.click()
    page.locator("#stories").wait_for()
    yield "source"


def add_account(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/accounts/add/")
    page.locator("#address").press_sequentially("10020003@qq.com")
    page.locator(".p-prov").wait_for()
    page.locator("#password").fill("qzxvkhawoptelbnd")
    yield "add-account"
    page.locator("#address").fill("")
    page.locator("#address").press_sequentially(ELSEWHERE)
    page.locator(".p-prov", has_text="nordlicht").wait_for()
    if page.locator("#provider details[open]").count() == 0:
        page.locator("#provider summary").click()
    for field, value in (("host", "127.0.0.1"), ("port", str(place.pop3)), ("username", ELSEWHERE)):
        page.locator(f"#{field}").fill(value)
    page.locator("#tls").select_option("none")
    page.locator("#password").fill("not this one")
    page.locator("[data-check]").click()
    page.locator("#check [role=alert]").wait_for()
    yield "check-failed"
    page.locator("#password").fill(ELSEWHERE_PASSWORD)
    page.locator("[data-check]").click()
    page.locator("#check [data-focus]").wait_for()
    yield "check"
    page.locator("#check [data-focus]").click()
    page.locator("#own").wait_for()
    yield "choices"


def settings(page: Page, place: Place) -> Iterator[str]:
    page.goto(f"{place.url}/mail/settings/general")
    yield "settings"
    page.goto(f"{place.url}/mail/settings/programs")
    yield "programs"
    page.goto(f"{place.url}/mail/settings/devices")
    yield "devices"
    page.goto(f"{place.url}/mail/settings/security")
    yield "security"
    page.goto(f"{place.url}/mail/settings/security/two-step")
    yield "two-step"


STRANGER: dict[str, Scene] = {"signin": signin}
FRESH: dict[str, Scene] = {"setup": setup}
PERSON: dict[str, Scene] = {
    f.__name__: f for f in (mailbox, newsletter, search, compose, keyboard, folders, accounts, add_account, settings)
}


class Studio:
    """Chromium, the houses, and where the pictures go."""

    def __init__(
        self, browser: Browser, target: Path, scenes: set[str], wanted: dict[str, tuple[str, ...]] | None
    ) -> None:
        self._browser, self._target = browser, target
        self._scenes, self._wanted = scenes, wanted
        self.taken: list[Path] = []
        self.failed = 0

    @contextmanager
    def _context(self, **options: object) -> Iterator[BrowserContext]:
        context = self._browser.new_context(**options)
        context.set_default_timeout(20_000)
        yield context
        context.close()

    def state_of(self, house: Installation) -> dict:
        """Sign in from a few devices; what the last one holds."""
        for agent in (*AGENTS, None):
            with self._context(**({"user_agent": agent} if agent else {}), timezone_id=morning()) as context:
                page = context.new_page()
                page.goto(f"{house.url}/mail/sign-in")
                page.locator("#name").fill(ADDRESS)
                page.locator("#password").fill(PASSWORD)
                page.locator("button[type=submit][data-again]").click()
                page.locator("#rows .row").first.wait_for()
                state = context.storage_state()
        return state

    def play(self, scenes: dict[str, Scene], house: Installation, look: Look, state: dict | None = None) -> None:
        """Play the scenes in one combination, each on a page of its own."""
        place = Place(house.url, house.ports.pop3, look)
        for name, scene in scenes.items():
            if name not in self._scenes or not self._expects(name, look):
                continue
            with self._context(**look.options, **({"storage_state": state} if state else {})) as context:
                page = context.new_page()
                page.on("pageerror", lambda error, name=name: print(f"  {name}: {error}", file=sys.stderr))
                try:
                    for picture in scene(page, place):
                        self._take(page, f"{picture}-{look.suffix}")
                except Error as error:
                    # The other pages are worth their pictures all the same.
                    print(f"  {name}-{look.suffix}: {error.message}", file=sys.stderr)
                    self.failed += 1

    def _expects(self, scene: str, look: Look) -> bool:
        return self._wanted is None or any(p.endswith(f"-{look.suffix}") for p in self._wanted.get(scene, ()))

    def _take(self, page: Page, name: str) -> None:
        if self._wanted is not None and not any(name in pictures for pictures in self._wanted.values()):
            return
        page.mouse.move(0, 0)  # nothing looks hovered
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(250)  # frames of mail and transitions come to rest
        raw = page.screenshot(animations="disabled", caret="hide")
        path = self._target / f"{name}.png"
        if self._wanted is not None:
            raw, path = self._small(raw), path.with_suffix(".webp")
        path.write_bytes(raw)
        self.taken.append(path)

    def _small(self, png: bytes) -> bytes:
        """The same picture as WebP; Chromium has the encoder, so nothing has to be installed for it."""
        with self._context() as context:
            made = context.new_page().evaluate(
                """async ([png, quality]) => {
                    const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
                    const canvas = new OffscreenCanvas(picture.width, picture.height);
                    canvas.getContext("2d").drawImage(picture, 0, 0);
                    const blob = await canvas.convertToBlob({ type: "image/webp", quality });
                    return btoa([...new Uint8Array(await blob.arrayBuffer())].map((n) => String.fromCharCode(n)).join(""));
                }""",
                [base64.b64encode(png).decode(), README_QUALITY],
            )
        return base64.b64decode(made)


@contextmanager
def demo_house(data: Path) -> Iterator[Installation]:
    house = Installation(data)
    try:
        yield house.start("--demo")
    finally:
        house.stop()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readme", action="store_true", help="take the pictures of the README into docs/pictures")
    parser.add_argument("--size", nargs="*", choices=SIZES, default=list(SIZES))
    parser.add_argument("--theme", nargs="*", choices=THEMES, default=list(THEMES))
    parser.add_argument("--language", nargs="*", choices=LOCALES, default=list(LOCALES))
    every = [*STRANGER, *FRESH, *PERSON]
    parser.add_argument("--scene", nargs="*", choices=every, default=every)
    return parser.parse_args()


def main() -> int:
    wish = arguments()
    chromium = shutil.which("chromium")
    if chromium is None:
        print("Chromium is missing. On Debian: apt-get install chromium fonts-noto-cjk", file=sys.stderr)
        return 1
    target = ROOT / ("docs/pictures" if wish.readme else "build/screenshots")
    target.mkdir(parents=True, exist_ok=True)
    looks = [Look(*combination) for combination in product(wish.size, wish.theme, wish.language)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        studio = Studio(browser, target, set(wish.scene), README if wish.readme else None)
        if set(wish.scene) & set(FRESH) and not wish.readme:
            with Installation(Path(folder) / "fresh") as house:
                for look in looks:
                    studio.play(FRESH, house, look)
        with demo_house(Path(folder) / "demo") as house:
            state = studio.state_of(house)
            for look in looks:
                studio.play(STRANGER, house, look)
                studio.play(PERSON, house, look, state)
                print(f"{look.suffix}: {len(studio.taken)} pictures so far", flush=True)
        browser.close()
    octets = sum(path.stat().st_size for path in studio.taken)
    print(
        f"{len(studio.taken)} pictures, {octets // 1024} kB, in {target.relative_to(ROOT)}; {studio.failed} scenes failed"
    )
    return 1 if studio.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
