from playwright.sync_api import expect


def test_a_change_is_kept_at_once(open_page, house, sign_in):
    page = open_page()
    sign_in(page, house)
    with page.expect_response("**/mail/settings/general"):
        page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#toasts")).to_contain_text("Saved.")
    with page.expect_response("**/mail/settings/general"):
        page.locator(".p-hue.c-violet").click()
    with page.expect_response("**/mail/settings/general"):
        page.get_by_role("switch").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("data-accent", "violet")
    expect(page.get_by_role("switch")).not_to_be_checked()


def test_another_language_shows_at_once(open_page, house, sign_in):
    page = open_page()
    sign_in(page, house)
    page.get_by_label("Language").select_option("zh_Hans")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_without_scripts_there_is_a_button(open_page, house, sign_in):
    page = open_page(java_script_enabled=False)
    sign_in(page, house)
    page.get_by_text("Compact", exact=True).click()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-density", "compact")


def test_ending_other_devices_is_asked_first(open_page, house, sign_in):
    page, phone = open_page(), open_page()
    sign_in(page, house)
    sign_in(phone, house)
    page.goto(f"{house}/mail/settings/devices")
    expect(page.locator(".p-item")).to_have_count(2)
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(".p-item")).to_have_count(2)
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    expect(page.locator(".p-item")).to_have_count(1)
    phone.goto(f"{house}/mail/settings/general")
    phone.wait_for_url("**/mail/sign-in**")


def test_the_account_menu(open_page, house, sign_in):
    page = open_page()
    sign_in(page, house)
    menu = page.locator("details.who-menu")
    menu.locator("summary").click()
    expect(menu.get_by_text("iris@lin.example")).to_be_visible()
    page.mouse.click(700, 700)
    expect(menu.get_by_text("iris@lin.example")).to_be_hidden()
    menu.locator("summary").click()
    menu.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/mail/sign-in")
    page.goto(f"{house}/mail/settings/general")
    page.wait_for_url("**/mail/sign-in**")
