import stat

import pytest

from server.accounts import account as accounts
from server.config import Settings
from webmail import setup_state

ADMIN = {
    "local_part": "iris",
    "name": "Iris Lin",
    "password": "correct horse battery",
    "again": "correct horse battery",
}


@pytest.fixture
def newcomer(fresh_app, new_visitor):
    visitor = new_visitor(fresh_app)
    visitor.get("/mail/setup/")
    return visitor


def walk(visitor, **admin):
    visitor.post("/mail/setup/")
    visitor.get("/mail/setup/names")
    visitor.post("/mail/setup/names", domain="Lin.Example", hostname="mail.lin.example")
    visitor.get("/mail/setup/administrator")
    return visitor.post("/mail/setup/administrator", **(ADMIN | admin))


@pytest.mark.parametrize("path", ["/", "/mail/", "/mail/sign-in", "/mail/settings/general", "/mail/box/INBOX"])
def test_the_wizard_comes_first(newcomer, path):
    assert newcomer.client.get(path).headers["Location"] == "/mail/setup/"


def test_from_the_first_page_to_the_open_house(newcomer, directory):
    assert walk(newcomer).headers["Location"] == "/mail/setup/summary"
    summary = newcomer.get("/mail/setup/summary").text
    assert "iris@lin.example" in summary
    assert ADMIN["password"] not in summary
    done = newcomer.post("/mail/setup/summary", follow=True)
    assert "The house is open" in done.text
    assert done.text.count("p-chk") == 3
    iris = directory.read_now(lambda r: accounts.by_address(r, "iris@lin.example"))
    assert iris.admin
    assert directory.hostname() == "mail.lin.example"
    assert newcomer.get("/mail/settings/general").status_code == 200, "signed in at once"


def test_afterwards_it_is_not_there(newcomer, new_visitor, fresh_app):
    walk(newcomer)
    newcomer.post("/mail/setup/summary")
    stranger = new_visitor(fresh_app)
    for path in ("", "names", "administrator", "summary", "done"):
        assert stranger.get(f"/mail/setup/{path}").status_code == 404
    assert stranger.get("/mail/").headers["Location"].startswith("/mail/sign-in")


def test_nothing_is_written_before_the_last_step(newcomer, directory):
    walk(newcomer)
    assert directory.read_now(accounts.all_accounts) == []
    assert directory.read_now(accounts.domains) == []


def test_the_password_does_not_lie_in_the_cookie(newcomer, settings):
    walk(newcomer)
    assert ADMIN["password"] not in newcomer.cookie("posthouse_form").value
    for path in settings.data.iterdir():
        if path.is_file():
            assert ADMIN["password"].encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("step", "form"),
    [
        ("names", {"domain": "nodot", "hostname": "mail.lin.example"}),
        ("names", {"domain": "lin.example", "hostname": "192.0.2.1"}),
        ("names", {"domain": "", "hostname": ""}),
        ("names", {"domain": "lin.example\r\nX: y", "hostname": "mail lin"}),
        ("administrator", ADMIN | {"password": "short", "again": "short"}),
        ("administrator", ADMIN | {"again": "another"}),
        ("administrator", ADMIN | {"local_part": "iris lin@"}),
        ("administrator", ADMIN | {"password": "x" * 5_000, "again": "x" * 5_000}),
    ],
)
def test_a_wrong_answer_is_asked_again(newcomer, step, form):
    walk(newcomer)
    newcomer.get(f"/mail/setup/{step}")
    response = newcomer.post(f"/mail/setup/{step}", **form)
    assert response.status_code == 400
    assert 'aria-invalid="true"' in response.text


def test_steps_cannot_be_jumped(newcomer):
    assert newcomer.get("/mail/setup/administrator").headers["Location"] == "/mail/setup/names"
    assert newcomer.get("/mail/setup/summary").headers["Location"] == "/mail/setup/administrator"


def test_two_administrators_at_once(newcomer, fresh_app, new_visitor, directory):
    walk(newcomer)
    newcomer.get("/mail/setup/summary")
    rival = new_visitor(fresh_app)
    rival.get("/mail/setup/")
    walk(rival, local_part="mallory")
    rival.get("/mail/setup/summary")
    assert rival.post("/mail/setup/summary").status_code == 302
    assert newcomer.post("/mail/setup/summary").status_code == 404
    assert [a.address for a in directory.read_now(accounts.all_accounts)] == ["mallory@lin.example"]


def test_the_language_is_chosen_first(newcomer):
    response = newcomer.post("/mail/language", language="zh_Hans", back="/mail/setup/")
    assert response.headers["Location"] == "/mail/setup/"
    assert '<html lang="zh-Hans"' in newcomer.get("/mail/setup/").text


class TestFarAway:
    """Where strangers can connect, the code from the terminal is asked for."""

    @pytest.fixture
    def far(self, make_app, tmp_path, new_visitor):
        self.settings = Settings(data=tmp_path / "far", bind="0.0.0.0")
        self.settings.data.mkdir()
        visitor = new_visitor(make_app(self.settings))
        visitor.get("/mail/setup/")
        return visitor

    def test_without_it_nothing_goes_on(self, far):
        assert far.post("/mail/setup/").status_code == 403
        assert far.post("/mail/setup/", code="WRONGWRONGWR").status_code == 403
        assert far.get("/mail/setup/names").headers["Location"] == "/mail/setup/"
        assert far.post("/mail/setup/names", domain="a.example", hostname="b.example").status_code == 302

    def test_with_it(self, far):
        code = setup_state.make_code(self.settings)
        assert stat.S_IMODE(setup_state.code_path(self.settings).stat().st_mode) == 0o600
        typed = f" {code[:4].lower()}-{code[4:8]} {code[8:]}"
        assert far.post("/mail/setup/", code=typed).headers["Location"] == "/mail/setup/names"
        walk(far)
        far.get("/mail/setup/summary")
        assert far.post("/mail/setup/summary").status_code == 302
        assert not setup_state.code_path(self.settings).exists()

    def test_the_code_stays_the_same_until_it_is_used(self, far):
        assert setup_state.make_code(self.settings) == setup_state.make_code(self.settings)
