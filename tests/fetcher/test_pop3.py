import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher import pop3
from fetcher.dialogue import DEFAULT_LIMITS, GREETING, DialogueError, Limits, Reply, TooBig
from fetcher.pop3 import Client


def talk(client, *commands):
    client.send(*commands)
    return client


def greeted(limits=DEFAULT_LIMITS, greeting=b"+OK hello\r\n"):
    client = Client(limits)
    assert [r.ok for r in client.receive(greeting)] == [True]
    return client


def cut(data, places):
    edges = [0, *sorted({p % (len(data) + 1) for p in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def test_replies_come_in_the_order_of_the_commands():
    client = talk(greeted(), pop3.retr(1), pop3.retr(2), pop3.dele(1))
    replies = client.receive(b"+OK\r\nA: b\r\n\r\nx\r\n.\r\n-ERR gone\r\n+OK deleted\r\n")
    assert [(r.command.verb, r.command.number, r.ok) for r in replies] == [
        ("RETR", 1, True),
        ("RETR", 2, False),
        ("DELE", 1, True),
    ]
    assert replies[0].payload == b"A: b\r\n\r\nx\r\n"
    assert client.in_flight == 0


@given(
    st.lists(
        st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b and b"\r" not in b), max_size=8), max_size=5
    ),
    st.lists(st.integers(0, 10_000), max_size=40),
)
def test_any_message_survives_stuffing_however_it_is_cut(messages, places):
    wire = b"+OK hello\r\n"
    for lines in messages:
        wire += (
            b"+OK\r\n" + b"".join((b"." if one.startswith(b".") else b"") + one + b"\r\n" for one in lines) + b".\r\n"
        )
    client = Client()
    client.send(*(pop3.retr(n) for n in range(len(messages))))
    replies = [r for piece in cut(wire, places) for r in client.receive(piece)][1:]
    assert [r.payload for r in replies] == [b"".join(one + b"\r\n" for one in lines) for lines in messages]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_no_octets_break_it_and_cutting_changes_nothing(data, places):
    def outcome(pieces):
        client = talk(Client(Limits(50, 60, 60)), pop3.CAPA, pop3.retr(1), pop3.sasl_plain("a", "b"))
        found = []
        try:
            for piece in pieces:
                found += client.receive(piece)
        except DialogueError as error:
            return found, type(error)
        return found, None

    whole, pieces = outcome([data]), outcome(cut(data, places))
    # A reply in front of an error is lost when both come in one piece; the session is over in either case.
    assert whole[1] == pieces[1] or TooBig in (whole[1], pieces[1])
    if whole[1] is None:
        assert whole[0] == pieces[0]


def test_one_octet_at_a_time():
    client = talk(Client(), pop3.UIDL)
    found = [r for b in b"+OK hi\r\n+OK\r\n1 abc\r\n.\r\n" for r in client.receive(bytes([b]))]
    assert found[1].payload == b"1 abc\r\n"


def test_a_letter_cannot_forge_the_replies_behind_it():
    """A bare LF in front of the dot is content when the server ends its lines with CR LF."""
    client = talk(greeted(), pop3.retr(1), pop3.retr(2))
    replies = client.receive(b"+OK\r\nSubject: x\r\n\r\nend?\n.\n+OK\nforged\r\n.\r\n+OK\r\nreal\r\n.\r\n")
    assert [r.payload for r in replies] == [b"Subject: x\r\n\r\nend?\r\n.\r\n+OK\r\nforged\r\n", b"real\r\n"]


def test_a_server_that_knows_only_lf_is_read_as_it_is():
    client = talk(greeted(greeting=b"+OK hi\n"), pop3.retr(1), pop3.retr(2), pop3.QUIT)
    replies = client.receive(b"+OK\nA: b\n\n..dot\n.\n+OK\n.\n+OK bye\n")
    assert [r.payload for r in replies[:2]] == [b"A: b\r\n\r\n.dot\r\n", b""]
    assert replies[2].text == "bye"


def test_lone_carriage_returns_become_line_ends():
    client = talk(greeted(), pop3.retr(1))
    assert client.receive(b"+OK\r\na\rb\r\n.\r\n")[0].payload == b"a\r\nb\r\n"


def test_limits_hold():
    with pytest.raises(TooBig):
        Client(Limits(line=100)).receive(b"+" * 101)
    client = talk(greeted(Limits(message=1000)), pop3.retr(7))
    with pytest.raises(TooBig) as caught:
        client.receive(b"+OK\r\n" + b"x" * 1100)
    assert caught.value.command.number == 7
    exact = talk(greeted(Limits(message=1000)), pop3.retr(7))
    assert len(exact.receive(b"+OK\r\n" + b"x" * 998 + b"\r\n.\r\n")[0].payload) == 1000


def test_a_long_line_is_no_error_in_a_message():
    client = talk(greeted(), pop3.retr(1))
    assert len(client.receive(b"+OK\r\n" + b"x" * 500_000 + b"\r\n.\r\n")[0].payload) == 500_002


def test_what_comes_unasked_is_an_error():
    with pytest.raises(DialogueError):
        greeted().receive(b"+OK again\r\n")
    assert Client().leftover is False


@pytest.mark.parametrize("line", [b"HTTP/1.1 400 Bad\r\n", b"220 smtp\r\n", b"* OK IMAP\r\n", b"\r\n", b"+OKAY\r\n"])
def test_other_protocols_are_recognised(line):
    with pytest.raises(DialogueError):
        Client().receive(line)


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (b"-ERR [IN-USE] busy\r\n", "IN-USE", "busy"),
        (b"-ERR [sys/temp] later\r\n", "SYS/TEMP", "later"),
        (b"-ERR [LOGIN-DELAY]\r\n", "LOGIN-DELAY", ""),
        (b"-err no\r\n", None, "no"),
        (b"-ERR\r\n", None, ""),
        (b"-ERR [] odd\r\n", None, "[] odd"),
    ],
)
def test_response_codes(line, code, text):
    reply = talk(greeted(), pop3.QUIT).receive(line)[0]
    assert (reply.ok, reply.code, reply.text) == (False, code, text)


def test_an_ok_with_brackets_has_no_code():
    assert talk(greeted(), pop3.QUIT).receive(b"+OK [x] y\r\n")[0].text == "[x] y"


def test_sasl_plain_in_one_and_in_two_steps():
    assert pop3.sasl_plain("a", "b").line == b"AUTH PLAIN AGEAYg==\r\n"
    long = pop3.sasl_plain("a", "b" * 300)
    assert long.line == b"AUTH PLAIN\r\n"
    client = talk(greeted(), long)
    reply = client.receive(b"+ \r\n")[0]
    assert reply.challenge == b""
    client.send(pop3.sasl_response("a", "b" * 300))
    assert client.receive(b"+OK in\r\n")[0].challenge is None


def test_apop_signs_the_time_stamp():
    greeting = Reply(GREETING, True, "POP3 ready <1896.697170952@dbc.mtview.ca.us>")
    stamp = pop3.timestamp(greeting)
    # RFC 1939 §7 gives this very example.
    assert pop3.apop("mrose", "tanstaaf", stamp).line == b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"
    assert hashlib.md5(b"<1896.697170952@dbc.mtview.ca.us>tanstaaf").hexdigest() == "c4c9334bac560ecc979e58001b3e22fb"
    assert pop3.timestamp(Reply(GREETING, True, "no stamp <here>")) is None


@pytest.mark.parametrize("bad", ["a\r\nDELE 1", "a\nb", "a\0b", ""])
@pytest.mark.parametrize(
    "make", [pop3.user, pop3.password, lambda t: pop3.sasl_plain(t, "x"), lambda t: pop3.apop(t, "x", "<a@b>")]
)
def test_an_argument_is_one_argument(make, bad):
    with pytest.raises(ValueError):
        make(bad)


def test_a_command_does_not_show_its_secret():
    assert "horse" not in repr(pop3.password("horse"))


def test_scanning_is_linear():
    """Searching the whole buffer again for each octet that comes would need minutes here."""
    client = talk(greeted(), pop3.retr(1))
    assert client.receive(b"+OK\r\n") == []
    piece = b"x" * 64
    for _ in range(40_000):
        client.receive(piece)
    assert len(client.receive(b"\r\n.\r\n")[0].payload) == 40_000 * 64 + 2
