"""The wrapper against our own server, and against servers that mean ill."""

import socket
import threading
from datetime import UTC, datetime

import pytest

from server.config import Settings
from tests.webmail.mail_rooms import letter, rooms
from webmail.connection import (
    BadArgument,
    MailRefused,
    MailUnavailable,
    SignInExpired,
    connect,
    mailbox_name,
    readable_name,
)
from webmail.imap_command import Value


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with rooms(tmp_path_factory.mktemp("connection")) as made:
        yield made


@pytest.fixture
def mail(place):
    made = place.mail()
    yield made
    made.close()


def test_our_own_server_is_known(mail):
    assert mail.own
    assert mail.has("OBJECTID", "ESORT")
    assert not mail.has("XNEVER")


def test_a_wrong_secret_is_not_a_broken_server(place):
    with pytest.raises(SignInExpired):
        connect(place.settings, "ann@example.org", "wrong")


def test_a_server_that_is_not_there(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(MailUnavailable):
        connect(Settings(data=tmp_path, imap_server=f"127.0.0.1:{port}"), "a@b.example", "x")


def test_append_search_fetch_store_move(place, mail):
    validity, uid = mail.append(
        "INBOX",
        letter("Plan für Zürich", "Straße 周六\n"),
        names=["\\Seen"],
        at=datetime(2026, 11, 5, 8, 42, tzinfo=UTC),
    )
    assert mail.select("INBOX") == validity
    assert uid in mail.search(["SEEN", "SUBJECT", Value("Zürich")])
    assert uid in mail.search(["TEXT", Value("周六")])
    found = mail.fetch([uid], ["FLAGS", "INTERNALDATE", "ENVELOPE", "PREVIEW", "THREADID"])[uid]
    assert found.envelope.subject == "Plan für Zürich"
    assert found.arrived == datetime(2026, 11, 5, 8, 42, tzinfo=UTC)
    assert found.thread_id
    mail.store([uid], ["\\Flagged", "Invoices"], add=True)
    mail.store([uid], ["\\Seen"], add=False)
    assert mail.fetch([uid], ["FLAGS"])[uid].flags >= {"\\Flagged", "Invoices"}
    copied = mail.move([uid], "Archive")
    assert copied.source == (uid,)
    assert uid not in mail.search(["ALL"])
    mail.select("Archive")
    mail.delete(list(copied.target))
    assert not set(copied.target) & set(mail.search(["ALL"]))


@pytest.mark.parametrize("text", ['"', "\\", "{5}", "(", ")", "%", "*", "a b", "OR", 'x" ALL (', "'", "周六", "\u2028"])
def test_any_value_can_be_searched_for(mail, text):
    mail.select("INBOX")
    assert mail.search(["SUBJECT", Value(f"never {text} there")]) == []


@pytest.mark.parametrize("text", ["a\r\nX1 STORE 1:* +FLAGS (\\Deleted)", "a\nb", "a\x00b"])
def test_a_value_that_would_be_a_command_of_its_own_never_leaves(mail, text):
    """T128."""
    mail.select("INBOX")
    for attempt in (
        lambda: mail.search(["HEADER", "Message-ID", Value(text)]),
        lambda: mail.search([text]),
        lambda: mail.select(text),
        lambda: mail.move([1], text),
        lambda: mail.store([1], [text], add=True),
        lambda: mail.fetch([1], [text]),
        lambda: mail.create(text),
        lambda: mail.rename("INBOX", text),
    ):
        with pytest.raises(BadArgument):
            attempt()
    assert mail.usable()


def test_mailbox_names_of_every_script(mail):
    for name in ("Büro & Co", "周六/计划", 'a"b\\c', "Ж" * 50):
        mail.create(name)
        mail.select(name)
    assert readable_name(mailbox_name("Büro & 周六")[1:-1]) == "Büro & 周六"
    assert readable_name(b"&&&") != ""


def test_a_refusal_leaves_the_connection_in_step(mail):
    with pytest.raises(MailRefused) as caught:
        mail.select("Nowhere")
    assert caught.value.code == "NONEXISTENT"
    with pytest.raises(MailRefused):
        mail.run(b"XNONSENSE")
    assert not mail.broken
    mail.select("INBOX")
    assert mail.search(["ALL"]) is not None


def test_sorting_a_window(place, mail):
    for number in range(6):
        place.house.append(letter(f"Sorted {number}"), internaldate=datetime(2026, 1, 1 + number, tzinfo=UTC))
    mail.select("INBOX")
    wanted = ["SUBJECT", Value("Sorted")]
    everything = mail.sort(("REVERSE", "ARRIVAL"), wanted)
    assert len(everything.uids) == 6
    window = mail.sort(("REVERSE", "ARRIVAL"), wanted, first=2, last=4)
    assert window.uids == everything.uids[1:4]
    assert window.count == 6


def test_without_extensions_the_old_commands_do(place, mail):
    mail.capabilities = frozenset({"IMAP4REV1"})
    mail.select("INBOX")
    everything = mail.search(["ALL"])
    assert everything == sorted(everything)
    assert mail.sort(("ARRIVAL",), ["ALL"]) is None
    mail.capabilities = frozenset({"IMAP4REV1", "SORT"})
    assert (
        mail.sort(("REVERSE", "ARRIVAL"), ["ALL"], first=2, last=3).uids
        == mail.sort(("REVERSE", "ARRIVAL"), ["ALL"]).uids[1:3]
    )
    uid = place.house.append(letter("To be moved by copy"))
    mail.run(b"NOOP")
    mail.move([uid], "Archive")
    assert uid not in mail.search(["ALL"])


def test_folders(mail):
    mail.create("Clients")
    mail.rename("Clients", "Customers")
    mail.select("Customers")
    mail.remove_mailbox("Customers")
    with pytest.raises(MailRefused):
        mail.select("Customers")


def test_idle_hears_of_an_arrival(place, mail):
    mail.select("INBOX")
    timer = threading.Timer(0.3, lambda: place.house.append(letter("While idle")))
    timer.start()
    heard = mail.idle(20)
    timer.join()
    assert any(b"EXISTS" in one for one in heard if isinstance(one, tuple))
    assert mail.usable()


class Impostor:
    """A server that answers by a script: a list of octets to send, one after each line it reads."""

    def __init__(self, *answers):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answers = list(answers)
        self.heard = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        peer, _ = self._listener.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN LITERAL+] hello\r\n")
            tag = b"?"
            while line := lines.readline():
                self.heard.append(line)
                words = line.split()
                tag = words[0] if len(words) > 1 else tag
                if b"AUTHENTICATE" in line:
                    peer.sendall(b"+ \r\n")
                    lines.readline()
                    peer.sendall(tag + b" OK signed in\r\n")
                elif b"CAPABILITY" in line:
                    peer.sendall(b"* CAPABILITY IMAP4rev1 LITERAL+\r\n" + tag + b" OK done\r\n")
                elif self._answers and (answer := self._answers.pop(0)):
                    peer.sendall(answer.replace(b"TAG", tag))
                    if b"TAG" not in answer and not answer.startswith(b"+"):
                        return
                else:
                    return

    def close(self):
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def impostor(tmp_path):
    made = []

    def make(*answers, limit=2**20):
        server = Impostor(*answers)
        made.append(server)
        settings = Settings(data=tmp_path, imap_server=f"127.0.0.1:{server.port}", message_size_limit=limit)
        made.append(connect(settings, "a@b.example", "secret"))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


def test_a_literal_over_the_limit_is_not_read(impostor):
    mail = impostor(b"* 1 FETCH (UID 1 BODY[] {99999999}\r\nabc")
    with pytest.raises(MailUnavailable):
        mail.fetch([1], ["BODY.PEEK[]"])
    assert mail.broken


@pytest.mark.parametrize(
    "answer", [b"* BYE going down\r\n", b"", b"* 1 FETCH (UID 1 BODY[] {10}\r\nabc", b"garbage\r\n"]
)
def test_a_server_that_leaves_in_the_middle(impostor, answer):
    mail = impostor(answer)
    with pytest.raises(MailUnavailable):
        mail.run(b"NOOP")
    assert mail.broken
    assert not mail.usable()
    mail.close()


def test_an_answer_that_is_not_imap_is_a_refusal(impostor):
    mail = impostor(b"* 1 FETCH (UID 1 FLAGS (\\Seen)\r\nTAG OK done\r\n")
    with pytest.raises(MailRefused):
        mail.fetch([1], ["FLAGS"])
    assert not mail.broken


def test_literals_wait_for_a_server_without_literal_plus(impostor):
    mail = impostor(b"+ go on\r\n", b"* SEARCH 3 5\r\nTAG OK done\r\n")
    mail.capabilities = frozenset({"IMAP4REV1"})
    assert mail.search(["SUBJECT", Value("x")]) == [3, 5]


def test_a_server_that_refuses_a_literal(impostor):
    mail = impostor(b"TAG NO [TOOBIG] not that\r\n")
    mail.capabilities = frozenset({"IMAP4REV1"})
    with pytest.raises(MailRefused) as caught:
        mail.search(["SUBJECT", Value("x")])
    assert caught.value.code == "TOOBIG"


def test_news_in_one_packet_with_the_start_of_idle_are_heard_at_once(tmp_path):
    """They lie in the reader's buffer, where no poll of the socket sees them."""

    def serve(door):
        link, _ = door.accept()
        with link, link.makefile("rb") as lines:
            link.sendall(b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN SASL-IR] ready\r\n")
            for line in lines:
                tag, _, rest = line.partition(b" ")
                if rest.upper().startswith(b"IDLE"):
                    link.sendall(b"+ idling\r\n* 3 EXISTS\r\n")
                    assert lines.readline() == b"DONE\r\n"
                elif rest.upper().startswith(b"AUTHENTICATE"):
                    if len(rest.split()) == 2:
                        link.sendall(b"+ \r\n")
                        lines.readline()
                elif b"CAPABILITY" in rest.upper():
                    link.sendall(b"* CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN SASL-IR\r\n")
                link.sendall(tag + b" OK done\r\n")

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=serve, args=(door,), daemon=True)
        server.start()
        mail = connect(Settings(data=tmp_path, imap_server=f"127.0.0.1:{door.getsockname()[1]}"), "a@b.example", "x")
        heard = mail.idle(3_600)  # far beyond the patience of the test
        assert (3, b"EXISTS") in heard
        mail.close()
        server.join(10)
