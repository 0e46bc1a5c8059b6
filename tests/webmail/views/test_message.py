import re

import pytest

from tests.webmail.mail_rooms import PNG, letter
from tests.webmail.views.mail_room import reading_room, signed_in
from webmail import document

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("message")) as made:
        yield made


@pytest.fixture(scope="module")
def ann(room):
    return signed_in(room[1])


@pytest.fixture
def put(room):
    """Deliver a message; gives the tail of its addresses."""

    def deliver(raw, mailbox="INBOX"):
        uid = room[0].house.append(raw, mailbox)
        mail = room[0].mail()
        validity = mail.select(mailbox)
        mail.close()
        return f"{validity}/{uid}/{mailbox}"

    return deliver


def test_plain_text_in_the_pane(ann, put):
    at = put(letter("Hello", "See https://a.example/x\n\nOn Mon, Bob wrote:\n> old\n"))
    part = ann.piece(f"/mail/message/{at}")
    assert part.status_code == 200
    assert "<html" not in part.text
    assert 'href="https://a.example/x"' in part.text
    assert "quote-fold" in part.text
    assert "<iframe" not in part.text
    assert "data-unseen" in part.text
    whole = ann.get(f"/mail/message/{at}")
    assert "<html" in whole.text
    assert "data-conversation" in whole.text
    assert 'class="row' in whole.text


def test_html_is_in_a_frame_of_its_own(ann, put):
    at = put(
        letter(
            "News",
            "text\n",
            html=f"<p>Hi {EVIL}</p><img src='https://t.example/p.gif' width=1 height=1><img src='https://t.example/hero.png'>",
        )
    )
    pane = ann.piece(f"/mail/message/{at}").text
    frame = re.search(r"<iframe [^>]+>", pane)[0]
    assert f'sandbox="{document.SANDBOX}"' in frame
    assert 'referrerpolicy="no-referrer"' in frame
    assert "1 tracker blocked." in pane
    assert "1 image not loaded." in pane
    source = re.search(r'src="([^"]+)"', frame)[1].replace("&amp;", "&")
    body = ann.get(source)
    assert "<script" not in body.text
    assert "t.example" not in body.text
    assert "onerror" not in re.sub(r"&#?\w+;[^<]*", "", body.text)
    for name, value in document.headers("http://localhost").items():
        assert body.headers[name] == value


def test_the_frame_names_the_proxy_by_its_path():
    policy = document.policy("https://mail.example")
    assert (
        policy
        == "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data: https://mail.example/mail/proxy/; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


def test_images_after_consent_come_by_way_of_the_proxy(ann, put, room):
    at = put(letter("Pictures", "text\n", html="<img src='https://t.example/hero.png'>"))
    pane = ann.piece(f"/mail/message/{at}?images=1").text
    assert "not loaded" not in pane
    body = ann.get(f"/mail/body/{at}?images=1").text
    token = re.search(r'src="/mail/proxy/([^"]+)"', body)[1]
    assert "t.example" not in body

    class Fetcher:
        def image(self, account, url):
            assert (account, url) == (room[0].house.ann, "https://t.example/hero.png")
            return type("Image", (), {"kind": "image/png", "data": PNG})

    from webmail import mail_views

    original = mail_views.fetcher
    mail_views.fetcher = Fetcher
    try:
        stranger = type(ann)(room[1])  # the frame has no session
        image = stranger.get(f"/mail/proxy/{token}")
    finally:
        mail_views.fetcher = original
    assert image.data == PNG
    assert image.headers["Content-Type"] == "image/png"
    assert image.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Set-Cookie" not in image.headers
    for wrong in ("x", token[:-3], "a." + token.partition(".")[2]):
        assert stranger.get(f"/mail/proxy/{wrong}").status_code == 404


def test_images_of_the_message_are_shown_and_not_listed(ann, put):
    at = put(letter("Logo", "text\n", html="<img src='cid:logo@x'><img src='cid:other@x'>", inline=[("logo@x", PNG)]))
    pane = ann.piece(f"/mail/message/{at}").text
    assert 'class="files"' not in pane
    assert "data:image/png;base64," in ann.get(f"/mail/body/{at}").text


def test_plain_text_on_request(ann, put):
    at = put(letter("Both", "the plain form\n", html="<p>the other form</p>"))
    pane = ann.piece(f"/mail/message/{at}?plain=1").text
    assert "the plain form" in pane
    assert "<iframe" not in pane


def test_a_body_that_cannot_be_made_safe_is_shown_as_text(ann, put):
    at = put(letter("Tangled", "", html="<div>" * 1000 + "the words" + "</div>" * 1000))
    pane = ann.piece(f"/mail/message/{at}").text
    assert "too tangled" in pane


def test_attachments(ann, put):
    files = [
        ("Bücher <b>.pdf", "application/pdf", b"%PDF-1.4 x"),
        ("a.png", "image/png", PNG),
        ("evil.png", "image/png", b"<html><script>x</script>"),
        ("page.html", "text/html", b"<script>x</script>"),
        ("pic.svg", "image/svg+xml", b"<svg onload=x>"),
    ]
    at = put(letter("Files", files=files))
    pane = ann.piece(f"/mail/message/{at}").text
    assert "5 attachments" in pane
    assert "<b>.pdf" not in pane
    links = sorted(set(re.findall(r'href="(/mail/part/[^"?]+)"', pane)))
    answers = {
        re.search(r"filename=\"([^\"]*)\"", (answer := ann.get(link)).headers["Content-Disposition"])[1]: answer
        for link in links
    }
    assert set(answers) == {"B_cher _b_.pdf", "a.png", "evil.png", "page.html", "pic.svg"}
    for name, answer in answers.items():
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        kind = {"B_cher _b_.pdf": "application/pdf", "a.png": "image/png"}.get(name, "application/octet-stream")
        assert answer.headers["Content-Type"] == kind
    assert "filename*=UTF-8''B%C3%BCcher%20%3Cb%3E.pdf" in answers["B_cher _b_.pdf"].headers["Content-Disposition"]
    shown = {link: ann.get(f"{link}?inline=1").status_code for link in links}
    assert sorted(shown.values()) == [200, 404, 404, 404, 404]


def test_all_attachments_in_one_archive(ann, put):
    import io
    import zipfile

    at = put(
        letter(
            "Zip",
            files=[
                ("../a.txt", "text/plain", b"one"),
                ("a.txt", "text/plain", b"two"),
                ("b.bin", "application/x", b"three" * 100),
            ],
        )
    )
    answer = ann.get(f"/mail/parts/{at}")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.namelist() == ["a.txt", "a (2).txt", "b.bin"]
    assert archive.read("b.bin") == b"three" * 100
    assert 'filename="Zip.zip"' in answer.headers["Content-Disposition"]
    assert ann.get(f"/mail/parts/{put(letter('None'))}").status_code == 404


def test_source_header_and_paper(ann, put):
    raw = letter(EVIL, "text\n", html=f"<p>{EVIL}</p>", sender='"<b>x" <x@x.example>')
    at = put(raw)
    source = ann.get(f"/mail/raw/{at}")
    assert source.data == raw
    assert source.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert source.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in source.headers["Content-Security-Policy"]
    kept = ann.get(f"/mail/raw/{at}?download=1")
    assert kept.headers["Content-Disposition"].startswith("attachment")
    header = ann.piece(f"/mail/headers/{at}").text
    assert "Message-ID" in header
    assert "<script>alert" not in header
    paper = ann.get(f"/mail/print/{at}")
    assert paper.headers["Content-Security-Policy"] == document.policy("http://localhost")
    assert "<script" not in paper.text
    assert "<img src=x" not in paper.text
    assert "x@x.example" in paper.text


def test_every_hostile_header_is_text(ann, put):
    """T033 in the pane."""
    at = put(letter(EVIL, EVIL, sender=f'"{EVIL.replace(chr(34), "")}" <evil@x.example>', to='"<i>y" <y@y.example>'))
    for path in (f"/mail/message/{at}", f"/mail/message/{at}?plain=1"):
        for page in (ann.piece(path), ann.get(path)):
            assert "<img src=x" not in page.text
            assert "<script>alert" not in page.text
            assert "{{7*7}}" in page.text


def test_an_invitation_is_a_card(ann, put):
    calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Q1 <b>planning\r\nDTSTART:20261202T130000Z\r\nDTEND:20261202T140000Z\r\nORGANIZER;CN=Priya:mailto:p@x.example\r\nATTENDEE:mailto:ann@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    raw = (
        letter("Invitation", files=[])
        .replace(b"text/plain", b"text/calendar; method=REQUEST", 1)
        .partition(b"\r\n\r\n")[0]
        + b"\r\n\r\n"
        + calendar
    )
    pane = ann.piece(f"/mail/message/{put(raw)}").text
    assert "Q1 &lt;b&gt;planning" in pane
    assert "Priya invites you." in pane
    assert "Wednesday 2 December 2026" in pane


def test_a_bounce_is_a_card(ann, put):
    raw = b"From: Mail delivery <mailer-daemon@x.example>\r\nTo: ann@example.org\r\nSubject: Undelivered\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nIt failed.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; mia@brukner.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    pane = ann.piece(f"/mail/message/{put(raw)}").text
    assert "Not delivered to mia@brukner.example" in pane
    assert "the address does not exist" in pane


def test_replies_that_would_go_elsewhere_are_told(ann, put):
    pane = ann.piece(f"/mail/message/{put(letter('Pay', reply_to_=None, reply_to=None))}").text
    assert "another domain" not in pane
    raw = letter("Pay").replace(b"Subject:", b"Reply-To: collect@fast-pay.example\r\nSubject:", 1)
    pane = ann.piece(f"/mail/message/{put(raw)}").text
    assert "Replies would go to another domain" in pane
    assert "collect@fast-pay.example" in pane


def test_a_conversation_is_folded_above(ann, put):
    first = put(letter("Talk", "first words\n", mid="<v1@x>"))
    at = put(letter("Re: Talk", "second words\n", mid="<v2@x>", reply_to="<v1@x>"))
    pane = ann.piece(f"/mail/message/{at}").text
    assert "Expand all 2" in pane
    assert f"/mail/message/{first}" in pane
    assert "first words" in pane
    one = ann.piece(f"/mail/message/{first}?part=letter").text
    assert one.strip().startswith("<article")


@pytest.mark.parametrize("kind", ["message", "body", "raw", "headers", "print", "parts"])
def test_messages_that_are_not_there(ann, put, kind):
    at = put(letter())
    validity, uid, mailbox = at.split("/", 2)
    for wrong in (
        f"{int(validity) + 1}/{uid}/{mailbox}",
        f"{validity}/99999999/{mailbox}",
        f"{validity}/{uid}/Nowhere",
        f"{validity}/0/{mailbox}",
        f"{validity}/99999999999999/{mailbox}",
        f"{validity}/{uid}/a%0d%0ab",
    ):
        assert ann.get(f"/mail/{kind}/{wrong}").status_code == 404, wrong
    assert ann.get(f"/mail/part/{validity}/{uid}/7.7/{mailbox}").status_code == 404


def test_another_persons_message_is_not_there(room, put):
    """T066: the same address, another session."""
    at = put(letter("Private", files=[("a.png", "image/png", PNG)]))
    bob = signed_in(room[1], "bob")
    for kind in ("message", "body", "raw", "headers", "print", "parts"):
        assert bob.get(f"/mail/{kind}/{at}").status_code == 404, kind
    validity, uid, mailbox = at.split("/", 2)
    assert bob.get(f"/mail/part/{validity}/{uid}/2/{mailbox}").status_code == 404


def test_made_documents_are_not_shared_between_people(room, ann, put):
    at = put(letter("Cached", "", html="<p>only for ann</p>"))
    assert "only for ann" in ann.get(f"/mail/body/{at}").text
    assert "only for ann" not in signed_in(room[1], "bob").get(f"/mail/body/{at}").text


def test_the_question_before_a_link(ann):
    page = ann.get("/mail/leave?to=https%3A%2F%2Fevil.example%2Fx&said=www.bank.example")
    assert "https://evil.example/x" in page.text
    assert "www.bank.example" in page.text
    for wrong in ("javascript:alert(1)", "//evil", "", "data:text/html,x"):
        assert ann.get(f"/mail/leave?to={wrong}").status_code == 400
    assert "<img src=x" not in ann.get("/mail/leave?to=https://x.example/&said=<img src=x>").text


def test_reading_by_address_changes_nothing(room, ann, put):
    """T057: no GET changes state."""
    at = put(letter("Unread", "", html="<p>x</p>"))
    for path in (f"/mail/message/{at}", f"/mail/body/{at}", f"/mail/raw/{at}", f"/mail/print/{at}"):
        ann.get(path)
    mail = room[0].mail()
    mail.select("INBOX")
    uid = int(at.split("/")[1])
    assert not mail.fetch([uid], ["FLAGS"])[uid].has("\\Seen")
    mail.close()


def test_a_conversation_shows_a_message_that_names_no_author(ann, put):
    put(b"Message-ID: <nobody@example.org>\r\nSubject: Sent by a machine\r\n\r\nno author\r\n")
    at = put(letter("Re: Sent by a machine", mid="<answer@example.org>", reply_to="<nobody@example.org>"))
    pane = ann.piece(f"/mail/message/{at}")
    assert pane.status_code == 200
    assert "data-old" in pane.text


def test_reading_leaves_no_mark_where_none_may_be_left(room):
    house = room[0].house
    for folder, letters, marked in (("Look only", "lr", False), ("Marked", "lrs", True)):
        house.share(folder, letters)
        uid = house.append(letter("From the family"), folder)
        place = f"Other Users/ann@example.org/{folder}"
        mail = room[0].mail("bob")
        validity = mail.select(place)
        mail.close()
        page = signed_in(room[1], "bob").piece(f"/mail/message/{validity}/{uid}/{place}")
        assert "From the family" in page.text
        assert ("data-unseen" in page.text) is marked
