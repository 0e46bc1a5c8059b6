import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher import imap, imap_data
from fetcher.dialogue import DialogueError, Farewell, Limits, TooBig, with_line_ends
from fetcher.imap import Client


def greeted(limits=None, greeting=b"* OK hello\r\n"):
    client = Client(limits or Limits())
    assert [r.ok for r in client.receive(greeting)] == [True]
    return client


def asked(*commands, limits=None):
    client = greeted(limits)
    client.send(*commands)
    return client


def cut(data, places):
    edges = [0, *sorted({p % (len(data) + 1) for p in places}), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def fetched(uid, raw):
    return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b FLAGS (\\Seen))\r\n" % (uid, len(raw), raw)


def test_commands_get_tags_and_replies_come_in_their_order():
    client = greeted()
    assert client.send(imap.message(5), imap.message(6)) == (
        b"p1 UID FETCH 5 (UID BODY.PEEK[])\r\np2 UID FETCH 6 (UID BODY.PEEK[])\r\n"
    )
    replies = client.receive(fetched(5, b"A: b\r\n\r\n") + b"p1 OK done\r\np2 NO [UNAVAILABLE] later\r\n")
    assert [(r.command.number, r.ok, r.code, r.payload) for r in replies] == [
        (5, True, None, b"A: b\r\n\r\n"),
        (6, False, "UNAVAILABLE", b""),
    ]
    assert client.in_flight == 0


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5), st.lists(st.integers(0, 10_000), max_size=40))
def test_any_message_comes_through_however_it_is_cut(messages, places):
    wire = b"".join(fetched(n, m) + b"p%d OK\r\n" % n for n, m in enumerate(messages, 1))
    client = asked(*(imap.message(n) for n in range(1, len(messages) + 1)))
    replies = [r for piece in cut(wire, places) for r in client.receive(piece)]
    assert [r.payload for r in replies] == [with_line_ends(m) for m in messages]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_no_octets_break_it_and_cutting_changes_nothing(data, places):
    def outcome(pieces):
        client, found = asked(imap.CAPABILITY, imap.message(1), imap.LISTING, limits=Limits(50, 60, 60)), []
        try:
            for piece in pieces:
                found += client.receive(piece)
        except DialogueError as error:
            return found, type(error)
        return found, None

    whole, pieces = outcome([data]), outcome(cut(data, places))
    assert whole[1] == pieces[1] or TooBig in (whole[1], pieces[1])
    if whole[1] is None:
        assert whole[0] == pieces[0]


@given(st.binary(max_size=120))
def test_no_response_to_fetch_breaks_it(text):
    client = asked(imap.message(1), imap.LISTING)
    try:
        client.receive(b"* 1 FETCH (" + text + b")\r\np1 OK\r\n* 1 FETCH (" + text + b")\r\np2 OK\r\n")
    except DialogueError:
        return


def test_a_letter_cannot_forge_the_replies_behind_it():
    client = asked(imap.message(1), imap.message(2))
    evil = b"x\r\np1 OK\r\n* 1 FETCH (UID 2 BODY[] {3}\r\nbad)\r\np2 OK\r\n"
    replies = client.receive(fetched(1, evil) + b"p1 OK\r\n" + fetched(2, b"good\r\n") + b"p2 OK\r\n")
    assert [r.payload for r in replies] == [evil, b"good\r\n"]


def test_a_sentence_that_looks_like_a_literal_swallows_nothing():
    client = asked(imap.EXAMINE)
    replies = client.receive(b"* OK [UIDVALIDITY 3] fine {99}\r\n* 4 EXISTS\r\np1 OK [READ-ONLY] done {7}\r\n")
    assert imap_data.facts(replies[0].payload) == {"EXISTS": 4, "UIDVALIDITY": 3, "UIDNEXT": 0, "UIDNOTSTICKY": 0}


def test_what_a_message_that_is_not_there_looks_like():
    for body in (
        b"",
        b"* 1 FETCH (UID 9 BODY[] NIL)\r\n",
        b'* 1 FETCH (UID 9 BODY[] "")\r\n',
        fetched(8, b"other\r\n"),
    ):
        reply = asked(imap.message(9)).receive(body + b"p1 OK done\r\n")[0]
        assert (reply.ok, reply.code) == (False, None)


def test_a_short_message_may_come_in_quotes():
    reply = asked(imap.message(9)).receive(b'* 1 FETCH (BODY[] "a \\"b\\" \\\\" FLAGS (x (y)) UID 9)\r\np1 OK\r\n')[0]
    assert reply.payload == b'a "b" \\'


def test_listings_in_every_order_and_with_more_than_was_asked_for():
    client = asked(imap.LISTING)
    reply = client.receive(
        b"* 1 FETCH (UID 9 RFC822.SIZE 100)\r\n* 2 FETCH (RFC822.SIZE 50 UID 4)\r\n* 3 EXISTS\r\n"
        b'* 4 FETCH (FLAGS ("UID" \\Seen) UID 12 MODSEQ (5) RFC822.SIZE 7)\r\n* 5 FETCH (UID 5)\r\n'
        b"* 6 FETCH (UID 0 RFC822.SIZE 1)\r\n* 6 FETCH (UID 4294967296 RFC822.SIZE 1)\r\np1 OK done\r\n"
    )[0]
    assert list(imap_data.sizes(reply.payload).items()) == [(4, 50), (5, -1), (9, 100), (12, 7)]


def test_a_huge_literal_is_refused_when_it_is_announced():
    client = asked(imap.message(7), limits=Limits(message=1000))
    with pytest.raises(TooBig) as caught:
        client.receive(b"* 1 FETCH (UID 7 BODY[] {4000000000}\r\n")
    assert caught.value.command.number == 7
    exact = asked(imap.message(7), limits=Limits(message=1000))
    assert len(exact.receive(fetched(7, b"x" * 998 + b"\r\n") + b"p1 OK\r\n")[0].payload) == 1000


@pytest.mark.parametrize(
    "flood",
    [b"x" * 70_000, b"* 1 FETCH (" + b"y" * 70_000, b"* 5 EXISTS\r\n" * 100_000, b"* LIST {2000000}\r\n"],
)
def test_limits_hold_for_lines_and_for_all_that_is_said(flood):
    with pytest.raises((TooBig, DialogueError)):
        asked(imap.EXAMINE).receive(flood)
    with pytest.raises(TooBig):
        asked(imap.LISTING, limits=Limits(listing=1000)).receive(b"* 1 FETCH (UID 1 RFC822.SIZE 2)\r\n" * 50)


@pytest.mark.parametrize("line", [b"HTTP/1.1 400 Bad\r\n", b"+OK POP3\r\n", b"220 smtp\r\n", b"\r\n", b"* LIST\r\n"])
def test_other_protocols_are_recognised(line):
    with pytest.raises(DialogueError):
        Client().receive(line)


def test_a_goodbye_is_told_with_its_reason():
    with pytest.raises(Farewell) as caught:
        asked(imap.EXAMINE).receive(b"* BYE [UNAVAILABLE] down for now\r\n")
    assert (caught.value.code, str(caught.value)) == ("UNAVAILABLE", "down for now")
    assert asked(imap.LOGOUT).receive(b"* BYE\r\np1 OK\r\n")[0].ok
    greeting = Client().receive(b"* BYE [UNAVAILABLE] full\r\n")[0]
    assert (greeting.ok, greeting.code, greeting.text) == (False, "UNAVAILABLE", "full")


def test_signed_in_before_anything_is_marked():
    assert Client().receive(b"* PREAUTH welcome\r\n")[0].code == "PREAUTH"


def test_octets_behind_the_last_reply_are_left_alone():
    client = asked(imap.STARTTLS)
    client.receive(b"p1 OK begin\r\n* CAPABILITY IMAP4rev1 EVIL\r\n")
    assert client.leftover


def test_another_tag_is_an_error():
    with pytest.raises(DialogueError):
        asked(imap.EXAMINE).receive(b"p9 OK\r\n")


def test_sasl_in_one_and_in_two_steps():
    client = greeted()
    assert client.send(imap.authenticate("a", "b", initial=True)) == b"p1 AUTHENTICATE PLAIN AGEAYg==\r\n"
    assert client.receive(b"p1 OK in\r\n")[0].challenge is None
    assert client.send(imap.authenticate("a", "b", initial=False)) == b"p2 AUTHENTICATE PLAIN\r\n"
    assert client.receive(b"+ \r\n")[0].challenge == b""
    assert client.send(imap.sasl_response("a", "b")) == b"AGEAYg==\r\n"
    assert client.receive(b"p2 OK in\r\n")[0].ok
    assert client.send(imap.CAPABILITY) == b"p3 CAPABILITY\r\n"


def test_login_quotes():
    assert imap.login('a"b', "c\\d").line == b'LOGIN "a\\"b" "c\\\\d"\r\n'


@pytest.mark.parametrize("bad", ["a\r\nA1 DELETE x", "a\nb", "a\0b", ""])
@pytest.mark.parametrize(
    "make",
    [
        lambda t: imap.login(t, "x"),
        lambda t: imap.login("x", t),
        lambda t: imap.authenticate(t, "x", initial=True),
        lambda t: imap.sasl_response("x", t),
    ],
)
def test_an_argument_is_one_argument(make, bad):
    with pytest.raises(ValueError):
        make(bad)


def test_a_command_does_not_show_its_secret():
    assert "horse" not in repr(imap.login("a", "horse"))


@given(st.sets(st.integers(1, 600)))
def test_batches_name_these_uids_and_no_others(uids):
    named = set()
    for batch in imap.batches(uids):
        text = imap.expunge(batch).line.split()[2].decode()
        assert text.count(",") < imap.RANGES
        for part in text.split(","):
            first, _, last = part.partition(":")
            named |= set(range(int(first), int(last or first) + 1))
    assert named == uids


def test_capabilities_are_read_in_capitals():
    assert imap_data.capabilities(b"CAPABILITY IMAP4rev1 auth=plain\r\nOK x\r\n") == {"IMAP4REV1", "AUTH=PLAIN"}


def test_scanning_is_linear():
    client = asked(imap.message(1))
    assert client.receive(b"* 1 FETCH (UID 1 BODY[] {2560000}\r\n") == []
    for _ in range(40_000):
        client.receive(b"x" * 64)
    assert len(client.receive(b")\r\np1 OK\r\n")[0].payload) == 2_560_000


def test_a_server_that_works_on_several_commands_at_once():
    """Dovecot sends four messages and then says four times that it is done."""
    client = asked(*(imap.message(n) for n in (9, 8, 7)), limits=Limits(message=1000))
    replies = client.receive(fetched(9, b"nine\r\n") + fetched(7, b"seven\r\n"))
    assert [(r.command.number, r.payload) for r in replies] == [(9, b"nine\r\n"), (7, b"seven\r\n")]
    assert client.in_flight == 3
    replies = client.receive(b"p1 OK\r\np3 OK\r\np2 OK\r\n")
    assert [(r.command.number, r.ok) for r in replies] == [(8, False)] and client.in_flight == 0


def test_a_message_that_is_too_big_is_the_one_that_is_named():
    client = asked(*(imap.message(n) for n in (9, 8, 7)), limits=Limits(message=1000))
    client.receive(fetched(9, b"nine\r\n"))
    with pytest.raises(TooBig) as caught:
        client.receive(b"* 1 FETCH (UID 7 BODY[] {5000}\r\n")
    assert caught.value.command.number == 7
