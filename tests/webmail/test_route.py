from hypothesis import given
from hypothesis import strategies as st

from webmail.route import MAX_HOPS, hops


def test_hops_oldest_first_with_their_delays():
    received = [
        b"from mx.b.example (mx.b.example [192.0.2.2]) by mail.home.example (Posthouse) with ESMTPS id 2; Tue, 24 Nov 2026 09:42:07 +0000",
        b"from pc.local by mx.b.example with ESMTPSA id 1; Tue, 24 Nov 2026 10:42:00 +0100",
    ]
    found = hops(received)
    assert [(hop.source, hop.target, hop.protocol, hop.seconds) for hop in found] == [
        ("pc.local", "mx.b.example", "ESMTPSA", None),
        ("mx.b.example", "mail.home.example", "ESMTPS", 7),
    ]


def test_what_cannot_be_read_is_left_empty():
    (hop,) = hops([b"garbage"])
    assert (hop.source, hop.target, hop.at, hop.seconds) == ("", "", None, None)
    assert len(hops([b"by x; y"] * 200)) == MAX_HOPS


@given(st.lists(st.binary(max_size=120), max_size=5))
def test_no_octets_raise(received):
    hops(received)
