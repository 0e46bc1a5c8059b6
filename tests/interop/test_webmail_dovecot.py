"""The webmail's reading in front of Debian's Dovecot: a foreign server with other extensions than ours."""

import os
import shutil
import threading
from datetime import UTC, date, datetime, timedelta

import pytest

from server.config import Settings
from tests.fakes.dovecot import PASSWORD, dovecot
from tests.webmail.mail_rooms import PNG, letter
from webmail import actions, live, mailbox_list, message, message_list, query, search
from webmail.connection import connect
from webmail.message_list import Wish

pytestmark = pytest.mark.interop
SPECIAL = """
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = subscribe
    special_use = \\Sent
  }
  mailbox Trash {
    auto = subscribe
    special_use = \\Trash
  }
}
"""
START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server():
    with dovecot(SPECIAL) as made:
        folder = made.folder / "mail"
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        yield made


@pytest.fixture
def sign_in(server, tmp_path, request):
    """Opens connections to a mailbox of each test's own."""
    made = []
    settings = Settings(data=tmp_path, imap_server=f"127.0.0.1:{server.imap_port}")
    person = f"u{abs(hash(request.node.nodeid)) % 10**9}@x.example"

    def connected():
        made.append(connect(settings, person, PASSWORD))
        return made[-1]

    yield connected
    for one in made:
        one.close()


@pytest.fixture
def mail(sign_in):
    return sign_in()


def fill(mail, count=30):
    for number in range(count):
        mail.append(
            "INBOX",
            letter(f"Letter {number}", mid=f"<{number}@x>"),
            names=["\\Seen"] if number % 2 else [],
            at=START + timedelta(hours=number),
        )


def test_it_is_not_taken_for_ours(mail):
    assert not mail.own
    assert mail.has("LIST-STATUS", "ESORT", "CONTEXT=SEARCH")
    assert not mail.has("OBJECTID")


def test_mailboxes_with_roles_and_counts(mail):
    fill(mail, 3)
    mail.create("Büro & Co/周六")
    found = mailbox_list.load(mail)
    assert [one.role for one in mailbox_list.special(found)] == ["inbox", "sent", "trash"]
    assert "Büro & Co/周六" in [one.name for one in mailbox_list.folders(found)]
    assert mailbox_list.by_role(found, "inbox").unseen == 2


def test_pages_of_the_list(mail):
    fill(mail)
    first = message_list.page(mail, "INBOX", Wish(), size=12)
    second = message_list.page(mail, "INBOX", Wish(), first.cursor, size=30)
    subjects = [row.message.envelope.subject for row in (*first.rows, *second.rows)]
    assert subjects == [f"Letter {number}" for number in reversed(range(30))]
    assert first.rows[0].message.preview == "Some words."
    assert len(message_list.page(mail, "INBOX", Wish(filter="unread")).rows) == 15


def test_attachments_without_our_keyword(mail):
    mail.append("INBOX", letter("Files", files=[("a.png", "image/png", PNG)]))
    mail.append("INBOX", letter("None"))
    rows = {row.message.envelope.subject: row for row in message_list.page(mail, "INBOX", Wish()).rows}
    assert rows["Files"].attachment
    assert not rows["None"].attachment
    assert [row.message.envelope.subject for row in message_list.page(mail, "INBOX", Wish(filter="files")).rows] == [
        "Files"
    ]


def test_conversations_by_references(mail):
    mail.append("INBOX", letter("Plan", mid="<p1@x>"), at=START)
    mail.append("INBOX", letter("Re: Plan", mid="<p2@x>", reply_to="<p1@x>"), at=START + timedelta(hours=1))
    (row,) = message_list.page(mail, "INBOX", Wish()).rows
    assert row.count == 2
    opened = message.open_letter(mail, "INBOX", row.uidvalidity, row.uid)
    assert [one.message.envelope.message_id for one in message.companions(mail, opened, ["INBOX", "Sent"])] == [
        "<p1@x>"
    ]


def test_a_message_is_opened_and_read(mail):
    raw = letter("Größe", "Ümlaut\n", html="<p>Hi</p>", files=[("Bücher.pdf", "application/pdf", b"%PDF-1.4")])
    validity, uid = mail.append("INBOX", raw)
    opened = message.open_letter(mail, "INBOX", validity, uid)
    assert message.part_text(mail, opened, opened.body.forms[0].text).strip() == "Ümlaut"
    (pdf,) = opened.body.attachments
    assert pdf.filename == "Bücher.pdf"
    assert message.raw(mail, "INBOX", validity, uid) == raw


def test_actions_and_their_undo(mail):
    validity, uid = mail.append("INBOX", letter("Move me"))
    boxes = mailbox_list.load(mail)
    done = actions.perform(mail, boxes, actions.checked("delete", "INBOX", validity, [uid], ""))
    assert done.target == "Trash"
    actions.perform(mail, boxes, done.undo)
    mail.select("INBOX")
    assert len(mail.search(["ALL"])) == 1
    done = actions.perform(mail, boxes, actions.checked("archive", "INBOX", validity, mail.search(["ALL"]), ""))
    assert done.target == "Archive"  # it had none and has one now


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("larch", 1),
        ("subject:Bäume", 1),
        ("周六", 1),
        ("has:attachment", 1),
        ("from:bob is:unread", 3),
        ("larger:1M", 0),
        ("zebra OR larch -oak", 1),
    ],
)
def test_searches(mail, text, found):
    mail.append("INBOX", letter("Bäume", "larch and oak\n".replace("and oak", "")))
    mail.append("INBOX", letter("二", "周六的聚餐\n"))
    mail.append("INBOX", letter("Files", "x\n", files=[("a.png", "image/png", PNG)]))
    boxes = mailbox_list.load(mail)
    wanted = query.parse(text, date(2026, 11, 24))
    results = search.run(mail, search.scope(boxes, wanted, ""), wanted)
    assert (len(results.rows), results.refused) == (found, 0)


def test_idle_tells_of_arrivals_and_flags(mail, sign_in):
    uid = mail.append("INBOX", letter("First"))[1]
    inbox = live.Inbox(mail)
    other = sign_in()
    other.select("INBOX")
    timer = threading.Timer(0.5, lambda: other.store([uid], ["\\Flagged"], add=True))
    timer.start()
    told: dict[str, list[str]] = {}
    for _ in range(10):  # it may say something else first, such as that nothing is recent any more
        assert inbox.wait(20)
        told |= inbox.changed_flags()
        if told:
            break
    timer.join()
    assert "\\Flagged" in told[str(uid)]
