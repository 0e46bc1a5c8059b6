from datetime import UTC, datetime

import pytest

from tests.webmail.mail_rooms import PNG, letter, rooms
from webmail import message
from webmail.message import Gone


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("message")) as made:
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def opened(place, mail, raw, mailbox="INBOX"):
    uid = place.house.append(raw, mailbox)
    return message.open_letter(mail, mailbox, mail.select(mailbox), uid)


def test_everything_about_a_message(place, mail):
    raw = letter(
        "Größe",
        "Text mit Ümlaut\n",
        html="<p>Hi <img src='cid:logo@x'></p>",
        inline=[("logo@x", PNG)],
        files=[("Bücher.pdf", "application/pdf", b"%PDF-1.4 x" * 20)],
        list_id="<x.example>",
    )
    found = opened(place, mail, raw)
    assert found.fetched.envelope.subject == "Größe"
    assert found.sender.email == "bob@example.org"
    assert found.is_list
    (form,) = found.body.forms
    assert "Ümlaut" in message.part_text(mail, found, form.text)
    assert "<img" in message.part_text(mail, found, form.html)
    (image,) = found.body.inline
    assert message.part_octets(mail, found, image) == PNG
    (pdf,) = [part for part in found.body.attachments if part.filename]
    assert pdf.filename == "Bücher.pdf"
    assert message.part_octets(mail, found, pdf).startswith(b"%PDF-1.4")
    assert message.raw(mail, "INBOX", found.uidvalidity, found.uid) == raw
    assert message.header_block(mail, "INBOX", found.uidvalidity, found.uid).get("List-Id") == b"<x.example>"
    assert [person.email for person in message.recipients(found)] == ["ann@example.org"]
    with pytest.raises(Gone):
        found.part("7.7")


def test_reading_does_not_mark_as_read(place, mail):
    found = opened(place, mail, letter("Unread"))
    message.part_text(mail, found, found.body.forms[0].text)
    message.raw(mail, "INBOX", found.uidvalidity, found.uid)
    assert not mail.fetch([found.uid], ["FLAGS"])[found.uid].has("\\Seen")


def test_another_uidvalidity_is_another_mailbox(place, mail):
    found = opened(place, mail, letter())
    for validity, uid, mailbox in (
        (found.uidvalidity + 1, found.uid, "INBOX"),
        (found.uidvalidity, 999_999, "INBOX"),
        (1, 1, "Nowhere"),
        (1, 1, "a\r\nb"),
    ):
        with pytest.raises(Gone):
            message.open_letter(mail, mailbox, validity, uid)


def test_a_part_is_read_only_up_to_a_limit(place, mail):
    found = opened(place, mail, letter("Long", "x" * 60 + "\n" + "y" * 60 + "\n"))
    text = message.part_text(mail, found, found.body.forms[0].text, limit=30)
    assert text == "x" * 30


@pytest.mark.parametrize("charset", ["unicode_escape", "idna", "x-unknown", "zlib_codec", ""])
def test_a_charset_that_is_none(place, mail, charset):
    raw = letter("C", "\\u003cb\\u003e\n").replace(b'charset="utf-8"', f'charset="{charset}"'.encode())
    found = opened(place, mail, raw)
    text = message.part_text(mail, found, found.body.forms[0].text)
    assert "<b>" not in text


def test_the_other_messages_of_a_conversation(place, mail):
    first = letter("Talk", "1\n", mid="<t1@x>")
    answer = letter(
        "Re: Talk", "2\n", mid="<t2@x>", reply_to="<t1@x>", sender="Ann <ann@example.org>", to="bob@example.org"
    )
    last = letter("Re: Talk", "3\n", mid="<t3@x>", reply_to="<t2@x>")
    place.house.append(first, internaldate=datetime(2026, 1, 1, tzinfo=UTC))
    place.house.append(answer, "Sent", internaldate=datetime(2026, 1, 2, tzinfo=UTC))
    found = opened(place, mail, last)
    others = message.companions(mail, found, ["INBOX", "Sent", "Nowhere"])
    assert [(one.mailbox, one.message.envelope.message_id) for one in others] == [
        ("INBOX", "<t1@x>"),
        ("Sent", "<t2@x>"),
    ]


def test_a_conversation_on_a_server_without_threads(place, mail):
    place.house.append(letter("Old", "1\n", mid="<o1@x>"))
    found = opened(place, mail, letter("Re: Old", "2\n", mid="<o2@x>", reply_to="<o1@x>"))
    mail.capabilities = mail.capabilities - {"OBJECTID"}
    others = message.companions(mail, found, ["INBOX"])
    assert [one.message.envelope.message_id for one in others] == ["<o1@x>"]
    alone = opened(place, mail, letter("Alone", mid=""))
    assert message.companions(mail, alone, ["INBOX"]) == []
