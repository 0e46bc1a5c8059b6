"""Section 5, row 15: one person's requests do not keep all threads from the others."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from webmail import guard, places
from webmail.places import Places


def test_places_are_given_back():
    made = Places(2)
    assert made.enter(1)
    assert made.enter(1)
    assert not made.enter(1)
    assert made.enter(2)
    made.leave(1)
    assert made.enter(1)


@pytest.fixture
def held(app):
    """Pages that wait until they are let go."""
    go, waiting = threading.Event(), threading.Semaphore(0)
    original = app.view_functions["settings.general"]

    def wait():
        waiting.release()
        go.wait(30)
        return original()

    app.view_functions["settings.general"] = wait
    yield waiting, go
    go.set()


def test_one_person_has_a_share_of_the_threads(app, new_visitor, held):
    waiting, go = held
    each = app.extensions["posthouse_places"]._each
    assert places.LEAST <= each * 3 <= app.extensions["posthouse"].settings.web_threads
    visitor = new_visitor(app)
    visitor.sign_in()
    cookie = visitor.cookie("posthouse_session").value

    def ask(path):
        client = app.test_client()
        client.set_cookie("posthouse_session", cookie)
        return client.get(path).status_code

    with ThreadPoolExecutor(each) as pool:
        asked = [pool.submit(ask, "/mail/settings/general") for _ in range(each)]
        for _ in range(each):
            assert waiting.acquire(timeout=30)
        assert ask("/mail/settings/devices") == 429
        assert ask("/mail/static/nothing.css") == 404, "files are served all the same"
        assert new_visitor(app).get("/mail/sign-in").status_code == 200
        go.set()
        assert {one.result() for one in asked} == {200}
    assert ask("/mail/settings/devices") == 200


def test_the_streams_are_counted_by_themselves(app):
    assert app.view_functions.keys() >= guard.UNCOUNTED_ENDPOINTS
