import socket

import pytest

from webmail.live import Event, Tab
from webmail.views import events


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize("timeout", [None, 30.0, 0.0])
def test_a_browser_that_went_away_is_noticed(pair, timeout):
    ours, theirs = pair
    ours.settimeout(timeout)
    listens = events.listener({"gunicorn.socket": ours})
    assert listens()
    theirs.send(b"GET / HTTP/1.1\r\n")
    assert listens()
    assert ours.recv(5) == b"GET /", "nothing was taken from what came"
    ours.recv(100)
    theirs.close()
    assert not listens()


def test_a_line_that_is_closed_here_listens_to_nothing(pair):
    listens = events.listener({"werkzeug.socket": pair[0]})
    pair[0].close()
    assert not listens()


def test_without_a_socket_it_is_taken_for_granted():
    assert events.listener({})()
    assert events.listener({"gunicorn.socket": object()})()


def tab_with(*names):
    tab = Tab(lambda _tab: None)
    for name in names:
        tab.put(Event(name, {"at": "x\ny"}))
    return tab


def test_events_on_the_wire():
    said = list(events._lines(tab_with("changed", "signed-out", "never"), lambda: True))
    assert said[0].startswith("retry:")
    assert said[1] == 'event: changed\ndata: {"at": "x\\ny"}\n\n'
    assert len(said) == 3


def test_the_stream_ends_when_nobody_listens(monkeypatch):
    answers = iter([True, False])
    said = list(events._lines(tab_with("changed", "changed"), lambda: next(answers)))
    assert [one.partition("\n")[0] for one in said[1:]] == ["event: changed"]


def test_a_silent_stream_beats_and_ends_after_a_while(monkeypatch):
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.003)
    said = list(events._lines(tab_with(), lambda: True))
    assert said[1:] == [": still here\n\n"] * events.BEATS
