import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from server.store.prepare import compress, decompress, hash_of, prepare
from tests.fakes.mail_account import letter


@given(st.binary(max_size=400))
def test_any_octets(raw: bytes):
    """Whatever it is: its octets come back, and every text of it can be stored as it is."""
    message = prepare(raw)
    assert decompress(message.data, message.size) == raw
    texts = (
        message.head,
        message.text,
        message.seal,
        message.preview,
        *message.keys.values(),
        *message.facets.values(),
        *message.participants,
    )
    row = sqlite3.connect(":memory:").execute("SELECT " + ",".join("?" * len(texts)), texts).fetchone()
    assert row == texts
    assert not any("\x00" in text for text in texts)


def test_what_is_indexed_and_what_is_only_kept():
    message = prepare(letter("Hi", "body", extra="DKIM-Signature: b=SEALED\r\nX-Other: Seen"))
    assert "\nx-other: seen\n" in message.head
    assert message.head.startswith("\nfrom: ann <ann@example.org>\n")
    assert "sealed" not in message.head
    assert message.seal == "\ndkim-signature: b=sealed\n"


def test_what_is_found_in_a_facet_is_found_in_the_head():
    message = prepare(
        letter(
            "=?utf-8?B?5Lya6K6u?=  two", sender='"Smith, J" <J@Example.ORG>', extra="Cc: =?utf-8?Q?Z=C3=9Crich?= <z@x>"
        )
    )
    for name in ("subject", "from", "to", "cc"):
        assert message.facets[name]
        assert message.facets[name] in message.head
    assert message.facets["cc"].startswith("zürich")
    assert message.facets["bcc"] == ""


def test_keys_of_sorting():
    message = prepare(letter("Re: [list] Zürich", sender="Ann Müller <Ann.M@x>", to="B@x, C@x"))
    assert message.keys["from_key"] == "ann.m"
    assert message.keys["display_from"] == "ann müller"
    assert message.keys["display_to"] == "b@x"
    assert message.keys["cc_key"] == ""
    assert message.keys["subject_key"] == "zürich"
    assert message.is_reply


def test_participants_begin_with_the_sender():
    message = prepare(letter(sender="Ann <ANN@x>", to="Bob <bob@x>, ann@x"))
    assert message.participants == ("ann@x", "bob@x")
    assert prepare(b"\r\nnobody").participants == ()


def test_large_ones_are_objects():
    assert not prepare(letter()).is_object
    assert prepare(letter(), object_size=10).is_object


def test_a_damaged_frame_cannot_unpack_to_more_than_it_was():
    assert decompress(compress(b""), 0) == b""


def test_hashes_fit_a_row_and_differ():
    assert 0 <= hash_of("a") < 2**63
    assert hash_of("a") != hash_of("b")
    hash_of("\ud800")
