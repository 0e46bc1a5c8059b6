"""The mailbox page in a real Chromium: reading, acting, keys, live arrivals, narrow windows, readers of screens."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.reading_house import reading_house
from tests.webmail.mail_rooms import letter

pytestmark = pytest.mark.browser
AXE = Path(__file__).resolve().parent.parent.parent / "node_modules" / "axe-core" / "axe.min.js"
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with reading_house(tmp_path_factory.mktemp("reading")) as made:
        yield made


@pytest.fixture
def page(house):
    house.faults.clear()
    made = house.page()
    yield made
    made.context.close()
    assert house.faults == []


def row(page, subject):
    return page.locator("#rows > .row", has=page.locator(".sub", has_text=re.compile(re.escape(subject)))).first


def subjects(page):
    return page.locator("#rows > .row .sub").all_inner_texts()


def test_a_letter_opens_beside_the_list_and_is_read(house, page):
    expect(row(page, "Plain and simple")).to_have_class(re.compile("new"))
    row(page, "Plain and simple").click()
    expect(page.locator("#subject")).to_have_text("Plain and simple")
    expect(row(page, "Plain and simple")).not_to_have_class(re.compile("new"))
    expect(page).to_have_url(re.compile("/mail/message/"))
    expect(page).to_have_title(re.compile("Plain and simple"))
    expect(page.locator(".quote-fold blockquote")).to_be_hidden()
    page.locator(".quote-fold summary").click()
    expect(page.locator(".quote-fold blockquote")).to_contain_text("old words")
    page.go_back()
    expect(page.locator(".no-letter")).to_be_visible()
    page.go_forward()
    expect(page.locator("#subject")).to_have_text("Plain and simple")
    page.reload()
    expect(page.locator("#subject")).to_have_text("Plain and simple")
    expect(page.locator("#rows > .row.open")).to_have_count(1)


def test_html_is_shown_in_its_frame_without_a_request_to_strangers(house, page):
    asked = []
    page.context.on("request", lambda request: asked.append(request.url))
    row(page, "No. 212").click()
    frame = page.frame_locator(".mail-frame")
    expect(frame.locator("h1")).to_have_text("No. 212")
    expect(page.locator("[data-images-note]")).to_contain_text("1 tracker blocked. 1 image not loaded.")
    assert all(url.startswith(house.base) for url in asked)
    page.locator("[data-show-images]").click()
    expect(page.locator("[data-images-note]")).not_to_contain_text("not loaded")
    expect(frame.locator("img")).to_have_attribute("src", re.compile("^/mail/proxy/"))
    expect(frame.locator("img")).to_have_js_property("naturalWidth", 1)
    assert all(url.startswith(house.base) for url in asked)
    page.locator(".tools .drop-menu summary").click()
    page.locator("[data-letter]").click()
    expect(page.locator(".text.plain")).to_contain_text("text form")


def test_a_conversation_unfolds(page):
    row(page, "Re: Talk").click()
    expect(row(page, "Re: Talk").locator(".who i")).to_have_text("2")
    expect(page.locator("[data-old]")).to_have_count(1)
    page.locator("[data-unfold-letter]").click()
    expect(page.locator(".old-letter .text")).to_contain_text("first words")


def test_archive_and_undo(page):
    row(page, "Photos").hover()
    row(page, "Photos").locator('[data-act="archive"]').click()
    expect(row(page, "Photos")).to_have_count(0)
    toast = page.locator("#toasts .toast")
    expect(toast).to_contain_text("1 message archived")
    toast.get_by_role("button", name="Undo").click()
    expect(row(page, "Photos")).to_have_count(1)


def test_an_action_that_fails_is_taken_back_and_said(house, page):
    page.route(
        "**/mail/act/archive",
        lambda route: route.fulfill(
            status=503,
            content_type="application/json",
            body='{"error": "The mail server does not answer", "remedy": "Try again."}',
        ),
    )
    row(page, "Photos").hover()
    row(page, "Photos").locator('[data-act="archive"]').click()
    expect(page.locator("#toasts .toast")).to_contain_text("The mail server does not answer")
    expect(row(page, "Photos")).to_have_count(1)
    expect(page.locator("#toasts .toast").get_by_role("button", name="Try again")).to_be_visible()
    house.faults[:] = [fault for fault in house.faults if "503" not in fault]


def test_selection_by_box_ctrl_and_shift(page):
    first, third = page.locator("#rows > .row").nth(0), page.locator("#rows > .row").nth(2)
    first.locator(".pickbox").click()
    expect(page.locator("[data-selected]")).to_have_text("1 selected")
    third.click(modifiers=["Shift"])
    expect(page.locator("[data-selected]")).to_have_text("3 selected")
    page.locator("#rows > .row").nth(1).click(modifiers=["Control"])
    expect(page.locator("[data-selected]")).to_have_text("2 selected")
    page.locator('[data-bulk] [data-act="star"]').click()
    expect(page.locator("#rows > .row[data-starred]")).to_have_count(2)
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("#rows > .row[data-starred]")).to_have_count(0)


def test_the_whole_thing_by_keys(page):
    page.locator("#rows > .row a.who").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("o")
    expect(page.locator("#subject")).to_be_visible()
    first = page.locator("#subject").inner_text()
    page.keyboard.press("j")
    expect(page.locator("#subject")).not_to_have_text(first)
    page.keyboard.press("u")
    expect(page.locator(".no-letter")).to_be_visible()
    page.keyboard.press("x")
    expect(page.locator("[data-selected]")).to_have_text("1 selected")
    page.keyboard.press("*")
    page.keyboard.press("n")
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.keyboard.press("*")
    page.keyboard.press("a")
    expect(page.locator("[data-bulk]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("[data-bulk]")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keymap")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.locator("[data-list-head] h1")).to_have_text("Sent")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page.locator("[data-list-head] h1")).to_have_text("Inbox")
    page.keyboard.press("/")
    expect(page.locator("input[type=search]")).to_be_focused()
    page.keyboard.type("e#!")  # in a field these are letters
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_keys_that_act(house, page):
    house.put(letter("Key letter"))
    expect(row(page, "Key letter")).to_have_count(1)
    row(page, "Key letter").locator("a.who").focus()
    row(page, "Key letter").click()
    page.keyboard.press("s")
    expect(row(page, "Key letter")).to_have_attribute("data-starred", "")
    page.keyboard.press("Shift+U")
    expect(row(page, "Key letter")).to_have_class(re.compile("new"))
    row(page, "Key letter").click()
    page.keyboard.press("e")
    expect(row(page, "Key letter")).to_have_count(0)
    page.keyboard.press("z")
    expect(row(page, "Key letter")).to_have_count(1)
    row(page, "Key letter").click()
    page.keyboard.press("v")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.type("arch")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("moved to Archive")


def test_what_is_marked_unread_on_its_way_stays_unread(house, page):
    house.put(letter("Slow to open"))
    expect(row(page, "Slow to open")).to_have_count(1)
    page.route("**/mail/message/**", lambda _never_answered: None)
    row(page, "Slow to open").click()
    expect(page.locator("#reading.is-loading")).to_have_count(1)
    page.keyboard.press("Shift+U")
    expect(page.locator("#reading.is-loading")).to_have_count(0)
    page.reload()
    expect(row(page, "Slow to open")).to_have_class(re.compile("new"))
    expect(page.locator("#subject")).to_have_count(0)


def test_the_palette_finds_commands_and_folders(page):
    page.keyboard.press("Control+k")
    page.keyboard.type("sen")
    expect(page.locator('#palette .mi[aria-selected="true"]')).to_contain_text("Sent")
    page.keyboard.press("Enter")
    expect(page.locator("[data-list-head] h1")).to_have_text("Sent")
    page.keyboard.press("Control+k")
    page.keyboard.type("nosuchthing")
    expect(page.locator("#palette .none")).to_be_visible()
    page.keyboard.press("Escape")


def test_an_arrival_slides_in_without_a_reload(house, page):
    expect(page.locator("#rows > .row").first).to_be_visible()
    page.evaluate("window.sameDocument = true")
    house.put(letter("Just arrived"))
    expect(row(page, "Just arrived")).to_have_count(1)
    expect(page.locator("#live")).to_contain_text("new message")
    expect(page).to_have_title(re.compile(r"^\(\d+\)"))
    assert page.evaluate("window.sameDocument")


def test_an_arrival_is_looked_for_again_when_the_first_look_fails(house, page):
    expect(page.locator("#rows > .row").first).to_be_visible()
    looks = []

    def busy_once(route):
        looks.append(route.request.url)
        if len(looks) == 1:
            route.fulfill(status=503, body="busy")
        else:
            route.continue_()

    page.route("**/mail/box/INBOX?part=rows*", busy_once)
    house.put(letter("Arrived while busy"))
    expect(row(page, "Arrived while busy")).to_have_count(1)
    assert len(looks) > 1
    house.faults[:] = [fault for fault in house.faults if "503" not in fault]


def test_what_is_changed_elsewhere_shows_here(house, page):
    uid = house.put(letter("Changed elsewhere"))
    page.reload()
    expect(row(page, "Changed elsewhere")).to_have_class(re.compile("new"))
    page.wait_for_timeout(1500)
    other = house.rooms.mail()
    other.select("INBOX")
    other.store([uid], ["\\Seen", "\\Flagged"], add=True)
    expect(row(page, "Changed elsewhere")).not_to_have_class(re.compile("new"))
    expect(row(page, "Changed elsewhere")).to_have_attribute("data-starred", "")
    other.move([uid], "Trash")
    other.close()
    expect(row(page, "Changed elsewhere")).to_have_count(0)


def test_scrolling_goes_on_to_the_last_letter(page):
    for _ in range(6):
        page.locator("#rows").evaluate("e => e.scrollTo(0, e.scrollHeight)")
        page.wait_for_timeout(400)
    texts = subjects(page)
    assert "Older letter 69" in texts
    assert len([text for text in texts if text.startswith("Older letter")]) == 70
    days = page.locator("#rows > .day").all_inner_texts()
    assert len(days) == len(set(days))


def test_filters_search_and_suggestions(page):
    page.locator(".pills .pill", has_text="Unread").click()
    expect(page.locator("[data-list-head]")).to_have_attribute("data-filter", "unread")
    expect(page).to_have_url(re.compile("filter=unread"))
    page.locator("input[type=search]").click()
    page.keyboard.type("has")
    expect(page.locator("#suggestions")).to_contain_text("has:attachment")
    page.keyboard.press("Tab")
    expect(page.locator("input[type=search]")).to_have_value("has:attachment ")
    page.keyboard.press("Enter")
    expect(page.locator("[data-list-head] h1")).to_have_text("Search")
    expect(row(page, "Photos")).to_have_count(1)
    page.go_back()
    expect(page.locator("[data-list-head]")).to_have_attribute("data-filter", "unread")


def test_folders_are_made_filled_by_drag_and_deleted(house, page):
    house.put(letter("Carry me"))
    expect(row(page, "Carry me")).to_have_count(1)
    page.locator("[data-folder-new]").click()
    page.locator("#folder-dialog input").fill("a*b")
    page.keyboard.press("Enter")
    expect(page.locator(".folder-error")).to_be_visible()
    page.locator("#folder-dialog input").fill("Clients")
    page.keyboard.press("Enter")
    folder = page.locator('.rail [data-drop="Clients"]')
    expect(folder).to_be_visible()
    row(page, "Carry me").drag_to(folder)
    expect(row(page, "Carry me")).to_have_count(0)
    folder.click()
    expect(row(page, "Carry me")).to_have_count(1)
    page.locator(".list-head .drop-menu summary").click()
    page.locator("[data-folder-delete]").click()
    page.locator("#ask [data-ask-yes]").click()
    expect(page.locator("[data-list-head] h1")).to_have_text("Inbox")
    expect(folder).to_have_count(0)
    house.faults[:] = [fault for fault in house.faults if "409" not in fault]  # the name that no folder can have


@pytest.mark.parametrize("size", ["phone"])
def test_one_pane_at_a_time_on_a_phone(house, size):
    page = house.page(size)
    expect(page.locator(".rail")).to_be_hidden()
    page.locator("[data-rail-open]").click()
    expect(page.locator(".rail")).to_be_visible()
    page.locator('.rail [data-role="sent"]').click()
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator("[data-list-head] h1")).to_have_text("Sent")
    page.go_back()
    row(page, "Plain and simple").click()
    expect(page.locator(".list")).to_be_hidden()
    expect(page.locator(".thumbbar")).to_be_visible()
    page.locator("[data-back]").click()
    expect(page.locator(".list")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
    assert house.faults == []


@pytest.mark.parametrize(("size", "scheme"), [("desk", "light"), ("desk", "dark"), ("phone", "light")])
def test_nothing_serious_for_readers_of_screens(house, size, scheme):
    page = house.page(size, color_scheme=scheme)
    page.evaluate(AXE.read_text("utf-8"))
    found = _serious(page)
    row(page, "Photos").click()
    expect(page.locator("#subject")).to_have_text("Photos")
    found += _serious(page)
    page.context.close()
    assert found == []


def _serious(page):
    result = page.evaluate("axe.run(document, { exclude: [['iframe']] })")
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
    ]


def test_the_way_with_the_tab_key(page):
    """One stop in the list, then the arrows."""
    page.locator("#rows").focus()
    stops = page.locator('#rows a.who[tabindex="0"]')
    expect(stops).to_have_count(1)
    stops.focus()
    page.keyboard.press("ArrowDown")
    expect(stops).to_have_count(1)
    expect(page.locator("#rows > .row").nth(1).locator("a.who")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#subject")).to_be_visible()


def test_every_folder_is_reached_from_the_rail_of_icons(house):
    house.rooms.house.share("Recipes", "lrs", owner="bob", to="ann")
    page = house.page("tablet")
    page.get_by_role("button", name="Folders").click()
    expect(page.locator("#palette [data-made=go]", has_text="Archive")).to_be_visible()
    expect(page.locator("#palette .mi", has_text="Light or dark")).to_be_hidden()
    page.keyboard.type("reci")
    expect(page.locator('#palette .mi[aria-selected="true"]')).to_contain_text("Recipes")
    page.keyboard.press("Enter")
    expect(page.locator("#list h1")).to_have_text("Recipes")
    # Searching from there means that folder, which "all mail" does not contain.
    page.locator("form[data-search] input").fill("ginger")
    page.keyboard.press("Enter")
    expect(page.locator(".scopes .on")).to_have_text("Recipes")
    page.context.close()
