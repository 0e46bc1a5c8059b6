"""A town of three people for the story: a whole installation, and each of them by another door than the browser."""

import email
import email.policy
import imaplib
import re
import smtplib
import time
from contextlib import contextmanager
from email.message import EmailMessage

from playwright.sync_api import expect

from tests.installation import Installation

IRIS, TOM, LEA = "iris@lin.example", "tom@oak.example", "lea@elm.example"
PASSWORD = "long enough for all"
PATIENCE = 20
"""Seconds; what is waited for comes within one on a machine that has nothing else to do."""


class Town:
    """Letters come in by SMTP as from a stranger, and mailboxes are looked into by IMAP."""

    def __init__(self, installation: Installation) -> None:
        self.house = installation

    def post(self, letter: EmailMessage, to: str = IRIS) -> None:
        """Hand a letter to port 25, as another mail server does."""
        with smtplib.SMTP("127.0.0.1", self.house.ports.smtp) as client:
            client.sendmail("stranger@far.example", [to], letter.as_bytes(policy=email.policy.SMTP))

    @contextmanager
    def mailbox(self, who: str, name: str = "INBOX"):
        with imaplib.IMAP4("127.0.0.1", self.house.ports.imap) as client:
            client.login(who, PASSWORD)
            assert client.select(f'"{name}"')[0] == "OK"
            yield client

    def letters(self, who: str, subject: str, name: str = "INBOX") -> list[EmailMessage]:
        """The letters of exactly that subject."""
        with self.mailbox(who, name) as client:
            found = client.fetch("1:*", "(BODY.PEEK[])")[1] if int(client.untagged_responses["EXISTS"][0]) else []
            read = [
                email.message_from_bytes(one[1], policy=email.policy.default) for one in found if isinstance(one, tuple)
            ]
        return [one for one in read if one["Subject"] == subject]

    def flags(self, who: str, subject: str, name: str = "INBOX") -> str:
        with self.mailbox(who, name) as client:
            (uids,) = client.uid("SEARCH", "SUBJECT", f'"{subject}"')[1]
            return client.uid("FETCH", uids.split()[-1], "(FLAGS)")[1][0].decode()

    def wait_for(self, who: str, subject: str, name: str = "INBOX", *, count: int = 1) -> EmailMessage:
        """The last letter of that subject, once there are so many."""
        found = until(lambda: (found := self.letters(who, subject, name)) and len(found) >= count and found)
        assert len(found) == count
        return found[-1]


def until(ask):
    """What `ask` answers, once it is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
    return found


def letter(
    subject, text="Some words.\n", *, sender="Tom Oak <tom@oak.example>", to=IRIS, files=(), **fields
) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = "Tue, 24 Nov 2026 09:00:00 +0000"
    made["Message-ID"] = fields.pop("mid", f"<{abs(hash(subject))}@oak.example>")
    for name, value in fields.items():
        made[name.replace("_", "-").title()] = value
    made.set_content(text)
    for name, kind, data in files:
        main, _, sub = kind.partition("/")
        made.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return made


class Writer:
    """The composer that is open in a page."""

    def __init__(self, page) -> None:
        self.page = page
        self.form = page.locator("[data-composer]")
        expect(self.form).to_be_visible()

    @property
    def text(self):
        return self.form.get_by_role("textbox", name="Text of the letter")

    @property
    def subject(self):
        return self.form.get_by_label("Subject", exact=True)

    def field(self, name):
        return self.form.get_by_label(name, exact=True)

    def chips(self):
        return [one.get_attribute("data-value") for one in self.form.locator(".chip").all()]

    def saved(self):
        expect(self.form.locator("[data-state]")).to_have_text(re.compile(r"Saved \d\d:\d\d"), timeout=PATIENCE * 1000)

    def send(self):
        self.form.get_by_role("button", name="Send", exact=True).click()
        expect(self.page.get_by_text("Message sent")).to_be_visible(timeout=PATIENCE * 1000)
        expect(self.form).to_have_count(0)


def enter(page, town):
    page.goto(f"{town.house.url}/mail/sign-in")
    page.get_by_label("Account name").fill(IRIS)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("button[type=submit][data-again]").click()
    page.wait_for_url("**/mail/box/INBOX")
    expect(page.locator(".list-head h1")).to_have_text("Inbox")


def row(page, subject):
    return page.locator(".row").filter(has=page.locator(".sub", has_text=re.compile(f"^{re.escape(subject)}$")))


def open_letter(page, subject):
    row(page, subject).click()
    expect(page.locator("#subject")).to_have_text(subject)


def go(page, name):
    page.locator(".rail").get_by_role("link", name=re.compile(f"^{name}( \\d+)?$")).click()
    expect(page.locator(".list-head h1")).to_have_text(name)


def write(page, *, to, subject, text):
    page.get_by_role("link", name="Compose").click()
    writer = Writer(page)
    writer.field("To").fill(to)
    writer.subject.fill(subject)
    writer.text.press_sequentially(text)
    return writer
