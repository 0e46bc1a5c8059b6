import stat

import pytest

from server.accounts import token as tokens
from webmail import session
from webmail.session import COOKIE, device_label, signing_key


def test_the_cookie_is_closed(iris):
    cookie = iris.cookie(COOKIE)
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.max_age is None, "without 'stay signed in' it ends with the browser"


def test_staying_means_thirty_days(visitor):
    visitor.sign_in(stay="yes")
    assert visitor.cookie(COOKIE).max_age == 30 * 24 * 3600


def test_over_tls_the_cookie_is_secure(app, new_visitor):
    visitor = new_visitor(app)
    visitor.page = visitor.client.get("/mail/sign-in", base_url="https://localhost")
    response = visitor.client.post(
        "/mail/sign-in",
        base_url="https://localhost",
        data={"name": "iris@lin.example", "password": "correct horse battery", "csrf_token": visitor.csrf},
    )
    assert any(v.startswith(COOKIE) and "Secure" in v for v in response.headers.getlist("Set-Cookie"))


def test_signing_in_changes_the_session(visitor):
    """security.md T059: nothing from before the sign-in is worth anything after it."""
    visitor.sign_in()
    first = visitor.cookie(COOKIE).value
    before = visitor.cookie("posthouse_form")
    visitor.client.set_cookie("posthouse_session", first)
    visitor.get("/mail/settings/general")
    form_token = visitor.csrf
    visitor.post("/mail/sign-out")
    visitor.sign_in()
    assert visitor.cookie(COOKIE).value != first
    assert before is None or before.value != visitor.cookie("posthouse_form").value
    assert visitor.client.post("/mail/sign-out", data={"csrf_token": form_token}).status_code == 400


def test_a_planted_cookie_is_not_adopted(visitor):
    visitor.client.set_cookie(COOKIE, "pht_planted")
    visitor.sign_in()
    assert visitor.cookie(COOKIE).value != "pht_planted"


def test_a_copied_cookie_dies_with_the_session(app, iris, new_visitor):
    """security.md T060."""
    stolen = iris.cookie(COOKIE).value
    iris.post("/mail/sign-out")
    thief = new_visitor(app)
    thief.client.set_cookie(COOKIE, stolen)
    assert thief.get("/mail/settings/general").status_code == 302


def test_signing_in_again_ends_the_former_session_of_this_browser(iris, directory):
    iris.post("/mail/sign-out")
    iris.sign_in()
    iris.get("/mail/settings/general")
    iris.client.get("/mail/sign-in")
    assert len(directory.read_now(lambda r: tokens.list_for(r, 1))) == 1


def test_a_token_of_another_kind_opens_no_page(app, directory, new_visitor):
    secret = directory.write_now(lambda w: tokens.issue(w, 1, kind="app", label="phone", peer="", lifetime=100))
    visitor = new_visitor(app)
    visitor.client.set_cookie(COOKIE, secret)
    assert visitor.get("/mail/settings/general").status_code == 302


def test_an_expired_session_is_none(app, directory, new_visitor):
    secret = directory.write_now(lambda w: tokens.issue(w, 1, kind="web", label="", peer="", lifetime=-1))
    visitor = new_visitor(app)
    visitor.client.set_cookie(COOKIE, secret)
    assert visitor.get("/mail/settings/general").status_code == 302


def test_forwarded_for_changes_nothing(iris):
    """security.md T062."""
    assert iris.get("/mail/settings/general", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200
    assert "203.0.113.9" not in iris.get("/mail/settings/devices").text


def test_the_database_holds_no_token(iris, settings):
    value = iris.cookie(COOKIE).value.encode()
    for path in settings.data.iterdir():
        if path.is_file():
            assert value not in path.read_bytes()


def test_a_session_does_not_print_its_token(app, iris):
    with app.test_request_context(headers={"Cookie": f"{COOKIE}={iris.cookie(COOKIE).value}"}):
        found = session.load()
        assert found.address == "iris@lin.example"
        assert iris.cookie(COOKIE).value not in repr(found)


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8.14\x1b[31m", "curl/8.14[31m"),
        ("", ""),
    ],
)
def test_devices_have_names(agent, label):
    assert device_label(agent) == label


def test_the_signing_key_is_made_once_and_closed(tmp_path):
    path = tmp_path / "data" / "web.key"
    key = signing_key(path)
    assert len(key) == 32
    assert signing_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["web.key"]


def test_a_broken_signing_key_is_replaced(tmp_path):
    path = tmp_path / "web.key"
    path.write_bytes(b"short")
    assert len(signing_key(path)) == 32
    assert signing_key(path) == path.read_bytes()
