"""Debian's Thunderbird with an account on the whole product: it reads by IMAP, hears of arrivals, and sends by submission."""

import email
import email.policy
import imaplib
import os
import shutil
import smtplib
import subprocess
import time
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.interop.thunderbird import preferences, screen, thunderbird

pytestmark = [pytest.mark.desktop, pytest.mark.timeout(240)]
IRIS, TOM, PASSWORD = "iris@lin.example", "tom@oak.example", "long enough for all"
LETTER = (
    "From: Tom Oak <tom@oak.example>\r\nTo: iris@lin.example\r\nSubject: {subject}\r\nMessage-ID: <{unique}@oak.example>\r\n"
    "Date: Tue, 24 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("house") / "data")
    installation.add_account(IRIS, PASSWORD, "--name", "Iris Lin")
    installation.add_account(TOM, PASSWORD)
    with installation:
        yield installation


@pytest.fixture(scope="module")
def display():
    with screen() as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("thunderbird")


def post(house, subject, text):
    with smtplib.SMTP("127.0.0.1", house.ports.smtp) as client:
        raw = LETTER.format(subject=subject, unique=subject.encode().hex(), text=text)
        client.sendmail(TOM, [IRIS], raw.encode())


def look(house, who, mailbox="INBOX"):
    """(flags, message) of everything there."""
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login(who, PASSWORD)
        count = int(client.select(mailbox, readonly=True)[1][0])
        found = client.fetch("1:*", "(FLAGS BODY.PEEK[])")[1] if count else []
        return [
            (one[0].decode(), email.message_from_bytes(one[1], policy=email.policy.default))
            for one in found
            if isinstance(one, tuple)
        ]


def wait_for(ask):
    deadline = time.monotonic() + 40
    while not (found := ask()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
    return found


def keep(picture: Path):
    """A picture that shows something; kept where somebody wants to look at it."""
    colours = subprocess.run(
        ["identify", "-format", "%k", str(picture)], capture_output=True, text=True, check=True
    ).stdout
    assert int(colours) > 50, "an empty screen"
    if wanted := os.environ.get("POSTHOUSE_PICTURES"):
        shutil.copy(picture, Path(wanted) / picture.name)


def test_it_reads_the_inbox(house, display, folder, tmp_path):
    post(house, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Dear Iris, 很好.")
    with thunderbird(folder, display, preferences(house.ports, IRIS, "Iris Lin")) as program:
        program.sign_in(IRIS, PASSWORD)
        program.tell("server.getNewMessages(server.rootFolder, null, null)")
        program.wait_for("inbox?.getTotalMessages(false) === 1")
        names = program.wait_for(
            "server.rootFolder.subFolders.length > 5 && server.rootFolder.subFolders.map((f) => f.name)"
        )
        assert set(names) == {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}
        program.tell("pane.displayFolder(inbox.URI)")
        program.wait_for("pane.gDBView?.rowCount === 1")
        program.tell("pane.threadTree.selectedIndex = 0")
        text = program.wait_for(
            "window3.gTabmail.currentAboutMessage?.getMessagePaneBrowser()?.contentDocument?.body?.textContent.includes('很好')"
            " && window3.gTabmail.currentAboutMessage.getMessagePaneBrowser().contentDocument.body.textContent"
        )
        assert "Dear Iris, 很好." in text
        assert "Grüße" in program.tell("pane.gDBView.cellTextForColumn(0, 'subjectCol')")
        wait_for(lambda: "\\Seen" in look(house, IRIS)[0][0])

        # What arrives while it stands in IDLE comes by itself, and a star goes the other way.
        post(house, "By itself", "second")
        program.wait_for("pane.gDBView?.rowCount === 2")
        program.tell("pane.threadTree.focus()")
        program.press("s", title="Mozilla Thunderbird")
        wait_for(lambda: [flags for flags, _ in look(house, IRIS) if "\\Flagged" in flags])
        program.photograph(tmp_path / "thunderbird-inbox.png")
        keep(tmp_path / "thunderbird-inbox.png")
    said = house.output().decode()
    assert "source=imap" in said and "Traceback" not in said


def test_it_sends_by_submission(house, display, folder, tmp_path):
    wanted = preferences(house.ports, IRIS, "Iris Lin")
    text = "to='Tom Oak <tom@oak.example>',bcc='',subject='From Thunderbird',body='Typed here.',format=2"
    with thunderbird(folder, display, wanted, "-compose", text) as program:
        program.sign_in(IRIS, PASSWORD)
        program.wait_for("Services.wm.getMostRecentWindow('msgcompose')?.document.title.includes('From Thunderbird')")
        time.sleep(1)
        program.photograph(tmp_path / "thunderbird-compose.png")
        keep(tmp_path / "thunderbird-compose.png")
        program.press("ctrl+Return", title="From Thunderbird")
        ((_, got),) = wait_for(lambda: look(house, TOM))
        assert got["From"] == "Iris Lin <iris@lin.example>"
        assert got["Subject"] == "From Thunderbird"
        assert got["User-Agent"] == "Mozilla Thunderbird"
        assert "Typed here." in got.get_content()
        assert "with ESMTPA" in got.get_all("Received")[-1]
        ((flags, kept),) = wait_for(lambda: look(house, IRIS, "Sent"))
        assert kept["Message-ID"] == got["Message-ID"]
        assert "\\Seen" in flags
