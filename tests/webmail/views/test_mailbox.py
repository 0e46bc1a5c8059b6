import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.webmail.mail_rooms import letter
from tests.webmail.views.mail_room import reading_room, signed_in


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("mailbox")) as (rooms, app):
        for number in range(60):
            rooms.house.append(
                letter(f"Letter {number}", mid=f"<{number}@x>"),
                internaldate=datetime.now(UTC) - timedelta(hours=number),
            )
        yield rooms, app


@pytest.fixture(scope="module")
def ann(room):
    return signed_in(room[1])


def rows(page):
    return re.findall(r'<li class="row', page.text)


def test_the_whole_page(ann):
    page = ann.get("/mail/box/INBOX")
    assert page.status_code == 200
    assert len(rows(page)) == 50
    assert "Letter 0" in page.text
    assert "Today" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
    assert " style=" not in page.text
    assert not re.search(r"<script(?![^>]* src=)", page.text)
    assert not re.search(r"\son\w+=", page.text)


def test_pieces_for_scripts(ann):
    part = ann.piece("/mail/box/INBOX")
    assert "<html" not in part.text
    assert "data-list-head" in part.text
    more = ann.piece(re.search(r'data-more><a href="([^"]+)"', part.text)[1].replace("&amp;", "&") + "&part=rows")
    assert len(rows(more)) == 10
    assert "data-list-head" not in more.text
    assert "data-more" not in more.text
    rail = ann.piece("/mail/rail?current=INBOX")
    assert 'aria-current="page"' in rail.text


def test_filters_and_orders(ann):
    assert len(rows(ann.get("/mail/box/INBOX?filter=starred"))) == 0
    assert "Nothing starred here" in ann.get("/mail/box/INBOX?filter=starred").text
    oldest = ann.get("/mail/box/INBOX?order=oldest").text
    assert oldest.index("Letter 59") < oldest.index("Letter 58")
    assert ann.get("/mail/box/INBOX?filter=x&order=y&cursor=z").status_code == 200


@pytest.mark.parametrize("name", ["Nowhere", "a%0d%0ab", "%00", "INBOX/", "..%2f..%2fetc", "x" * 1200, "%22", "*"])
def test_a_mailbox_that_is_not_there(ann, name):
    assert ann.get(f"/mail/box/{name}").status_code == 404
    assert ann.piece(f"/mail/box/{name}?part=rows").status_code == 404


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "{{7*7}}", "Büro & Co", "周六/计划", 'a"b'])
def test_names_of_folders_are_text(room, ann, name):
    mail = room[0].mail()
    mail.create(name)
    mail.close()
    page = ann.get("/mail/box/INBOX")
    assert "<img src=x" not in page.text
    assert "49" not in re.findall(r'data-label="([^"]*)"', page.text)
    link = next(
        link
        for link in re.findall(r'href="(/mail/box/[^"]+)"', page.text)
        if (link != "/mail/box/INBOX" and name.split("/")[-1][0] in link) or "%" in link
    )
    assert ann.get(link.replace("&amp;", "&")).status_code == 200


def test_words_of_strangers_are_text(room, ann):
    """T033: subject, names, preview."""
    evil = '"><img src=x onerror=alert(1)>{{7*7}}<script>x</script>'
    room[0].house.append(letter(evil, evil, sender=f'"{evil.replace(chr(34), "")}" <evil@x.example>'))
    for path in ("/mail/box/INBOX", "/mail/search?q=onerror"):
        text = ann.get(path).text
        assert "<img src=x" not in text
        assert "<script>x" not in text
        assert "onerror" in text


def test_everybody_sees_their_own_mail(room):
    """T066."""
    bob = signed_in(room[1], "bob")
    page = bob.get("/mail/box/INBOX")
    assert page.status_code == 200
    assert "Letter" not in page.text
    assert "The inbox is empty" in page.text


def test_without_a_session_there_is_nothing(room):
    visitor = type(signed_in(room[1]))(room[1])
    for path in (
        "/mail/box/INBOX",
        "/mail/rail",
        "/mail/search?q=x",
        "/mail/message/1/1/INBOX",
        "/mail/body/1/1/INBOX",
        "/mail/raw/1/1/INBOX",
        "/mail/part/1/1/1/INBOX",
        "/mail/parts/1/1/INBOX",
        "/mail/headers/1/1/INBOX",
        "/mail/print/1/1/INBOX",
        "/mail/events",
        "/mail/suggest",
        "/mail/leave?to=https://x.example/",
    ):
        assert visitor.get(path).status_code in (302, 401), path


def test_a_mail_server_that_is_away_is_told_in_words(room, ann):
    app = room[1]
    app.extensions["posthouse_mail_pool"].close()
    desk = app.extensions["posthouse"]
    real = desk.settings.imap_server
    object.__setattr__(desk.settings, "imap_server", "127.0.0.1:9")
    try:
        page = ann.get("/mail/box/INBOX")
        assert page.status_code == 503
        assert "The mail server does not answer" in page.text
        assert "Traceback" not in page.text
        assert ann.get("/mail/settings/general").status_code == 200
    finally:
        object.__setattr__(desk.settings, "imap_server", real)


def test_what_others_share_stands_below_their_address(room):
    rooms, app = room
    rooms.house.append(letter("From Bob's plans"), "Archive", name="bob")
    rooms.house.share("Archive", "lr", owner="bob", to="ann")
    ann = signed_in(app)
    page = ann.get("/mail/box/INBOX")
    assert "Shared with you" in page.text
    assert 'title="bob@example.org"' in page.text
    address = re.search(r'href="(/mail/box/Other[^"]+)"', page.text)[1]
    there = ann.get(address)
    assert there.status_code == 200
    assert "From Bob&#39;s plans" in there.text
    rooms.house.share("Archive", "", owner="bob", to="ann")
    assert "Shared with you" not in ann.get("/mail/box/INBOX").text


def test_a_folder_of_somebody_else_is_not_renamed_here(room, ann):
    room[0].house.share("Shared out", "lrswite")
    assert "data-folder-rename" in ann.get("/mail/box/Shared out").text
    page = signed_in(room[1], "bob").get("/mail/box/Other Users/ann@example.org/Shared out")
    assert page.status_code == 200
    assert "data-shared" in page.text
    assert "data-folder-rename" not in page.text
