import re

from playwright.sync_api import expect


def card(page, house):
    page.goto(f"{house}/mail/sign-in")
    return page.locator(".p-card")


def test_by_keyboard_alone(open_page, house):
    page = open_page()
    card(page, house)
    page.keyboard.type("iris@lin.example")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_url("**/mail/box/INBOX")


def test_a_wrong_password_is_said_and_the_name_stays(open_page, house):
    page = open_page()
    card(page, house)
    page.get_by_label("Account name").fill("nobody@lin.example")
    page.get_by_label("Password", exact=True).fill("wrong password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That name and password do not match.")
    expect(page.get_by_label("Account name")).to_have_value("nobody@lin.example")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()


def test_show_and_hide(open_page, house):
    page = open_page()
    card(page, house)
    field = page.locator("#password")
    field.fill("secret")
    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide password").click()
    expect(field).to_have_attribute("type", "password")


def test_caps_lock_is_told(open_page, house):
    page = open_page()
    card(page, house)
    press = (
        "on => document.getElementById('password').dispatchEvent(new KeyboardEvent('keyup', {modifierCapsLock: on}))"
    )
    height = page.locator(".p-card").bounding_box()["height"]
    page.evaluate(press, True)
    expect(page.get_by_text("Caps Lock is on")).to_be_visible()
    assert page.locator(".p-card").bounding_box()["height"] == height, "nothing jumps"
    page.evaluate(press, False)
    expect(page.get_by_text("Caps Lock is on")).to_be_hidden()


def test_a_wait_counts_down_on_the_button(open_page, house):
    page = open_page()
    page.clock.install()
    card(page, house)
    for _ in range(11):
        page.get_by_label("Account name").fill("iris@lin.example")
        page.get_by_label("Password", exact=True).fill("wrong password")
        with page.expect_navigation():
            page.locator("button[data-again]").click()
    button = page.locator("button[data-again]")
    expect(button).to_have_text(re.compile(r"Try again in \d+ s"))
    expect(button).to_have_attribute("aria-disabled", "true")
    first = int(re.search(r"\d+", button.inner_text()).group())
    page.clock.run_for(3_000)
    assert int(re.search(r"\d+", button.inner_text()).group()) <= first - 2
    page.clock.run_for(70_000)
    expect(button).to_have_text("Sign in")
    expect(button).not_to_have_attribute("aria-disabled", "true")


def test_the_language_menu_by_keyboard(open_page, house):
    page = open_page()
    card(page, house)
    menu = page.locator("details.lang")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu.get_by_role("button", name="繁體中文")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="繁體中文")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")


def test_the_landscape_follows_the_visitors_hour(open_page, house):
    for time, hour in (("06:30", "dawn"), ("12:00", "day"), ("17:30", "dusk"), ("23:00", "night")):
        page = open_page(timezone_id="UTC")
        page.clock.set_fixed_time(f"2026-11-24T{time}:00Z")
        card(page, house)
        expect(page.locator("html")).to_have_attribute("data-hour", hour)
        expect(page.locator("[data-clock]")).to_contain_text(time)


def test_a_dark_page_gets_no_bright_day(open_page, house):
    page = open_page(color_scheme="dark", timezone_id="UTC")
    page.clock.set_fixed_time("2026-11-24T12:00:00Z")
    card(page, house)
    expect(page.locator("html")).to_have_attribute("data-hour", "dusk")


def test_the_look_is_kept_for_the_next_visit(open_page, house):
    page = open_page()
    card(page, house)
    with page.expect_response("**/mail/look"):
        page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_without_scripts(open_page, house):
    page = open_page(java_script_enabled=False)
    card(page, house)
    page.get_by_label("Account name").fill("iris@lin.example")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.locator("button[data-again]").click()
    page.wait_for_url("**/mail/box/INBOX")


def test_it_fits_a_phone(open_page, house):
    page = open_page(viewport={"width": 360, "height": 640})
    card(page, house)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for name in ("#name", "#password", "button[data-again]"):
        assert page.locator(name).bounding_box()["height"] >= 40
