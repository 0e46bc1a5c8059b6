"""Two-step sign-in from the first page to the last, in a real browser; the test is the authenticator app."""

import base64
import re

import pytest
from playwright.sync_api import expect

from server.accounts import account as accounts
from server.accounts import one_time
from server.accounts.directory import set_hostname
from server.config import Settings
from tests.browser.conftest import ADDRESS, PASSWORD, serving
from tests.browser.test_accessibility import LOOKS, findings, look
from tests.fakes.clock import FakeClock
from webmail.factory import create_app

SECURITY = "/mail/settings/security"
INSIDE = re.compile(r"^[^?]*/mail/settings/security$")


class Phone:
    """What an authenticator app does."""

    def __init__(self, clock):
        self._clock, self.key = clock, b""

    def scan(self, page):
        self.key = base64.b32decode(page.locator("#key-text").inner_text().replace(" ", ""))

    def code(self):
        """The next code; half a minute goes by each time."""
        self._clock.advance(30)
        return one_time.totp(self.key, self._clock.now().timestamp())


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def phone(clock):
    return Phone(clock)


@pytest.fixture
def house(tmp_path, clock):
    app = create_app(Settings(data=tmp_path), clock=clock)

    def furnish(w):
        accounts.add_domain(w, "lin.example")
        set_hostname(w, "mail.lin.example")
        accounts.add_account(w, ADDRESS, PASSWORD, name="Iris Lin", admin=True)

    app.extensions["posthouse"].directory.write_now(furnish)
    with serving(app) as address:
        yield address


def to_the_code(page, house):
    page.goto(f"{house}/mail/sign-in?next={SECURITY}")
    page.get_by_label("Account name").fill(ADDRESS)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")


def sign_out(page):
    page.locator("details.who-menu summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/mail/sign-in")


def turn_on(page, phone):
    """From the security page; returns the recovery codes."""
    page.get_by_role("link", name="Turn on").click()
    page.get_by_role("heading", name="Turn on two-step sign-in").wait_for()
    phone.scan(page)
    page.get_by_label("The six digits that the app shows now").fill(phone.code())
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Two-step sign-in is on").wait_for()
    return page.locator("#codes li").all_inner_texts()


def test_the_whole_story(open_page, house, phone):
    page = open_page()
    to_the_code(page, house)
    page.wait_for_url(INSIDE)

    page.get_by_label("For which program or device").fill("Thunderbird at home")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make an app password").click()
    expect(page.locator("#fresh")).to_have_text(re.compile(r"^([0-9a-z]{4}-){4}[0-9a-z]{4}$"))
    page.goto(f"{house}{SECURITY}")
    expect(page.locator(".p-item", has_text="Thunderbird at home")).to_contain_text("Never used")

    codes = turn_on(page, phone)
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    expect(page.locator(".p-item", has_text="Recovery codes")).to_contain_text("10 left")

    sign_out(page)
    to_the_code(page, house)
    page.wait_for_url("**/mail/sign-in/code")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That code does not fit.")
    page.get_by_label("Code", exact=True).fill(phone.code())
    page.get_by_text("Remember this device for 30 days").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(INSIDE)

    sign_out(page)
    to_the_code(page, house)
    page.wait_for_url(INSIDE)  # a remembered device
    page.goto(f"{house}/mail/settings/devices")
    page.get_by_role("button", name=re.compile("^Forget: ")).click()
    expect(page.locator("#toasts")).to_contain_text("has to give a code again")

    sign_out(page)
    to_the_code(page, house)
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(codes[4])
    page.keyboard.press("Enter")
    page.wait_for_url(INSIDE)
    expect(page.locator("#toasts")).to_contain_text("9 are left")

    page.get_by_role("link", name="Turn off").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code", exact=True).fill(phone.code())
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Turn on")).to_be_visible()
    sign_out(page)
    to_the_code(page, house)
    page.wait_for_url(INSIDE)


def test_an_app_password_is_ended_after_a_question(open_page, house):
    page = open_page()
    to_the_code(page, house)
    page.wait_for_url(INSIDE)
    page.get_by_label("For which program or device").fill("Old phone")
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="End the app password: Old phone").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.locator(".p-item", has_text="Old phone")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("worth nothing any more")


def test_without_scripts(open_page, house, phone):
    page = open_page(java_script_enabled=False)
    to_the_code(page, house)
    page.wait_for_url(INSIDE)
    codes = turn_on(page, phone)
    other = open_page(java_script_enabled=False)
    to_the_code(other, house)
    other.get_by_role("link", name="Use a recovery code").click()
    other.get_by_label("Recovery code").fill(codes[0])
    other.get_by_role("button", name="Continue").click()
    other.wait_for_url(INSIDE)


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_nothing_serious_for_axe_and_nothing_wider_than_the_window(open_page, house, phone, theme, width):
    page = open_page(**look(theme, width))
    found = {}

    def see(name):
        found[name] = findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    to_the_code(page, house)
    page.wait_for_url(INSIDE)
    see("security")
    page.get_by_label("For which program or device").fill("Thunderbird at home")
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#fresh").wait_for()
    see("app password")
    page.goto(f"{house}{SECURITY}/two-step")
    see("key")
    page.goto(f"{house}{SECURITY}")
    turn_on(page, phone)
    see("codes")
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("link", name="Turn off").wait_for()
    see("security on")
    page.goto(f"{house}{SECURITY}/two-step/off")
    see("off")
    sign_out(page)
    to_the_code(page, house)
    page.wait_for_url("**/sign-in/code")
    see("code")
    page.get_by_role("link", name="Use a recovery code").click()
    page.get_by_label("Recovery code").wait_for()
    see("recovery")
    page.goto(f"{house}/mail/sign-in/code")
    page.get_by_label("Code", exact=True).fill(phone.code())
    page.get_by_text("Remember this device").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(INSIDE)
    page.goto(f"{house}/mail/settings/devices")
    see("devices")
    assert {name: what for name, what in found.items() if what} == {}
