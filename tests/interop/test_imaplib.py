"""The IMAP client of Python's standard library, which knows the protocol of 2003."""

import imaplib
import io
import ssl
import zlib

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
        assert client.namespace()[1] == [b'(("" "/")) (("Other Users/" "/")) NIL']
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


class Deflated(imaplib.IMAP4):
    """What imaplib lacks: its two streams through zlib, with zlib's defaults."""

    def compress(self):
        imaplib.Commands["COMPRESS"] = ("AUTH", "SELECTED")
        status, data = self._simple_command("COMPRESS", "DEFLATE")
        assert status == "OK", data
        unpacked = io.BufferedReader(_Unpacked(self.sock))
        self.read, self.readline = unpacked.read, unpacked.readline
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        plain = self.sock.sendall
        self.send = lambda data: plain(packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))


class _Unpacked(io.RawIOBase):
    def __init__(self, sock):
        super().__init__()
        self._sock, self._stream, self._ready = sock, zlib.decompressobj(wbits=-zlib.MAX_WBITS), b""

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._ready:
            data = self._sock.recv(65536)
            if not data:
                return 0
            self._ready = self._stream.decompress(data)
        piece, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_compressed_day(house):
    raw = message("Large", body="Words and words.\r\n" * 20_000)
    with Deflated("127.0.0.1", house.port) as client:
        client.login("ann@example.org", PASSWORD)
        assert "COMPRESS=DEFLATE" in client.capability()[1][0].decode().split()
        client.compress()
        assert client.append("INBOX", "", None, raw)[0] == "OK"
        assert client.select("INBOX") == ("OK", [b"1"])
        status, data = client.fetch("1", "(BODY.PEEK[])")
        assert (status, data[0][1]) == ("OK", raw)
        assert "COMPRESS=DEFLATE" not in client.capability()[1][0].decode().split()
