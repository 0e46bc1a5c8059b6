"""A web session that ends takes its mail connections and its event streams with it. Our own server stands behind."""

import time

import pytest

from server.accounts import token as tokens
from tests.fakes.imap_house import PASSWORD
from tests.webmail.views.mail_room import reading_room, signed_in
from webmail import live
from webmail.connection import connect, pool
from webmail.live import SIGNED_OUT, hub

PATIENCE = 10


@pytest.fixture
def room(tmp_path):
    with reading_room(tmp_path) as (rooms, app):
        yield rooms.house, app


def newest(house):
    return max(one.id for one in house.directory.read_now(lambda r: tokens.list_for(r, house.ann)))


def reader(house, app):
    """Somebody who has looked at the inbox, and the id of their session."""
    visitor = signed_in(app)
    assert visitor.get("/mail/box/INBOX").status_code == 200
    return visitor, newest(house)


def held(app):
    with app.app_context():
        return set(pool()._idle)


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_signing_out_closes_what_was_open(room):
    house, app = room
    visitor, mine = reader(house, app)
    _, other = reader(house, app)
    assert held(app) == {str(mine), str(other)}
    visitor.post("/mail/sign-out")
    assert held(app) == {str(other)}
    until(lambda: len(house.listener.sessions) == 1)


def test_ending_another_device_closes_its_connections_and_tells_its_tabs(room):
    house, app = room
    visitor, mine = reader(house, app)
    _, phone = reader(house, app)
    with app.app_context():
        tab = hub().open_tab(str(phone), lambda: connect(app.extensions["posthouse"].settings, "x", "x"))
    visitor.post(f"/mail/settings/devices/{phone}/end")
    assert held(app) == {str(mine)}
    heard = tab.get(PATIENCE)
    if heard is not None and heard.name == "state":  # the watch had begun before the session ended
        heard = tab.get(PATIENCE)
    assert heard == SIGNED_OUT
    tab.close()
    assert visitor.get("/mail/box/INBOX").status_code == 200


def test_ending_all_others(room):
    house, app = room
    visitor, mine = reader(house, app)
    reader(house, app)
    reader(house, app)
    visitor.post("/mail/settings/devices/end-others")
    assert held(app) == {str(mine)}


def test_nobody_closes_what_belongs_to_somebody_else(room):
    house, app = room
    _, hers = reader(house, app)
    bob = signed_in(app, "bob")
    bob.post(f"/mail/settings/devices/{hers}/end")
    assert held(app) == {str(hers)}


def test_signing_in_again_closes_the_former_session(room):
    house, app = room
    visitor, former = reader(house, app)
    visitor.post("/mail/sign-in", name="ann@example.org", password=PASSWORD)
    assert newest(house) > former
    assert held(app) == set()


def test_a_session_ended_elsewhere(room, monkeypatch):
    """By the command line, or by another process of the web role: the mail server hangs up, and the tabs hear of it."""
    monkeypatch.setattr(live, "RETRY_SECONDS", (0.01,))
    house, app = room
    secret = house.directory.write_now(
        lambda w: tokens.issue(w, house.ann, kind="web", label="", peer="", lifetime=100)
    )
    mine = newest(house)
    settings = app.extensions["posthouse"].settings
    with app.app_context():
        tab = hub().open_tab(str(mine), lambda: connect(settings, "ann@example.org", secret))
    until(lambda: house.authenticator._watch._visits)
    house.directory.write_now(lambda w: tokens.revoke(w, house.ann, mine))
    heard = tab.get(PATIENCE)
    if heard is not None and heard.name == "state":  # the watch had begun before the session ended
        heard = tab.get(PATIENCE)
    assert heard == SIGNED_OUT
    tab.close()
    until(lambda: len(house.listener.sessions) == 0)
