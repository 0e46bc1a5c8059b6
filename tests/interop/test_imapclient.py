"""imapclient, which the webmail stands on."""

import ssl
from datetime import UTC, datetime

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from server.accounts import token as tokens
from tests.fakes.imap_house import PASSWORD, in_a_thread, message


@pytest.fixture
def house(tmp_path):
    with in_a_thread(tmp_path) as running:
        yield running


@pytest.fixture
def client(house):
    made = IMAPClient("127.0.0.1", house.port, ssl=False)
    made.login("ann@example.org", PASSWORD)
    yield made
    made.logout()


def test_mailboxes(client):
    own = {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}
    assert {name for _, _, name in client.list_folders()} == own | {"All Mail", "Flagged", "Unread"}
    assert {name for _, _, name in client.list_sub_folders()} == own
    assert client.find_special_folder(b"\\Sent") == "Sent"
    client.create_folder("Entwürfe/收件箱 & co")
    assert client.folder_exists("Entwürfe/收件箱 & co")
    client.rename_folder("Entwürfe/收件箱 & co", "収")
    client.unsubscribe_folder("Archive")
    assert "Archive" not in {name for _, _, name in client.list_sub_folders()}
    assert client.folder_status("INBOX", ["MESSAGES", "UIDNEXT", "HIGHESTMODSEQ"])[b"MESSAGES"] == 0
    client.delete_folder("収")
    with pytest.raises(IMAPClientError):
        client.select_folder("収")
    assert client.namespace().personal == (("", "/"),)


def test_virtual_mailboxes(client, house):
    house.append(message("One"))
    house.append(message("Two"), "Archive", flags=("\\Flagged",))
    assert client.find_special_folder(b"\\All") == "All Mail"
    assert client.find_special_folder(b"\\Flagged") == "Flagged"
    assert client.select_folder("Flagged")[b"EXISTS"] == 1
    assert client.fetch([1], ["ENVELOPE"])[1][b"ENVELOPE"].subject == b"Two"
    client.select_folder("Unread")
    client.idle()
    house.append(message("Three"))
    assert client.idle_check(timeout=10) == [(3, b"EXISTS")]
    client.idle_done()
    assert sorted(client.sort("REVERSE ARRIVAL")) == [1, 2, 3]
    assert client.set_flags([1], [b"\\Seen"]) == {1: (b"\\Seen",)}
    client.noop()
    assert client.search() == [2, 3]
    client.copy([3], "Sent")
    client.move([3], "Trash")
    with pytest.raises(IMAPClientError, match="CANNOT"):
        client.copy([2], "All Mail")
    with pytest.raises(IMAPClientError, match="CANNOT"):
        client.append("Unread", message("no"))
    assert client.folder_status("All Mail", ["MESSAGES"])[b"MESSAGES"] == 3


def test_messages(client, house):
    raw = message(
        "Grüße".encode().decode("latin-1"), date="Sun, 1 Nov 2026 12:00:00 +0000", message_id="<1@example.org>"
    )
    client.append("INBOX", raw, (b"\\Flagged",), datetime(2026, 11, 1, 12, tzinfo=UTC))
    house.append(message("Second", references="<1@example.org>", in_reply_to="<1@example.org>"))
    selected = client.select_folder("INBOX")
    assert selected[b"EXISTS"] == 2
    assert selected[b"READ-WRITE"]
    assert client.search(["FLAGGED"]) == [1]
    assert client.search(["SUBJECT", "second", "UNSEEN"]) == [2]
    assert client.search("TEXT words", "UTF-8") == [1, 2]
    assert client.sort("SUBJECT") == [1, 2]
    assert client.thread() == ((1, 2),)
    found = client.fetch([1, 2], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "FLAGS", "INTERNALDATE", "MODSEQ"])
    assert found[1][b"ENVELOPE"].message_id == b"<1@example.org>"
    assert found[1][b"ENVELOPE"].from_[0].mailbox == b"bob"
    assert found[1][b"FLAGS"] == (b"\\Flagged",)
    assert found[2][b"BODYSTRUCTURE"][:2] == (b"text", b"plain")
    assert client.fetch([1], ["BODY.PEEK[]"])[1][b"BODY[]"] == raw
    assert client.fetch([2], ["BODY[TEXT]<0.4>"])[2][b"BODY[TEXT]<0>"] == b"Some"
    assert b"\\Seen" in client.get_flags([2])[2]


def test_flags_copy_move_expunge(client, house):
    for subject in "abc":
        house.append(message(subject))
    client.select_folder("INBOX")
    assert client.add_flags([1, 2], [b"\\Seen", b"$Work"])[1] == (b"$Work", b"\\Seen")
    client.remove_flags([1], [b"\\Seen"])
    assert client.get_flags([1])[1] == (b"$Work",)
    client.set_flags([1], [])
    assert client.get_flags([1])[1] == ()
    client.copy([1, 2], "Archive")
    client.move([2], "Trash")
    client.delete_messages([1])
    client.uid_expunge([1])
    assert client.search() == [3]
    assert client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"] == 2


def test_idle(client, house):
    client.select_folder("INBOX")
    client.idle()
    house.append(message("New"))
    assert client.idle_check(timeout=10) == [(1, b"EXISTS")]
    client.idle_done()
    assert client.search() == [1]


def test_tokens_and_tls(house):
    secret = house.directory.write_now(
        lambda w: tokens.issue(w, house.ann, kind="session", label="web", peer="127.0.0.1", lifetime=3600)
    )
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for sign_in in (
        lambda c: c.plain_login("ann@example.org", secret),
        lambda c: c.oauth2_login("ann@example.org", secret),
        lambda c: c.oauthbearer_login("ann@example.org", secret),
    ):
        with IMAPClient("127.0.0.1", house.tls_port, ssl=True, ssl_context=context) as client:
            sign_in(client)
            client.select_folder("INBOX", readonly=True)
    with IMAPClient("127.0.0.1", house.port, ssl=False) as client:
        client.starttls(context)
        with pytest.raises(LoginError):
            client.oauth2_login("ann@example.org", "pht_wrong")


def test_quota_id_and_capabilities(client):
    assert client.has_capability("IMAP4rev2")
    assert client.id_({"name": "test"})[0] == (b"name", b"Posthouse")
    root, quotas = client.get_quota_root("INBOX")
    assert list(root.quota_roots) == [""]
    assert quotas == []
