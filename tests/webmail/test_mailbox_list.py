import pytest

from tests.webmail.mail_rooms import letter, rooms
from webmail import mailbox_list
from webmail.imap_response import Answer
from webmail.mailbox_list import Mailbox


class Script:
    """A connection that answers from a table."""

    def __init__(self, capabilities, answers):
        self.capabilities = frozenset(capabilities.split())
        self.answers, self.asked, self.own = answers, [], False

    def has(self, *names):
        return all(name in self.capabilities for name in names)

    def run(self, *pieces):
        line = b"".join(piece for piece in pieces if isinstance(piece, bytes)).decode()
        self.asked.append(line)
        return Answer(next((answer for start, answer in self.answers.items() if line.startswith(start)), {}))


@pytest.fixture
def place(tmp_path):
    with rooms(tmp_path) as made:
        yield made


def test_our_own_server_says_it_in_two_commands(place):
    place.house.append(letter())
    mail = place.mail()
    mail.create("Clients/Lindqvist")
    found = mailbox_list.load(mail)
    assert [one.name for one in mailbox_list.special(found)] == ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"]
    assert [(one.name, one.label, one.depth) for one in mailbox_list.folders(found)][-1] == (
        "Clients/Lindqvist",
        "Lindqvist",
        1,
    )
    inbox = mailbox_list.by_role(found, "inbox")
    assert (inbox.messages, inbox.unseen) == (1, 1)
    assert inbox.uidvalidity
    assert inbox.highestmodseq
    assert mailbox_list.usage(mail) is None or mailbox_list.usage(mail).used >= 0
    mail.close()


def test_virtual_mailboxes_are_no_folders_and_are_not_counted(place):
    place.house.append(letter())
    mail = place.mail()
    mail.create("Clients/Lindqvist")
    mailbox_list.load(mail)
    mail.select("Archive")
    mail.select("INBOX")
    mail.store([1], ["urgent"], add=True)
    found = mailbox_list.load(mail)
    assert {one.name: one.role for one in found if one.virtual} == {
        "All Mail": "all",
        "Flagged": "starred",
        "Unread": "",
        "Labels": "",
        "Labels/urgent": "",
    }
    assert [one.name for one in mailbox_list.folders(found)] == ["Clients", "Clients/Lindqvist"]
    assert all(one.uidvalidity for one in found if not one.virtual)
    built = place.house.store.read_now(
        place.house.ann, lambda r: r.raw("SELECT count(*) FROM virtual_member").fetchone()[0]
    )
    assert built == 0, "the server keeps nothing up that nobody looks at"
    mail.close()


def test_with_very_many_folders_all_mailboxes_are_counted(place):
    mail = place.mail()
    for n in range(20):
        mail.create(f"{n:02}" + "x" * 90)
    found = mailbox_list.load(mail)
    assert len(mailbox_list.folders(found)) == 20
    assert all(one.uidvalidity for one in found)
    mail.close()


def test_without_list_status_each_mailbox_is_asked():
    script = Script(
        "IMAP4REV1",
        {
            "LIST": {
                "LIST": [
                    b'(\\HasNoChildren) "." inbox',
                    b'(\\Noselect) "." Lists',
                    b'() "." "Sent Items"',
                    b'() "." Lists.&U,BTFw-',
                ]
            },
            'STATUS "INBOX"': {"STATUS": [b"inbox (MESSAGES 3 UNSEEN 1 UIDNEXT 9 UIDVALIDITY 4)"]},
        },
    )
    found = mailbox_list.load(script)
    assert [(one.name, one.role, one.selectable) for one in found] == [
        ("INBOX", "inbox", True),
        ("Lists", "", False),
        ("Sent Items", "sent", True),
        ("Lists.台北", "", True),
    ]
    assert (found[0].messages, found[0].unseen, found[0].uidnext) == (3, 1, 9)
    assert 'STATUS "Lists" (MESSAGES UNSEEN UIDNEXT UIDVALIDITY)' not in script.asked


def test_a_role_is_given_once_and_attributes_go_before_names():
    script = Script(
        "IMAP4REV1",
        {"LIST": {"LIST": [b'() "/" Trash', b'(\\Trash) "/" Papierkorb', b'(\\Trash) "/" Other', b'() "/" Spam']}},
    )
    roles = {one.name: one.role for one in mailbox_list.load(script)}
    assert roles == {"Trash": "", "Papierkorb": "trash", "Other": "", "Spam": "junk"}


def test_folders_stand_below_their_parents_in_the_order_of_names():
    names = ["Zoo", "a/c", "a", "a b", "A/B"]
    assert [one.name for one in mailbox_list.folders([Mailbox(name) for name in names])] == [
        "a",
        "A/B",
        "a/c",
        "a b",
        "Zoo",
    ]


def test_storage():
    script = Script("IMAP4REV1 QUOTA", {"GETQUOTAROOT": {"QUOTA": [b'"User quota" (MESSAGE 1 5 STORAGE 512 1024)']}})
    used = mailbox_list.usage(script)
    assert (used.used, used.limit, used.percent) == (512 * 1024, 1024 * 1024, 50)
    assert mailbox_list.usage(Script("IMAP4REV1", {})) is None
    assert mailbox_list.Usage(5, 0).percent == 0


def test_find():
    boxes = [Mailbox("INBOX", role="inbox"), Mailbox("x")]
    assert mailbox_list.by_name(boxes, "x") == boxes[1]
    assert mailbox_list.by_name(boxes, "y") is None
    assert mailbox_list.by_role(boxes, "sent") is None


def test_what_others_share_is_apart_from_ones_own(place):
    place.house.append(letter(), "Archive")
    place.house.share("Archive", "lr")
    place.house.share("Clients/Lindqvist", "lrs")
    place.house.share("Letterbox", "li")
    mail = place.mail("bob")
    found = mailbox_list.load(mail)
    assert [one.name for one in mailbox_list.special(found)] == ["INBOX", "Drafts", "Sent", "Archive", "Junk", "Trash"]
    assert mailbox_list.folders(found) == []
    shown = [(one.owner, one.label, one.depth, one.selectable, one.messages) for one in mailbox_list.shared(found)]
    assert shown == [
        ("ann@example.org", "Archive", 1, True, 1),
        ("ann@example.org", "Lindqvist", 2, True, 0),
        ("ann@example.org", "Letterbox", 1, False, 0),
    ]
    mail.close()
