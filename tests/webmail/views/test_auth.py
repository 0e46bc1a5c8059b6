import re

import pytest

from server.accounts import password as passwords
from webmail import preferences


def test_a_right_password_leads_to_the_inbox(visitor):
    response = visitor.sign_in()
    assert response.status_code == 302
    assert response.headers["Location"] == "/mail/"


def test_to_where_the_visitor_wanted(visitor):
    asked = visitor.get("/mail/settings/devices?a=1")
    assert asked.headers["Location"] == "/mail/sign-in?next=/mail/settings/devices?a%3D1"
    visitor.get(asked.headers["Location"])
    wanted = re.search(r'name="next" value="([^"]+)"', visitor.page.text).group(1)
    response = visitor.post("/mail/sign-in", name="iris@lin.example", password="correct horse battery", next=wanted)
    assert response.headers["Location"] == "/mail/settings/devices?a=1"


def test_a_chinese_folder_survives_the_sign_in(visitor):
    asked = visitor.get("/mail/box/%E6%94%B6%E4%BB%B6%20%E7%AE%B1")
    visitor.get(asked.headers["Location"])
    assert 'name="next" value="/mail/box/%E6%94%B6%E4%BB%B6%20%E7%AE%B1"' in visitor.page.text


def test_one_answer_for_an_unknown_account_and_a_wrong_password(visitor):
    """security.md T078."""
    unknown = visitor.sign_in("nobody@lin.example", "wrong password")
    wrong = visitor.sign_in("iris@lin.example", "wrong password")
    assert unknown.status_code == wrong.status_code == 403

    def same(response):
        text = re.sub(r'(csrf-token" content=|name="csrf_token" value=|name="name" value=)"[^"]*"', "", response.text)
        return re.sub(r"\d\d:\d\d", "", text)

    assert same(unknown) == same(wrong)


def test_both_cost_an_argon2_run(visitor, monkeypatch):
    """The times are alike because the work is: nothing is measured here."""
    runs = []
    real = passwords.matches
    monkeypatch.setattr(passwords, "matches", lambda stored, given: runs.append(stored) or real(stored, given))
    visitor.sign_in("nobody@lin.example", "wrong password")
    visitor.sign_in("iris@lin.example", "wrong password")
    assert len(runs) == 2


def test_the_password_is_not_sent_back(visitor):
    response = visitor.sign_in(password="wrong but secret")
    assert "wrong but secret" not in response.text
    assert 'value="iris@lin.example"' in response.text


def test_many_wrong_tries_have_to_wait(visitor):
    for _ in range(10):
        assert visitor.sign_in(password="wrong password").status_code == 403
    response = visitor.sign_in()
    assert response.status_code == 429
    seconds = int(re.search(r'data-wait="(\d+)"', response.text).group(1))
    assert 0 < seconds <= 60
    assert response.headers["Retry-After"] == str(seconds)
    assert visitor.cookie("posthouse_session") is None


@pytest.mark.parametrize(("name", "password"), [("", "x"), ("iris@lin.example", ""), ("", "")])
def test_empty_fields_are_asked_for(visitor, name, password):
    assert visitor.sign_in(name, password).status_code == 400


def test_a_token_is_not_a_password(iris, app, new_visitor):
    other = new_visitor(app)
    assert other.sign_in(password=iris.cookie("posthouse_session").value).status_code == 403


def test_a_password_of_a_megabyte_is_refused_before_it_costs(visitor, monkeypatch):
    monkeypatch.setattr(passwords, "matches", lambda *_: pytest.fail("hashed"))
    assert visitor.sign_in(password="x" * 1_000_000).status_code == 413


def test_sign_in_needs_its_form(visitor):
    """security.md T058."""
    data = {"name": "iris@lin.example", "password": "correct horse battery"}
    assert visitor.client.post("/mail/sign-in", data=data).status_code == 400
    assert visitor.cookie("posthouse_session") is None


def test_who_is_signed_in_is_not_asked_again(iris):
    assert iris.client.get("/mail/sign-in").status_code == 302


def test_sign_out(iris):
    response = iris.post("/mail/sign-out", follow=True)
    assert "You are signed out." in response.text
    assert iris.get("/mail/settings/general").status_code == 302


def test_signing_out_by_a_link_is_impossible(iris):
    assert iris.client.get("/mail/sign-out").status_code == 405


def test_the_language_of_the_card(visitor):
    assert '<html lang="en"' in visitor.get("/mail/sign-in").text
    visitor.post("/mail/language", language="zh_Hant", next="/mail/accounts/")
    assert '<html lang="zh-Hant"' in visitor.get("/mail/sign-in").text
    visitor.post("/mail/language", language="xx")
    assert '<html lang="zh-Hant"' in visitor.get("/mail/sign-in").text


def test_the_browser_chooses_the_language(visitor):
    text = visitor.get("/mail/sign-in", headers={"Accept-Language": "de, zh-CN;q=0.8, en;q=0.5"}).text
    assert '<html lang="zh-Hans"' in text


def test_the_first_sign_in_brings_the_time_zone(visitor, directory):
    visitor.sign_in(time_zone="Europe/Vienna")
    visitor.get("/mail/settings/general")
    assert directory.read_now(lambda r: preferences.load(r, 1)).time_zone == "Europe/Vienna"
    visitor.post("/mail/sign-out")
    visitor.sign_in(time_zone="Asia/Shanghai")
    assert directory.read_now(lambda r: preferences.load(r, 1)).time_zone == "Europe/Vienna"


def test_an_invented_time_zone_is_ignored(visitor, directory):
    visitor.sign_in(time_zone="../../etc/passwd")
    assert directory.read_now(lambda r: preferences.load(r, 1)).time_zone == ""


def test_the_look_before_and_after_the_sign_in(visitor, directory):
    visitor.get("/mail/sign-in")
    assert visitor.post("/mail/look", theme="dark").status_code == 204
    assert 'data-theme="dark"' in visitor.get("/mail/sign-in").text
    visitor.sign_in()
    visitor.get("/mail/settings/general")
    assert visitor.post("/mail/look", theme="light").status_code == 204
    assert directory.read_now(lambda r: preferences.load(r, 1)).theme == "light"
    visitor.post("/mail/look", theme="<script>")
    assert directory.read_now(lambda r: preferences.load(r, 1)).theme == "light"


def test_a_name_is_shown_as_text(visitor):
    response = visitor.sign_in('"><script>alert(1)</script>', "wrong password")
    assert "<script>alert" not in response.text
