import pytest

from tests.webmail.mail_rooms import letter, rooms
from webmail import actions, mailbox_list
from webmail.actions import Refused, Wish
from webmail.imap_command import BadArgument
from webmail.mail_error import MailRefused
from webmail.message import Gone


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("actions")) as made:
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def do(mail, verb, mailbox, uids, target="", validity=None):
    wish = actions.checked(verb, mailbox, validity or mail.select(mailbox), uids, target)
    return actions.perform(mail, mailbox_list.load(mail), wish)


def uids(mail, mailbox):
    mail.select(mailbox)
    mail.run(b"NOOP")
    return mail.search(["ALL"])


@pytest.mark.parametrize(("verb", "target"), [("archive", "Archive"), ("delete", "Trash"), ("junk", "Junk")])
def test_moves_are_undone_by_moving_back(place, mail, verb, target):
    uid = place.house.append(letter(verb))
    done = do(mail, verb, "INBOX", [uid])
    assert (done.count, done.target) == (1, target)
    assert uid not in uids(mail, "INBOX")
    back = actions.perform(mail, mailbox_list.load(mail), done.undo)
    assert back.target == "INBOX"
    assert len(uids(mail, "INBOX")) >= 1
    assert back.undo.uids[0] in uids(mail, "INBOX")


def test_junk_and_not_junk_teach(place, mail):
    uid = place.house.append(letter("spam"))
    do(mail, "junk", "INBOX", [uid])
    (moved,) = uids(mail, "Junk")[-1:]
    assert mail.fetch([moved], ["FLAGS"])[moved].has("$Junk")
    done = do(mail, "notjunk", "Junk", [moved])
    mail.select("INBOX")
    flags = mail.fetch(done.undo.uids, ["FLAGS"])[done.undo.uids[0]]
    assert flags.has("$NotJunk")
    assert not flags.has("$Junk")


@pytest.mark.parametrize(("verb", "flag"), [("read", "\\Seen"), ("star", "\\Flagged")])
def test_flags_and_their_opposites(place, mail, verb, flag):
    uid = place.house.append(letter(verb))
    done = do(mail, verb, "INBOX", [uid])
    assert mail.fetch([uid], ["FLAGS"])[uid].has(flag)
    actions.perform(mail, [], done.undo)
    assert not mail.fetch([uid], ["FLAGS"])[uid].has(flag)


def test_labels(place, mail):
    uid = place.house.append(letter())
    done = do(mail, "label", "INBOX", [uid], "Travel")
    assert mail.fetch([uid], ["FLAGS"])[uid].has("Travel")
    actions.perform(mail, [], done.undo)
    assert not mail.fetch([uid], ["FLAGS"])[uid].has("Travel")


def test_only_in_trash_and_junk_is_deleting_for_good(place, mail):
    uid = place.house.append(letter(), "Trash")
    done = do(mail, "delete", "Trash", [uid])
    assert done.forever
    assert done.undo is None
    assert uid not in uids(mail, "Trash")


def test_a_move_to_where_it_is_does_nothing(place, mail):
    uid = place.house.append(letter())
    assert do(mail, "move", "INBOX", [uid], "INBOX").count == 0
    assert uid in uids(mail, "INBOX")


def test_a_role_that_no_mailbox_has_gets_one(place, mail):
    mail.remove_mailbox("Archive")
    uid = place.house.append(letter())
    assert do(mail, "archive", "INBOX", [uid]).target == "Archive"
    assert uids(mail, "Archive")


def test_many_messages_go_in_batches(place, mail, monkeypatch):
    monkeypatch.setattr(actions, "BATCH", 2)
    numbers = [place.house.append(letter(f"batch {n}")) for n in range(5)]
    done = do(mail, "archive", "INBOX", numbers)
    assert len(done.undo.uids) == 5
    assert not set(numbers) & set(uids(mail, "INBOX"))


def test_another_mailbox_of_the_same_name_is_left_alone(place, mail):
    uid = place.house.append(letter())
    with pytest.raises(Gone):
        do(mail, "delete", "INBOX", [uid], validity=12345)
    with pytest.raises(Gone):
        do(mail, "move", "INBOX", [uid], "Nowhere")
    assert uid in uids(mail, "INBOX")


@pytest.mark.parametrize(
    ("verb", "mailbox", "numbers", "target"),
    [
        ("explode", "INBOX", [1], ""),
        ("read", "", [1], ""),
        ("read", "INBOX", [], ""),
        ("read", "INBOX", [0], ""),
        ("read", "INBOX", [2**32], ""),
        ("move", "INBOX", [1], ""),
        ("label", "INBOX", [1], "\\Deleted"),
        ("label", "INBOX", [1], "$Junk"),
        ("read", "INBOX", range(1, 10_002), ""),
    ],
)
def test_wishes_that_make_no_sense(verb, mailbox, numbers, target):
    with pytest.raises(Refused):
        actions.checked(verb, mailbox, 1, list(numbers), target)


def test_a_label_is_a_keyword():
    with pytest.raises(BadArgument):
        actions.checked("label", "INBOX", 1, [1], "a b\r\n")


def test_what_the_server_refuses_is_told(place, mail):
    with pytest.raises(MailRefused):
        actions.perform(
            mail,
            [mailbox_list.Mailbox("Gone")],
            Wish("move", "INBOX", mail.select("INBOX"), (place.house.append(letter()),), "Gone"),
        )
