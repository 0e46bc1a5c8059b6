"""The story of a day, in a real browser on the whole running product: the other people use IMAP, SMTP and POP3."""

import re
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import findings, look
from tests.browser.town import IRIS, LEA, PASSWORD, TOM, Town, Writer, enter, go, letter, open_letter, row, until, write
from tests.installation import Installation

FILE = bytes(range(256)) * 300
FOREIGN = 45


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("town") / "data")
    for address, more in ((IRIS, ("--admin", "--name", "Iris Lin")), (TOM, ()), (LEA, ())):
        installation.add_account(address, PASSWORD, *more)
    with installation:
        yield Town(installation)


@pytest.fixture
def page(town, open_page):
    page = open_page()
    enter(page, town)
    return page


def test_it_arrives_while_the_page_is_open(page, town):
    page.evaluate("window.neverLoadedAgain = true")
    town.post(letter("Meet at noon", "See you at the <old> oak.\n\n    noon\n"))
    expect(row(page, "Meet at noon")).to_be_visible(timeout=20_000)
    expect(page.locator("#live")).to_have_text(re.compile("new message"))
    expect(page.locator(".rail [data-unread]")).to_have_attribute("data-unread", "1")
    expect(page).to_have_title(re.compile(r"^\(1\) Inbox"))
    open_letter(page, "Meet at noon")
    expect(page.locator(".msg .text")).to_contain_text("See you at the <old> oak.")
    assert page.evaluate("window.neverLoadedAgain"), "the page was loaded again"
    expect(page.locator(".rail [data-unread]")).to_have_attribute("data-unread", "0")
    assert "\\Seen" in town.flags(IRIS, "Meet at noon")


def test_a_reply_reaches_the_other_side(page, town):
    town.post(
        letter(
            "Plans", "First thought.\n\nSecond thought.\n", mid="<plans@oak.example>", references="<root@oak.example>"
        )
    )
    row(page, "Plans").click()
    page.get_by_role("link", name="Reply to Tom Oak").click()
    writer = Writer(page)
    assert writer.chips() == ["Tom Oak <tom@oak.example>"]
    expect(writer.subject).to_have_value("Re: Plans")
    expect(writer.text).to_be_focused()
    writer.text.press_sequentially("Dear Tom, 很好.")
    page.set_input_files("[data-picker]", {"name": "Größe 计划.bin", "mimeType": "application/x-plan", "buffer": FILE})
    expect(writer.form.locator("[data-file]")).to_contain_text("Größe")
    writer.send()

    got = town.wait_for(TOM, "Re: Plans")
    assert got["From"] == "Iris Lin <iris@lin.example>"
    assert got["To"] == "Tom Oak <tom@oak.example>"
    assert got["In-Reply-To"] == "<plans@oak.example>"
    assert got["References"] == "<root@oak.example> <plans@oak.example>"
    assert "Bcc" not in got
    text = got.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert text.startswith("Dear Tom, 很好.")
    assert "> First thought.\n>\n> Second thought." in text
    assert "<blockquote>" in got.get_body(("html",)).get_content()
    (part,) = got.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("Größe 计划.bin", "application/x-plan")
    assert part.get_payload(decode=True) == FILE
    sent = town.wait_for(IRIS, "Re: Plans", "Sent")
    assert sent["Message-ID"] == got["Message-ID"]
    expect(row(page, "Plans").get_by_title("Answered")).to_be_visible()
    assert "\\Answered" in town.flags(IRIS, "Plans")

    answer = letter(
        "Re: Plans",
        "Third thought.\n",
        mid="<third@oak.example>",
        in_reply_to=got["Message-ID"],
        references=f"{got['References']} {got['Message-ID']}",
    )
    town.post(answer)
    conversation = row(page, "Re: Plans")
    expect(conversation.locator(".who i")).to_have_text("2", timeout=20_000)
    conversation.click()
    expect(page.locator(".msg .text")).to_contain_text("Third thought.")
    expect(page.locator(".old-letter")).to_have_count(2)


def test_a_draft_waits_and_is_sent_later(page, town):
    writer = write(page, to="Tom Oak <tom@oak.example>, half an", subject="Later", text="Begun here")
    writer.form.get_by_role("button", name="Bcc", exact=True).click()
    writer.field("Bcc").fill(LEA)
    page.set_input_files("[data-picker]", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"kept\n"})
    writer.saved()
    page.reload()
    expect(page.locator("[data-composer]")).to_have_count(0)
    go(page, "Drafts")
    row(page, "Later").click()
    writer = Writer(page)
    assert writer.chips() == ["Tom Oak <tom@oak.example>", "half an", LEA]
    expect(writer.subject).to_have_value("Later")
    expect(writer.text).to_have_text("Begun here")
    expect(writer.form.locator("[data-file]")).to_contain_text("notes.txt")
    writer.form.get_by_role("button", name="Send", exact=True).click()
    expect(writer.form.get_by_role("alert")).to_contain_text("half an is not an address")
    writer.form.locator(".chip.bad button").click()
    writer.text.press("Control+End")
    writer.text.press_sequentially(", finished there")
    writer.text.press("Control+Enter")
    expect(page.get_by_text("Message sent")).to_be_visible()

    for who in (TOM, LEA):
        got = town.wait_for(who, "Later")
        assert "Bcc" not in got
        assert got.get_body(("plain",)).get_content().strip() == "Begun here, finished there"
        assert [part.get_payload(decode=True) for part in got.iter_attachments()] == [b"kept\n"]
    assert town.letters(IRIS, "Later", "Drafts") == []
    assert town.wait_for(IRIS, "Later", "Sent")["Bcc"] == LEA
    expect(row(page, "Later")).to_have_count(0)


def test_a_draft_is_kept_when_the_window_is_closed_or_the_tab(page, town):
    writer = write(page, to=TOM, subject="By the cross", text="words")
    writer.form.get_by_role("button", name="Close and keep the draft").click()
    expect(writer.form).to_have_count(0)
    assert len(town.letters(IRIS, "By the cross", "Drafts")) == 1
    write(page, to=TOM, subject="By leaving", text="words")
    page.goto("about:blank")
    town.wait_for(IRIS, "By leaving", "Drafts")
    page.goto(f"{town.house.url}/mail/box/Drafts")
    row(page, "By leaving").click()
    writer = Writer(page)
    writer.form.get_by_role("button", name="Throw the draft away").click()
    page.get_by_role("dialog", name="Throw this letter away?").get_by_role("button", name="Throw away").click()
    expect(row(page, "By leaving")).to_have_count(0)
    assert town.letters(IRIS, "By leaving", "Drafts") == []


def test_a_forward_takes_the_attachment_along(page, town):
    town.post(letter("Pictures", files=[("a b.pdf", "application/pdf", FILE)]))
    open_letter(page, "Pictures")
    page.get_by_role("link", name="Forward", exact=True).first.click()
    writer = Writer(page)
    expect(writer.form.locator("[data-file]")).to_contain_text("a b.pdf")
    writer.field("To").fill(TOM)
    writer.send()
    got = town.wait_for(TOM, "Fwd: Pictures")
    assert "Some words." in got.get_body(("plain",)).get_content()
    assert [(part.get_filename(), part.get_payload(decode=True)) for part in got.iter_attachments()] == [
        ("a b.pdf", FILE)
    ]
    expect(row(page, "Pictures").get_by_title("Forwarded")).to_be_visible()


def test_a_double_click_sends_once(page, town):
    writer = write(page, to=TOM, subject="Only once", text="words")
    writer.form.get_by_role("button", name="Send", exact=True).dblclick()
    expect(page.get_by_text("Message sent")).to_be_visible()
    town.post(letter("After it"), TOM)
    town.wait_for(TOM, "After it")
    assert len(town.letters(TOM, "Only once")) == 1
    assert len(town.letters(IRIS, "Only once", "Sent")) == 1


def test_before_what_people_regret_there_is_a_question(page, town):
    page.get_by_role("link", name="Compose").click()
    writer = Writer(page)
    writer.form.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("dialog", name="Send it without a subject?").get_by_role("button", name="Send").click()
    expect(writer.form.get_by_role("alert")).to_have_text("Name at least one recipient.")
    writer.field("To").fill(TOM)
    writer.subject.fill("Promised")
    writer.text.press_sequentially("The plan is attached.")
    writer.form.get_by_role("button", name="Send", exact=True).click()
    question = page.get_by_role("dialog", name=re.compile("You wrote of an attachment"))
    question.get_by_role("button", name="Go on writing").click()
    expect(writer.text).to_have_text("The plan is attached.")
    writer.form.get_by_role("button", name="Send", exact=True).click()
    question.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Message sent")).to_be_visible()
    town.wait_for(TOM, "Promised")


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)])
def test_nothing_of_the_composer_is_closed_to_anybody(open_page, town, theme, width):
    page = open_page(**look(theme, width))
    enter(page, town)
    page.locator("a[data-compose]").locator("visible=true").first.click()
    writer = Writer(page)
    writer.field("To").fill(f"{TOM}, half an,")
    writer.subject.fill("For everybody")
    writer.text.press_sequentially("It is attached.")
    page.set_input_files("[data-picker]", {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"})
    writer.form.get_by_role("button", name="Send", exact=True).click()
    expect(writer.form.get_by_role("alert")).to_be_visible()
    found = {"composer": findings(page)}
    writer.form.get_by_role("button", name="Throw the draft away").click()
    found["question"] = findings(page)
    page.get_by_role("dialog", name="Throw this letter away?").get_by_role("button", name="Throw away").click()
    expect(writer.form).to_have_count(0)
    assert {where: what for where, what in found.items() if what} == {}


def test_a_session_that_ends_loses_no_text(page, town, open_page):
    """Revoked on another device, signed in again in another tab: the letter that was being written is sent."""
    writer = write(page, to=TOM, subject="Interrupted", text="begun")
    town.house.command("account", "password", IRIS, "--password-stdin", input=PASSWORD + "\n")
    writer.text.press_sequentially(" and")
    expect(writer.form.get_by_role("alert")).to_contain_text("Your session has ended", timeout=20_000)
    writer.text.press_sequentially(" ended")
    writer.form.get_by_role("button", name="Send", exact=True).click()
    expect(writer.form.get_by_role("alert")).to_contain_text("Your session has ended")
    assert town.letters(TOM, "Interrupted") == []
    other = page.context.new_page()
    enter(other, town)
    other.close()
    writer.send()
    assert town.wait_for(TOM, "Interrupted").get_body(("plain",)).get_content().strip() == "begun and ended"


def test_an_outside_account_is_added_and_collected(page, town, tmp_path):
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    for number in range(FOREIGN):
        raw = letter(f"Outside {number:02d}", "x" * 4_000 + "\n", to=LEA, mid=f"<{number}@outside.example>").as_bytes()
        (tmp_path / "cur" / f"{number:02d}:2,").write_bytes(raw)
    town.house.command("message", "import", LEA, str(tmp_path))
    page.locator(".rail").get_by_role("link", name="Add an account").click()
    page.get_by_role("main").get_by_role("link", name="Add an account").first.click()
    page.get_by_label("E-mail address").press_sequentially(LEA)
    page.get_by_label("Protocol").select_option("pop3")
    page.get_by_label("Server name").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(town.house.ports.pop3))
    page.get_by_label("Encryption").select_option("none")
    page.get_by_label("User name").fill(LEA)
    page.get_by_label("Password or code").fill("not this one")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#check").get_by_role("alert")).to_contain_text("Check the user name", timeout=30_000)
    page.get_by_label("Password or code").fill(PASSWORD)
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#check")).to_contain_text("All 6 steps passed", timeout=30_000)
    page.get_by_role("link", name="Continue").click()
    page.get_by_label("Name in the list").fill("Lea's house")
    page.get_by_role("textbox", name="Folder").fill("From Lea")
    page.get_by_role("button", name="Start the import").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lea's house")
    expect(page.get_by_role("progressbar")).to_be_visible()
    with town.mailbox(LEA) as client:
        held = int(client.untagged_responses["EXISTS"][0])
    expect(page.locator("#live .p-facts").get_by_text(str(held), exact=True)).to_be_visible(timeout=60_000)
    expect(page.locator("#live .p-badge")).to_have_text("Up to date", timeout=20_000)
    page.get_by_role("link", name="Open the inbox").click()
    go(page, "From Lea")
    expect(row(page, f"Outside {FOREIGN - 1:02d}")).to_be_visible()
    expect(page.locator(".rail .accts")).to_contain_text("Lea's house")
    with town.mailbox(IRIS, "From Lea") as client:
        assert int(client.untagged_responses["EXISTS"][0]) == held
    with town.mailbox(LEA) as client:
        assert int(client.untagged_responses["EXISTS"][0]) == held, "left at the provider"


@pytest.mark.parametrize(
    ("words", "subject"),
    [("ostrich", "A bird"), ("候鸟", "南方"), ("subject:南方", "南方"), ("from:tom BIRD", "A bird")],
)
def test_search(page, town, words, subject):
    if not town.letters(IRIS, subject):
        town.post(letter("A bird", "The ostrich does not fly.\n"))
        town.post(letter("南方", "秋天的候鸟飞走了。\n", sender="李雷 <lilei@far.example>"))
        town.wait_for(IRIS, "南方")
    box = page.get_by_role("combobox", name="Search all mail")
    box.fill(words)
    box.press("Enter")
    expect(page.locator(".list-head h1")).to_have_text("Search")
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".row .sub")).to_have_text(subject)
    page.locator(".row").click()
    expect(page.locator("#subject")).to_have_text(subject)


def test_move_delete_junk_and_undo(page, town):
    for subject in ("To be moved", "To be deleted", "To be junk", "To be archived"):
        town.post(letter(subject))
    expect(row(page, "To be archived")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="New folder").click()
    page.get_by_role("dialog", name="New folder").get_by_role("textbox").fill("Clients/Größe 北")
    page.get_by_role("dialog", name="New folder").get_by_role("button", name="Save").click()
    expect(page.locator(".rail").get_by_role("link", name="Größe 北")).to_be_visible()

    open_letter(page, "To be moved")
    page.get_by_role("toolbar", name="Conversation").get_by_role("button", name="Move").click()
    page.get_by_role("dialog", name="Commands").get_by_role("combobox").fill("Größe")
    page.keyboard.press("Enter")
    expect(row(page, "To be moved")).to_have_count(0)
    town.wait_for(IRIS, "To be moved", encoded("Clients/Größe 北"))

    for subject, name, target in (
        ("To be deleted", "Delete", "Trash"),
        ("To be junk", "Junk", "Junk"),
        ("To be archived", "Archive", "Archive"),
    ):
        open_letter(page, subject)
        page.get_by_role("toolbar", name="Conversation").get_by_role("button", name=name, exact=True).click()
        expect(row(page, subject)).to_have_count(0)
        town.wait_for(IRIS, subject, target)
        assert town.letters(IRIS, subject) == []
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "To be archived")).to_be_visible()
    until(lambda: town.letters(IRIS, "To be archived"))

    go(page, "Junk")
    open_letter(page, "To be junk")
    page.get_by_role("toolbar", name="Conversation").get_by_role("button", name="Not junk").click()
    until(lambda: town.letters(IRIS, "To be junk"))


def test_a_late_answer_does_not_fill_another_list(page, town):
    town.post(letter("In the inbox"))
    expect(row(page, "In the inbox")).to_be_visible(timeout=20_000)
    held = []
    page.route(re.compile("part=rows"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given
    page.get_by_role("button", name="Look for new mail").click()
    until(lambda: page.wait_for_timeout(50) or held)
    go(page, "Trash")
    with page.expect_response(re.compile("part=rows")) as late:
        held[0].continue_()
    late.value.finished()
    page.wait_for_timeout(300)
    expect(row(page, "In the inbox")).to_have_count(0)


def encoded(name):
    """A mailbox name as IMAP4rev1 writes it."""
    from imapclient.imap_utf7 import encode

    return encode(name).decode("ascii")


def test_signed_out_means_signed_out(page, town):
    cookies = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    request = urllib.request.Request(f"{town.house.url}/mail/box/INBOX", headers={"Cookie": cookies})
    with urllib.request.urlopen(request) as answer:
        assert answer.url.endswith("/mail/box/INBOX")
    other = page.context.new_page()
    other.goto(f"{town.house.url}/mail/box/INBOX")
    page.locator(".who-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    with urllib.request.urlopen(request) as answer:
        assert "/mail/sign-in" in answer.url, "the old cookie opens nothing"
    expect(other.get_by_label("Password", exact=True)).to_be_visible(timeout=20_000)
    page.go_back()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    assert town.house.output().count(b"Traceback") == 0
