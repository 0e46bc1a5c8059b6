import pytest

from tests.webmail.mail_rooms import letter
from tests.webmail.views.mail_room import reading_room, signed_in


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("actions")) as made:
        yield made


@pytest.fixture(scope="module")
def ann(room):
    return signed_in(room[1])


@pytest.fixture
def put(room):
    def deliver(raw=None, mailbox="INBOX"):
        uid = room[0].house.append(raw or letter(), mailbox)
        mail = room[0].mail()
        validity = mail.select(mailbox)
        mail.close()
        return {"mailbox": mailbox, "uidvalidity": validity, "uids": [uid]}

    return deliver


def test_archive_and_undo(ann, put):
    group = put()
    answer = ann.send("/mail/act/archive", {"messages": [group]})
    assert answer.status_code == 200
    assert answer.json["said"] == "1 message archived"
    (back,) = answer.json["undo"]
    assert (back["mailbox"], back["target"]) == ("Archive", "INBOX")
    again = ann.send(f"/mail/act/{back['verb']}", {"messages": [back]})
    assert again.json["said"] == "Undone"


def test_several_mailboxes_at_once(ann, put):
    answer = ann.send("/mail/act/delete", {"messages": [put(), put(mailbox="Archive")]})
    assert answer.json["said"] == "2 messages moved to Trash"
    assert len(answer.json["undo"]) == 2


def test_for_good_cannot_be_undone(ann, put):
    answer = ann.send("/mail/act/delete", {"messages": [put(mailbox="Trash")]})
    assert answer.json == {"said": "1 message deleted for good", "undo": [], "target": ""}


def test_words_of_every_verb(ann, put):
    words = {
        "read": "marked read",
        "unread": "marked unread",
        "star": "starred",
        "unstar": "Star removed",
        "junk": "marked as junk",
    }
    for verb, part in words.items():
        assert part in ann.send(f"/mail/act/{verb}", {"messages": [put()]}).json["said"]
    assert (
        ann.send("/mail/act/move", {"messages": [put()], "target": "Archive"}).json["said"]
        == "1 message moved to Archive"
    )


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {},
        {"messages": []},
        {"messages": "x"},
        {"messages": [1]},
        {"messages": [{}]},
        {"messages": [{"mailbox": 1, "uidvalidity": 1, "uids": [1]}]},
        {"messages": [{"mailbox": "INBOX", "uidvalidity": "1", "uids": [1]}]},
        {"messages": [{"mailbox": "INBOX", "uidvalidity": 1, "uids": ["1"]}]},
        {"messages": [{"mailbox": "INBOX", "uidvalidity": 1, "uids": []}]},
        {"messages": [{"mailbox": "INBOX", "uidvalidity": 1, "uids": [1]}] * 51},
    ],
)
def test_bodies_that_say_nothing(ann, body):
    assert ann.send("/mail/act/read", body).status_code == 400


def test_what_is_gone_and_what_is_forged(ann, put):
    group = put()
    assert ann.send("/mail/act/explode", {"messages": [group]}).status_code == 400
    assert ann.send("/mail/act/move", {"messages": [group], "target": "Nowhere"}).status_code == 404
    assert ann.send("/mail/act/read", {"messages": [group | {"uidvalidity": 1}]}).status_code == 404
    assert ann.send("/mail/act/move", {"messages": [group], "target": "a\r\nb"}).status_code == 404
    assert ann.send("/mail/act/archive", {"messages": [group]}, token=False).status_code == 400
    assert ann.get("/mail/act/archive").status_code == 405


def test_nobody_touches_the_mail_of_another(room, put):
    """T066: a wish of bob for ann's message touches nothing of hers."""
    group = put(letter("Hers"))
    bob = signed_in(room[1], "bob")
    bob.send("/mail/act/delete", {"messages": [group]})
    mail = room[0].mail()
    mail.select("INBOX")
    assert group["uids"][0] in mail.search(["ALL"])
    mail.close()


def test_folders(room, ann, put):
    made = ann.send("/mail/folders", {"do": "create", "name": "Clients"})
    assert made.json == {"said": "Folder Clients made", "mailbox": "Clients"}
    assert ann.send("/mail/folders", {"do": "create", "name": "clients"}).status_code == 409
    renamed = ann.send("/mail/folders", {"do": "rename", "mailbox": "Clients", "name": "Customers/Zürich"})
    assert renamed.json["mailbox"] == "Customers/Zürich"
    group = put(mailbox="Customers/Zürich")
    assert ann.send("/mail/folders", {"do": "delete", "mailbox": "Customers"}).status_code in (404, 409)
    gone = ann.send("/mail/folders", {"do": "delete", "mailbox": "Customers/Zürich"})
    assert "its mail is in Trash" in gone.json["said"]
    assert group["uids"]
    assert ann.get("/mail/box/Customers/Z%C3%BCrich").status_code == 404


@pytest.mark.parametrize("name", ["", " ", "/", "a//b", "a/", " x", "x\r\ny", "a*b", "50%", "x" * 300, "INBOX", "a\\b"])
def test_names_that_no_folder_can_have(ann, name):
    answer = ann.send("/mail/folders", {"do": "create", "name": name})
    assert answer.status_code == 409
    assert answer.json["error"]


def test_folders_of_the_house_stay(ann):
    for box in ("INBOX", "Sent", "Trash", "Nowhere"):
        assert ann.send("/mail/folders", {"do": "delete", "mailbox": box}).status_code == 404
        assert ann.send("/mail/folders", {"do": "rename", "mailbox": box, "name": "X"}).status_code == 404
    assert ann.send("/mail/folders", {"do": "x", "mailbox": "INBOX"}).status_code in (400, 404)
    assert ann.send("/mail/folders", []).status_code == 400
    assert ann.send("/mail/folders", {"do": "create", "name": "No token"}, token=False).status_code == 400


def test_what_the_owner_of_a_shared_folder_does_not_allow(room, put):
    place = "Other Users/ann@example.org/Look only"
    room[0].house.share("Look only", "lr")
    shown = put(mailbox="Look only") | {"mailbox": place}
    bob = signed_in(room[1], "bob")
    for verb, body in (("star", {}), ("delete", {}), ("archive", {}), ("move", {"target": "INBOX"})):
        answer = bob.send(f"/mail/act/{verb}", {"messages": [shown], **body})
        assert (answer.status_code, answer.json["error"]) == (403, "You may not do that in this folder"), verb
        assert "belongs to somebody else" in answer.json["remedy"]
