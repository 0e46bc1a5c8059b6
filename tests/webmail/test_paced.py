"""T102: a thread waits for a slow visitor for a while only, and never do all threads wait for slow visitors."""

import socket

import pytest

from webmail import paced
from webmail.paced import Crowd, PacedSocket, TooSlow


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setattr(paced, "QUICK", 0.02)
    monkeypatch.setattr(paced, "GRACE", 0.2)
    monkeypatch.setattr(paced, "RATE", 2**30)


def pair(crowd, peer="192.0.2.7"):
    ours, theirs = socket.socketpair()
    return PacedSocket.of(ours, peer, crowd), theirs


def crowd(total=4, each=2):
    return Crowd(total, each)


def test_what_is_there_is_read_and_what_is_said_arrives(hasty):
    ours, theirs = pair(crowd())
    with ours, theirs:
        theirs.sendall(b"GET /")
        assert ours.recv(100) == b"GET /"
        ours.sendall(b"x" * 1_000)
        assert theirs.recv(2_000) == b"x" * 1_000
        with pytest.raises(BlockingIOError):
            ours.arrived(10)


def test_a_silent_visitor_is_cut(hasty):
    ours, theirs = pair(crowd())
    with ours, theirs, pytest.raises(TooSlow):
        ours.recv(1)


def test_a_visitor_who_does_not_read_is_cut(hasty):
    ours, theirs = pair(crowd())
    with ours, theirs, pytest.raises(TooSlow):
        ours.sendall(bytes(64 * 2**20))


def test_waiting_adds_up_over_a_request(hasty):
    """One octet at a time, each in time for its own: the sum counts."""
    ours, theirs = pair(crowd())
    with ours, theirs:
        ours._waited = 10.0  # as after many octets
        with pytest.raises(TooSlow):
            ours.recv(1)
        ours.begin()
        theirs.sendall(b"a")
        assert ours.recv(1) == b"a", "the next request starts afresh"


def test_octets_excuse_waiting(hasty):
    ours, theirs = pair(crowd())
    with ours, theirs:
        ours._waited, ours._moved = 10.0, paced.RATE * 11
        theirs.sendall(b"a")
        assert ours.recv(1) == b"a"


def test_slow_ones_take_no_more_than_their_share(hasty):
    shared = crowd(total=3, each=2)
    slow = [pair(shared, peer) for peer in ("192.0.2.7", "192.0.2.7", "192.0.2.7", "198.51.100.1", "203.0.113.1")]
    held = []
    for ours, theirs in slow:
        theirs.sendall(b"ab")
        assert ours.recv(1) == b"a", "whoever is quick is never counted"
        ours._waited = 0.1
        try:
            ours.recv(1)
            held.append(ours)
        except TooSlow:
            pass
    # Two of the first address, one of the second; then all places are taken.
    assert [one.peer for one in held] == ["192.0.2.7", "192.0.2.7", "198.51.100.1"]
    held[0].end()
    assert shared.enter("203.0.113.1"), "a request that is over gives its place back"
    for ours, theirs in slow:
        ours.close()
        theirs.close()


def test_a_file_goes_out_at_the_visitors_pace(hasty, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789" * 20_000)
    ours, theirs = pair(crowd())
    with ours, theirs, path.open("rb") as file:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        assert ours.sendfile(file, offset=5, count=7) == 7
        assert theirs.recv(100) == b"5678901"
        with pytest.raises(TooSlow):
            for _ in range(1_000):
                ours.sendfile(file)
