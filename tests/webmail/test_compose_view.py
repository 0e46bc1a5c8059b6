"""Writing through the pages: our own IMAP server keeps the drafts, a submission server of the test takes the letters."""

import io
import re
import threading
import time
from dataclasses import replace

import pytest

from server.accounts import account as accounts
from server.store import quota
from tests.webmail.mail_rooms import letter, rooms
from tests.webmail.views.mail_room import signed_in
from tests.webmail.writing_desk import BODY, WRITING, Desk, body_of, data, empty, field, office_on_a_thread, parsed
from webmail import submission, uploads
from webmail.connection import Mail
from webmail.factory import close_app, create_app


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("compose")) as made, office_on_a_thread() as office:
        settings = replace(made.settings, submission_server=office.address, message_size_limit=400_000)
        app = create_app(settings)
        yield made.house, office, app
        for name in ("posthouse_sanitiser", "posthouse_mail_pool", "posthouse_live"):
            if name in app.extensions:
                app.extensions[name].close()
        close_app(app)


@pytest.fixture
def desk(place):
    house, office, app = place
    app.extensions["posthouse"].directory.write_now(lambda w: w.raw("DELETE FROM sent_letter", ()))
    made = Desk(house, office, app)
    for mailbox in ("Drafts", "Sent"):
        found = made.stored(mailbox)
        if found:
            house.store.write_now(house.ann, lambda w, name=mailbox: empty(w, name))
    office.messages.clear()
    office.steps.clear()
    return made


def test_an_empty_letter(desk):
    page = desk.open()
    assert field(page, "to") == field(page, "cc") == field(page, "bcc") == ""
    assert body_of(page) == ""
    assert "<html" not in page
    whole = desk.ann.get("/mail/compose")
    assert "<html" in whole.text
    assert "data-composer" in whole.text


def test_a_mailto_link_fills_four_fields_and_no_more(desk):
    """T085."""
    page = desk.open(
        "?to=ben@far.test,carl@far.test&cc=dora@far.test&bcc=eve@evil.test&attach=/etc/passwd&sender=bob@example.org&subject=Hi&body=one%0A%3Cb%3Etwo&from=x@y.z&reply-to=eve@evil.test"
    )
    assert field(page, "to") == "ben@far.test, carl@far.test"
    assert field(page, "cc") == "dora@far.test"
    assert field(page, "bcc") == ""
    assert "eve@evil.test" not in page
    assert "passwd" not in page
    assert "bob@example.org" not in page
    assert body_of(page) == "<div>one</div><div>&lt;b&gt;two</div>"
    assert desk.office.messages == []


def test_hostile_values_stay_text(desk):
    evil = '"><script>alert(1)</script>{{7*7}}'
    page = desk.ann.client.get(
        "/mail/compose", query_string={"to": evil, "cc": evil, "subject": evil, "body": evil}
    ).text
    assert "<script>alert" not in page
    assert "49" not in re.sub(r"\d{3,}", "", field(page, "to"))


def test_sent_kept_in_sent_and_only_once(desk):
    """T091."""
    at = desk.put(letter("Plans", mid="<3@far.test>", sender="Ben <ben@far.test>"))
    page = desk.open(f"?reply={at}")
    first = desk.ask("draft", original=data(page, "original"), mode="reply").json["draft"]
    sent = {
        "draft": first,
        "in_reply_to": data(page, "in-reply-to"),
        "references": data(page, "references").split(),
        "original": at,
        "mode": "reply",
    }
    for _ in range(3):
        answer = desk.ask("send", **sent)
        assert (answer.status_code, answer.json["said"]) == (200, "Message sent")
    ((mail, rcpts, raw),) = desk.office.messages
    assert (mail.split(" ")[0], rcpts) == ("FROM:<ann@example.org>", ["TO:<ben@far.test>"])
    ((_, _, flags, kept),) = desk.stored("Sent")
    assert kept == raw
    assert "\\Seen" in flags
    assert desk.stored("Drafts") == []
    assert parsed(raw)["In-Reply-To"] == parsed(raw)["References"] == "<3@far.test>"
    assert "\\Answered" in desk.flags(at)


def test_pressed_twice_at_once_it_is_sent_once(desk):
    desk.office.steps["data"] = lambda: time.sleep(0.3) or b"354 go\r\n"
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(signed_in(desk.app).send("/mail/compose/send", BODY)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.office.messages) == 1
    assert {a.status_code for a in answers} <= {200, 409}
    assert [a.status_code for a in answers].count(200) >= 1


def test_a_try_after_a_failure_is_the_same_letter(desk):
    """T091: the Message-ID is fixed before the first try."""
    kept = desk.ask("draft").json["draft"]
    ((_, _, _, draft),) = desk.stored("Drafts")
    desk.office.steps["dot"] = [b"451 4.3.0 later\r\n", b"250 ok\r\n"]
    refused = desk.ask("send", draft=kept)
    assert refused.status_code == 409
    assert "4.3.0 later" in refused.json["error"]
    assert len(desk.stored("Drafts")) == 1
    assert desk.ask("send", draft=kept).status_code == 200
    ids = {parsed(raw)["Message-ID"] for raw in (draft, *(raw for _, _, raw in desk.office.messages))}
    assert len(ids) == 1
    desk.ask("send", writing_id="another letter")
    assert parsed(desk.office.messages[-1][2])["Message-ID"] not in ids


def test_killed_in_the_middle_it_is_tried_again_later(desk):
    directory = desk.app.extensions["posthouse"].directory
    directory.write_now(lambda w: submission.claim(w, desk.house.ann, WRITING))
    assert desk.ask("send").status_code == 409
    directory.write_now(lambda w: w.raw("UPDATE sent_letter SET since = since - 1000", ()))
    assert desk.ask("send").status_code == 200
    assert len(desk.office.messages) == 1


def test_somebody_elses_address_is_refused(desk):
    """T087."""
    for sender in ("bob@example.org", "ann@example.org.evil.test", "root@example.org", ""):
        answer = desk.ask("send", sender=sender)
        assert (answer.status_code, answer.json["field"]) == (422, "sender")
    assert desk.office.messages == []


def test_an_alias_may_be_written_from(desk):
    directory = desk.app.extensions["posthouse"].directory
    directory.write_now(lambda w: accounts.add_alias(w, "shop@example.org", desk.house.ann))
    assert '<option value="shop@example.org"' in desk.open()
    assert desk.ask("send", sender="shop@example.org").status_code == 200
    assert desk.office.messages[0][0].startswith("FROM:<shop@example.org>")


def test_blind_recipients(desk):
    """T090."""
    assert desk.ask("send", bcc=["Eve <eve@far.test>"]).status_code == 200
    ((_, rcpts, raw),) = desk.office.messages
    assert rcpts == ["TO:<ben@far.test>", "TO:<eve@far.test>"]
    assert b"eve" not in raw.lower()
    ((_, _, _, kept),) = desk.stored("Sent")
    assert parsed(kept)["Bcc"] == "Eve <eve@far.test>"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"])
def test_no_field_starts_another(desk, end):
    """T084."""
    evil = f"x{end}Bcc: eve@evil.test"
    assert (
        desk.ask(
            "send", subject=evil, in_reply_to=f"a@b{end}Bcc: eve@evil.test", references=[f"a@b>{end}Bcc: eve@evil.test"]
        ).status_code
        == 200
    )
    ((_, rcpts, raw),) = desk.office.messages
    assert rcpts == ["TO:<ben@far.test>"]
    assert "bcc" not in {name.lower() for name in parsed(raw)}
    for name in ("to", "cc", "bcc"):
        answer = desk.ask("send", **{name: [f"ben@far.test{end}Bcc: eve@evil.test"]}, writing_id=f"writing {name}")
        assert (answer.status_code, answer.json["field"]) == (422, name)
    assert len(desk.office.messages) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ben@far.test"},
        {"to": [1]},
        {"to": ["x"] * 201},
        {"subject": 5},
        {"subject": "x" * 5_000},
        {"body": None},
        {"body": "x" * (2 * 2**20 + 1)},
        {"writing_id": ""},
        {"writing_id": "x" * 65},
        {"writing_id": 7},
        {"references": {"a": 1}},
    ],
    ids=lambda change: "-".join(f"{k}:{str(v)[:9]}" for k, v in change.items()),
)
def test_what_no_page_of_ours_sends_is_refused(desk, change):
    assert desk.ask("send", **change).status_code in (400, 413)
    assert desk.ask("draft", **change).status_code in (400, 413)
    assert desk.office.messages == []


def test_a_letter_needs_the_token(desk):
    for action in ("send", "draft", "discard"):
        assert desk.ann.send(f"/mail/compose/{action}", BODY, token=False).status_code == 400
    assert desk.ann.client.post("/mail/compose/upload?name=x", data=b"x").status_code == 400
    assert desk.office.messages == []


def test_a_draft_is_replaced_and_opened_again(desk):
    first = desk.ask("draft", to=["Ben Ode <ben@far.test>", "half an"], bcc=["eve@far.test"])
    assert re.fullmatch(r"Saved \d\d:\d\d", first.json["said"])
    second = desk.ask(
        "draft",
        draft=first.json["draft"],
        to=["Ben Ode <ben@far.test>", "half an"],
        bcc=["eve@far.test"],
        body="<p>More <b>words</b></p>",
        subject="Größe",
    )
    assert second.json["draft"] != first.json["draft"]
    ((validity, uid, flags, raw),) = desk.stored("Drafts")
    assert [validity, uid] == second.json["draft"]
    assert {"\\Draft", "\\Seen"} <= flags
    assert parsed(raw)["Subject"] == "Größe"
    page = desk.open(f"?draft={validity}/{uid}")
    assert field(page, "to") == "Ben Ode <ben@far.test>, half an"
    assert field(page, "bcc") == "eve@far.test"
    assert body_of(page) == "<p>More <b>words</b></p>"
    assert data(page, "draft") == f"{validity}/{uid}"


def test_a_draft_is_saved_again_at_a_full_quota(desk):
    """The older state makes the room: RFC 8508 §3.4."""
    first = desk.ask("draft", body="<p>aaa</p>").json["draft"]
    store, ann = desk.house.store, desk.house.ann
    store.write_now(ann, lambda w: quota.set_limit(w, quota.usage(w).octets))
    try:
        second = desk.ask("draft", draft=first, body="<p>bbb</p>").json["draft"]
    finally:
        store.write_now(ann, lambda w: quota.set_limit(w, None))
    ((validity, uid, _, raw),) = desk.stored("Drafts")
    assert [validity, uid] == second != first
    assert b"bbb" in raw


@pytest.mark.parametrize("server_can", [True, False])
def test_a_draft_whose_older_state_is_gone_is_saved_all_the_same(desk, monkeypatch, server_can):
    if not server_can:
        monkeypatch.setattr(
            Mail, "has", lambda mail, *names: mail.capabilities.issuperset(names) and "REPLACE" not in names
        )
    first = desk.ask("draft", subject="One").json["draft"]
    second = desk.ask("draft", draft=first, subject="Two").json["draft"]
    assert [parsed(raw)["Subject"] for _, _, _, raw in desk.stored("Drafts")] == ["Two"]
    desk.house.store.write_now(desk.house.ann, lambda w: empty(w, "Drafts"))
    assert desk.ask("draft", draft=second, subject="Three").json["draft"]
    assert [parsed(raw)["Subject"] for _, _, _, raw in desk.stored("Drafts")] == ["Three"]


def test_the_draft_of_a_reply_knows_what_it_answers(desk):
    at = desk.put(letter("Plans", mid="<7@far.test>", reply_to="<6@far.test>"))
    page = desk.open(f"?reply={at}&mode=all")
    kept = desk.ask(
        "draft",
        original=at,
        mode="all",
        in_reply_to=data(page, "in-reply-to"),
        references=data(page, "references").split(),
    ).json["draft"]
    again = desk.open(f"?draft={kept[0]}/{kept[1]}")
    assert data(again, "original") == at
    assert data(again, "mode") == "all"
    assert data(again, "in-reply-to") == "7@far.test"
    assert data(again, "references") == "6@far.test 7@far.test"


def test_hostile_mail_is_quoted_without_its_teeth(desk):
    """T034."""
    at = desk.put(
        letter(
            "<b>x",
            html="<p>Hi</p><script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>l</a>",
            sender='"<i>Eve" <eve@far.test>',
        )
    )
    page = desk.open(f"?reply={at}")
    quoted = body_of(page)
    assert "<p>Hi</p>" in quoted
    for word in ("script", "onerror", "javascript", "<i>"):
        assert word not in quoted
    assert "<script>alert" not in page


def test_what_is_sent_is_clean_whatever_the_browser_said(desk):
    assert desk.ask("send", body="<p>Hi</p><script>alert(1)</script><img src=x onerror=alert(2)>").status_code == 200
    assert b"alert" not in desk.office.messages[0][2]


def test_a_file_goes_with_the_letter_and_then_it_is_gone(desk):
    content = bytes(range(256)) * 200
    kept = desk.upload("../Größe 计划.pdf", content, "application/pdf").json
    assert (kept["name"], kept["size"]) == ("Größe 计划.pdf", len(content))
    assert desk.ask("send", files=[kept["id"]]).status_code == 200
    (part,) = parsed(desk.office.messages[0][2]).iter_attachments()
    assert (part.get_filename(), part.get_content_type(), part.get_payload(decode=True)) == (
        "Größe 计划.pdf",
        "application/pdf",
        content,
    )
    again = desk.ask("send", files=[kept["id"]], writing_id="another letter")
    assert (again.status_code, again.json["field"]) == (422, "files")


def test_somebody_elses_file_is_not_to_be_had(desk):
    kept = desk.upload("secret.txt", b"secret").json["id"]
    bob = signed_in(desk.app, "bob")
    answer = bob.send("/mail/compose/send", BODY | {"sender": "bob@example.org", "files": [kept]})
    assert (answer.status_code, answer.json["field"]) == (422, "files")
    bob.send(f"/mail/compose/upload/{kept}/drop", {})
    assert desk.ask("send", files=[kept]).status_code == 200


def test_uploads_have_a_limit(desk, place):
    """T046."""
    limit = uploads.Uploads(place[2].extensions["posthouse"].settings, 1).limit
    answer = desk.upload("big.iso", b"x" * (limit + 1))
    assert answer.status_code == 413
    assert "big.iso is too large" in answer.json["error"]
    assert desk.upload("far too big.iso", io.BytesIO(b"x" * 3_000_000)).status_code == 413
    assert not [
        p for p in (desk.house.settings.data / "uploads").rglob("*") if p.is_file() and p.stat().st_size >= limit
    ]


def test_a_forward_takes_the_files_along(desk):
    at = desk.put(
        letter("Files", files=[("a.txt", "text/plain", b"one\n"), ("b.bin", "application/octet-stream", b"\x00\x01")])
    )
    page = desk.open(f"?reply={at}&mode=forward")
    ids = re.findall(r'data-file="(\w{32})"', page)
    assert len(ids) == 2
    assert field(page, "to") == ""
    assert desk.ask("send", files=ids, original=at, mode="forward").status_code == 200
    parts = list(parsed(desk.office.messages[0][2]).iter_attachments())
    assert [(p.get_filename(), p.get_payload(decode=True)) for p in parts] == [
        ("a.txt", b"one\n"),
        ("b.bin", b"\x00\x01"),
    ]
    assert "$Forwarded" in desk.flags(at)


def test_what_finds_no_room_is_told_and_its_draft_is_left_alone(desk, monkeypatch):
    kept = desk.upload("a.txt", b"x").json["id"]
    place = desk.ask("draft", files=[kept]).json["draft"]
    monkeypatch.setattr(uploads, "FILES", 0)
    page = desk.open(f"?draft={place[0]}/{place[1]}")
    assert "There was no room for a.txt" in page
    assert data(page, "draft") == ""


def test_a_draft_thrown_away_is_gone_with_its_files(desk):
    kept = desk.upload("a.txt", b"x").json["id"]
    place = desk.ask("draft", files=[kept]).json["draft"]
    assert desk.ask("discard", draft=place, files=[kept]).json["said"] == "Draft thrown away"
    assert desk.stored("Drafts") == []
    assert desk.ask("draft", files=[kept]).status_code == 422


@pytest.mark.parametrize(
    "query",
    ["?draft=1/999999", "?draft=0/1", "?draft=1", "?draft=x/y", "?draft=1/99999999999", "?reply=1/2", "?reply=1/2/INBOX&mode=x", "?reply=1/2/Nowhere", "?reply=1/2/a%0D%0Ab", "?draft=%D9%A1/1"],
)  # fmt: skip
def test_what_is_not_there_is_not_there(desk, query):
    assert desk.ann.piece(f"/mail/compose{query}").status_code == 404


def test_people_are_those_of_the_mail(desk):
    from webmail.views import compose

    desk.put(letter("a", sender="Ödön Horváth <odon@far.test>"))
    desk.put(letter("b", sender="李雷 <lilei@far.test>"))
    desk.put(letter("c", sender="No Reply <noreply@shop.test>"))
    compose._REMEMBERED.clear()
    ask = lambda q: [one["email"] for one in desk.ann.client.get("/mail/compose/people", query_string={"q": q}).json]  # noqa: E731 - a word for four lines
    assert ask("hor") == ["odon@far.test"]
    assert ask("odon@") == ["odon@far.test"]
    assert ask("雷") == ["lilei@far.test"]
    assert ask("nor") == []


def test_who_is_signed_out_sends_nothing(desk):
    desk.ann.post("/mail/sign-out")
    answer = desk.ann.client.post("/mail/compose/send", json=BODY, headers={"Accept": "application/json"})
    assert answer.status_code in (400, 401)
    assert desk.office.messages == []
