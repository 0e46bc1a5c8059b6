"""The IMAP client of Python's standard library, which knows the protocol of 2003."""

import imaplib
import ssl

import pytest

from server.accounts import app_password, second_factor
from server.seal import Keyring
from tests.fakes.imap_house import PASSWORD, in_a_thread, message


@pytest.fixture
def house(tmp_path):
    with in_a_thread(tmp_path) as running:
        yield running


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_a_day_with_imaplib(house):
    house.append(message("Hello", message_id="<1@example.org>"))
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        client.login("ann@example.org", PASSWORD)
        assert client.select("INBOX") == ("OK", [b"1"])
        assert client.search(None, "SUBJECT", '"hello"') == ("OK", [b"1"])
        status, data = client.fetch("1", "(UID RFC822.SIZE BODY[])")
        assert status == "OK"
        assert data[0][1].endswith(b"\r\n\r\nSome words.\r\n")
        assert client.store("1", "+FLAGS", "\\Flagged")[0] == "OK"
        assert client.append("Sent", "\\Seen", None, message("Answer"))[0] == "OK"
        assert client.copy("1", "Archive")[0] == "OK"
        assert client.create('"a b"')[0] == "OK"
        assert client.rename('"a b"', "c")[0] == "OK"
        assert b'(\\HasNoChildren) "/" "c"' in client.list()[1]
        assert client.status("Archive", "(MESSAGES)")[1] == [b'"Archive" (MESSAGES 1)']
        assert client.delete("c")[0] == "OK"
        assert client.store("1", "+FLAGS.SILENT", "\\Deleted")[0] == "OK"
        assert client.expunge() == ("OK", [b"1"])
        assert client.noop()[0] == "OK"
        assert client.namespace()[1] == [b'(("" "/")) NIL NIL']
        assert client.getquotaroot("INBOX")[0] == "OK"
        assert client.close()[0] == "OK"


def test_start_tls_and_tls(house):
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        client.starttls(trusting())
        client.login("ann@example.org", PASSWORD)
        assert client.select()[0] == "OK"
    with imaplib.IMAP4_SSL("127.0.0.1", house.tls_port, ssl_context=trusting()) as client:
        client.authenticate("PLAIN", lambda _: f"\0ann@example.org\0{PASSWORD}".encode())
        assert client.select()[0] == "OK"


def test_sort_thread_and_uid(house):
    for number, subject in enumerate(("b", "a", "c")):
        house.append(message(subject, message_id=f"<{number}@example.org>"))
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        client.login("ann@example.org", PASSWORD)
        client.select()
        assert client.sort("(SUBJECT)", "UTF-8", "ALL")[1] == [b"2 1 3"]
        assert client.uid("SORT", "(REVERSE SUBJECT)", "UTF-8", "ALL")[1] == [b"3 1 2"]
        assert client.thread("REFERENCES", "UTF-8", "ALL")[1] == [b"(1)(2)(3)"]
        assert client.uid("SEARCH", "2:*")[1] == [b"2 3"]


def test_a_wrong_password(house):
    with (
        imaplib.IMAP4("127.0.0.1", house.port) as client,
        pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
    ):
        client.login("ann@example.org", "wrong")


def test_t079_with_a_second_factor_an_app_password_is_needed(house):
    key = house.directory.database.path.parent / "secret.key"
    house.directory.write_now(lambda w: second_factor.turn_on(w, Keyring(key), house.ann, b"k" * 20, step=0, peer=""))
    secret = house.directory.write_now(lambda w: app_password.make(w, house.ann, "imaplib", peer=""))
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.login("ann@example.org", PASSWORD)
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.authenticate("PLAIN", lambda _: b"\0ann@example.org\0" + PASSWORD.encode())
        client.login("ann@example.org", secret)
        assert client.select("INBOX")[0] == "OK"
    with imaplib.IMAP4("127.0.0.1", house.port) as client:
        client.authenticate("PLAIN", lambda _: b"\0ann@example.org\0" + secret.encode())
        assert client.select("INBOX")[0] == "OK"
