"""axe on every page of these rooms: nothing serious, in both themes, at a desk and on a phone."""

from pathlib import Path

import pytest

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
PAGES = ("settings/general", "settings/programs", "settings/devices", "accounts/", "accounts/add/", "nowhere")
LOOKS = [(theme, width) for theme in ("light", "dark") for width in (1440, 390)]


def findings(page):
    page.evaluate(AXE.read_text())
    result = page.evaluate(RUN)
    return [
        (v["id"], v["impact"], [n["html"][:160] for n in v["nodes"]][:4])
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def look(theme, width):
    # axe is injected, which the page's own policy rightly forbids.
    return {"color_scheme": theme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_pages(open_page, house, sign_in, theme, width):
    page = open_page(**look(theme, width))
    page.goto(f"{house}/mail/sign-in")
    found = {"sign-in": findings(page)}
    sign_in(page, house)
    for path in PAGES:
        page.goto(f"{house}/mail/{path}")
        found[path] = findings(page)
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_wizard(open_page, fresh, theme, width):
    page = open_page(**look(theme, width))
    page.goto(fresh)
    found = {"start": findings(page)}
    page.get_by_role("button", name="Continue").click()
    found["names"] = findings(page)
    page.get_by_label("Mail domain").fill("lin.example")
    page.keyboard.press("Enter")
    page.get_by_label("Account name").fill("iris")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_label("Password once more").fill("correct horse battery")
    found["administrator"] = findings(page)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Set up now").wait_for()
    found["summary"] = findings(page)
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_account_pages(open_page, house, sign_in, provider, theme, width):
    page = open_page(**look(theme, width))
    sign_in(page, house)
    page.goto(f"{house}/mail/accounts/add/")
    page.get_by_label("E-mail address").press_sequentially("someone@other.example")
    page.get_by_label("Server name").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(provider.port))
    page.get_by_label("Encryption").select_option("none")
    page.get_by_label("User name").fill("someone")
    page.get_by_label("Password or code").fill("right horse")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("link", name="Continue").wait_for()
    found = {"check": findings(page)}
    page.get_by_role("link", name="Continue").click()
    page.get_by_role("button", name="Start the import").wait_for()
    found["choices"] = findings(page)
    page.get_by_role("button", name="Start the import").click()
    page.locator("#live").wait_for()
    found["source"] = findings(page)
    page.get_by_role("link", name="Change").click()
    page.get_by_label("New password").wait_for()
    found["edit"] = findings(page)
    assert {path: what for path, what in found.items() if what} == {}
