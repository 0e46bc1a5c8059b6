"""The composer's own manners, in a real browser on the whole running product."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.town import IRIS, PASSWORD, TOM, Town, Writer, enter, letter, until, write
from tests.installation import Installation

PASTE = """([target, kind, text]) => {
  const data = new DataTransfer();
  data.setData(kind, text);
  document.querySelector(target).dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""
DROP = """() => {
  const data = new DataTransfer();
  data.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
  const form = document.querySelector("[data-composer]");
  for (const name of ["dragover", "drop"]) form.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("town") / "data")
    for address in (IRIS, TOM):
        installation.add_account(address, PASSWORD)
    with installation:
        yield Town(installation)


@pytest.fixture
def page(town, open_page):
    page = open_page()
    enter(page, town)
    return page


def begin(page):
    page.get_by_role("link", name="Compose").click()
    return Writer(page)


def test_people_are_suggested_and_taken_by_the_keyboard(page, town):
    town.post(letter("Hello", sender="Tom Oak <tom@oak.example>"))
    town.post(letter("Hallo", sender="Toni Berg <toni@far.example>"))
    town.wait_for(IRIS, "Hallo")
    writer = begin(page)
    expect(writer.field("To")).to_be_focused()
    page.keyboard.type("to")
    options = page.get_by_role("listbox", name="People").get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    chosen = options.nth(1).get_attribute("data-value")
    page.keyboard.press("Enter")
    assert writer.chips() == [chosen]
    expect(options).to_have_count(0)
    page.keyboard.type("tomas@far.example")
    page.keyboard.press("Enter")
    assert writer.chips() == [chosen, "tomas@far.example"], "what was typed in full is not somebody else"
    page.keyboard.press("Backspace")
    assert writer.chips() == [chosen]


def test_many_addresses_are_pasted_at_once(page):
    begin(page)
    page.evaluate(
        PASTE,
        [
            "[data-field=to] input",
            "text/plain",
            'a@far.example, "Oak, Tom" <tom@oak.example>; broken\n李雷 <lilei@far.example>',
        ],
    )
    assert Writer(page).chips() == [
        "a@far.example",
        '"Oak, Tom" <tom@oak.example>',
        "broken",
        "李雷 <lilei@far.example>",
    ]
    expect(page.locator(".chip.bad")).to_have_count(1)


@pytest.fixture
def grumbling(town, chromium):
    """A page whose policy may complain: it does while foreign markup with styles and handlers is read, and blocks them."""
    with chromium.new_context(locale="en-GB", viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        enter(page, town)
        yield page


def test_what_is_pasted_into_the_text_is_tamed(grumbling, town):
    page = grumbling
    writer = write(page, to=TOM, subject="Pasted", text="")
    writer.text.click()
    markup = '<p style="color:red" onclick="x()">Hi <b>there</b><script>window.bad = 1</script><img src=x onerror="window.bad = 1"><a href="javascript:x()">l</a> <a href="https://far.example/">m</a></p>'
    page.evaluate(PASTE, ["[data-edit]", "text/html", markup])
    expect(writer.text).to_contain_text("Hi there")
    html = writer.text.inner_html()
    assert "<b>there</b>" in html
    assert 'href="https://far.example/"' in html
    for word in ("script", "onclick", "onerror", "<img", "style", "javascript"):
        assert word not in html
    writer.send()
    assert page.evaluate("window.bad") is None
    assert "Hi there" in town.wait_for(TOM, "Pasted").get_body(("plain",)).get_content()


def test_formats(page, town):
    writer = write(page, to=TOM, subject="Formats", text="one ")
    page.keyboard.press("Control+b")
    page.keyboard.type("bold")
    expect(writer.form.get_by_role("button", name="Bold")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+b")
    page.keyboard.press("Enter")
    writer.form.get_by_role("button", name="List", exact=True).click()
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    page.keyboard.type("here")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowLeft")
    writer.form.get_by_role("button", name="Link").click()
    question = page.get_by_role("dialog", name="Address of the link")
    question.get_by_role("textbox").fill("far.example/path")
    page.keyboard.press("Enter")
    expect(writer.text.locator("a")).to_have_attribute("href", "https://far.example/path")
    writer.send()
    got = town.wait_for(TOM, "Formats")
    assert (
        got.get_body(("plain",)).get_content().replace("\r\n", "\n").strip()
        == "one bold\n\n- first\n- here <https://far.example/path>"
    )
    assert "<b>bold</b>" in got.get_body(("html",)).get_content()


def test_files_dropped_removed_and_too_large(page, town, tmp_path):
    writer = write(page, to=TOM, subject="Dropped", text="words")
    page.evaluate(DROP)
    expect(writer.form.locator("[data-file]")).to_contain_text("dropped.txt")
    page.set_input_files("[data-picker]", {"name": "second.txt", "mimeType": "text/plain", "buffer": b"2"})
    expect(writer.form.locator("[data-file]")).to_have_count(2)
    writer.form.get_by_role("button", name="Remove second.txt").click()
    expect(writer.form.locator("[data-file]")).to_have_count(1)
    large = tmp_path / "large.iso"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    page.set_input_files("[data-picker]", large)
    expect(writer.form.get_by_role("alert")).to_have_text("large.iso is too large for a letter")
    writer.send()
    (part,) = town.wait_for(TOM, "Dropped").iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("dropped.txt", "dropped")
    folder = town.house.data / "uploads"
    assert until(lambda: not [path for path in folder.rglob("*") if path.is_file()])


def test_a_line_that_is_down_loses_nothing(page, town):
    writer = write(page, to=TOM, subject="Down", text="words")
    page.context.set_offline(True)
    writer.form.get_by_role("button", name="Send", exact=True).click()
    expect(writer.form.get_by_role("alert")).to_be_visible()
    writer.form.get_by_role("button", name="Close and keep the draft").click()
    page.wait_for_timeout(500)
    expect(writer.text).to_have_text("words")
    page.context.set_offline(False)
    writer.send()
    town.wait_for(TOM, "Down")


def test_windows(page):
    writer = write(page, to=TOM, subject="First", text="words")
    writer.form.get_by_role("button", name="Full screen").click()
    assert writer.form.bounding_box()["width"] > 1_300
    writer.form.get_by_role("button", name="Full screen").click()
    writer.form.get_by_role("button", name="Minimise").click()
    expect(writer.form).to_be_hidden()
    page.keyboard.press("c")
    expect(page.locator("[data-composer]:visible")).to_have_count(1)
    page.locator("[data-composer]:visible").get_by_label("To", exact=True).press("Escape")
    expect(page.locator("[data-composer]")).to_have_count(1)
    page.get_by_role("button", name="First").click()
    expect(writer.text).to_be_focused()
    page.keyboard.type("e#!")
    expect(writer.text).to_have_text(re.compile("e#!"), timeout=5_000)


def test_a_mailto_address_is_shown_before_it_is_sent(page, town):
    """T085."""
    page.goto(f"{town.house.url}/mail/compose?to={TOM}&bcc=eve@evil.example&subject=Hi&body=one%0Atwo")
    writer = Writer(page)
    assert writer.chips() == [TOM]
    expect(writer.subject).to_have_value("Hi")
    expect(writer.text).to_have_text("onetwo")
    page.wait_for_timeout(500)
    assert town.letters(TOM, "Hi") == []
    writer.form.get_by_role("button", name="Close and keep the draft").click()
    page.wait_for_url("**/mail/box/INBOX")
