from playwright.sync_api import expect


def test_from_the_first_page_to_the_open_house(open_page, fresh):
    page = open_page()
    page.goto(fresh)
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to your post house")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Mail domain").fill("lin.example")
    expect(page.get_by_label("Host name")).to_have_value("mail.lin.example")
    expect(page.get_by_text("Addresses will read iris@lin.example")).to_be_visible()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").fill("Iris Lin")
    page.get_by_label("Account name").fill("iris")
    page.get_by_label("Password", exact=True).fill("short")
    expect(page.get_by_text("Too short")).to_be_visible()
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    expect(page.get_by_text("Strong")).to_be_visible()
    assert page.locator("[data-meter] i.ok").count() == 4
    page.get_by_label("Password once more").fill("correct horse battery staple")
    page.keyboard.press("Enter")
    expect(page.get_by_text("iris@lin.example")).to_be_visible()
    page.get_by_role("button", name="Set up now").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The house is open")
    expect(page.locator(".p-chk")).to_have_count(3)
    page.get_by_role("link", name="Add an account").click()
    page.wait_for_url("**/mail/accounts/add/")


def test_an_own_host_name_is_not_overwritten(open_page, fresh):
    page = open_page()
    page.goto(f"{fresh}/mail/setup/names")
    page.get_by_label("Mail domain").fill("lin.example")
    page.get_by_label("Host name").fill("post.lin.example")
    page.get_by_label("Mail domain").fill("lin2.example")
    expect(page.get_by_label("Host name")).to_have_value("post.lin.example")


def test_the_language_changes_the_wizard(open_page, fresh):
    page = open_page()
    page.goto(fresh)
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.wait_for_url("**/mail/setup/")
