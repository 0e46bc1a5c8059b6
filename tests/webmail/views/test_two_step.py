"""The second factor as a person meets it, and as somebody who learned the password does."""

import base64
import re
import time
from types import SimpleNamespace

import pytest

from server.accounts import account as accounts
from server.accounts import app_password, one_time, remembered_device, second_factor
from server.accounts import token as tokens
from server.accounts.errors import AuthenticationFailed
from server.seal import Keyring
from tests.fakes.clock import FakeClock
from tests.webmail.conftest import ADDRESS, PASSWORD, Visitor
from webmail import factory, threshold

SECURITY = "/mail/settings/security"
TWO_STEP = f"{SECURITY}/two-step"


@pytest.fixture
def clock(monkeypatch):
    """The time of the application; it must be asked for before `app`."""
    clock = FakeClock()
    monkeypatch.setattr(factory, "SystemClock", lambda: clock)
    return clock


@pytest.fixture
def key(clock, iris, directory, settings):
    """Iris has a second factor, and has signed in before that."""
    made = second_factor.new_key()
    ring = Keyring(settings.secret_key_file)
    directory.write_now(lambda w: second_factor.turn_on(w, ring, 1, made, step=0, peer=""))
    return made


@pytest.fixture
def thief(app):
    """Somebody elsewhere who knows the password."""
    visitor = Visitor(app)
    visitor.client.environ_base = {"REMOTE_ADDR": "203.0.113.9"}
    return visitor


def now_code(key, clock, *, steps=0):
    return one_time.totp(key, clock.now().timestamp() + 30 * steps)


def with_password(visitor, **form):
    response = visitor.sign_in(**form)
    if response.status_code == 302 and response.headers["Location"].startswith("/mail/sign-in/code"):
        visitor.get("/mail/sign-in/code")
    return response


def with_code(visitor, code, **form):
    return visitor.post("/mail/sign-in/code", code=code, **form)


def is_in(visitor):
    return visitor.get("/mail/settings/general").status_code == 200


class TestSigningIn:
    def test_the_password_alone_opens_nothing(self, key, thief):
        response = with_password(thief)
        assert response.headers["Location"] == "/mail/sign-in/code"
        assert thief.cookie("posthouse_session") is None
        assert not is_in(thief)

    def test_password_and_code(self, key, thief, clock):
        with_password(thief, next="/mail/settings/devices")
        response = with_code(thief, now_code(key, clock))
        assert (response.status_code, response.headers["Location"]) == (302, "/mail/settings/devices")
        assert is_in(thief)

    def test_a_wrong_password_does_not_tell_that_there_is_a_second_factor(self, key, thief):
        """security.md T078."""
        assert thief.sign_in(password="wrong password").status_code == 403
        assert thief.get("/mail/sign-in/code").headers["Location"] == "/mail/sign-in"

    def test_t138_a_code_counts_once(self, key, app, thief, clock):
        code = now_code(key, clock)
        with_password(thief)
        assert with_code(thief, code).status_code == 302
        again = Visitor(app)
        with_password(again)
        assert with_code(again, code).status_code == 403
        assert with_code(again, now_code(key, clock, steps=-1)).status_code == 403, "nor does one before it"
        assert not is_in(again)
        clock.advance(30)
        assert with_code(again, now_code(key, clock)).status_code == 302

    @pytest.mark.parametrize(("steps", "status"), [(-2, 403), (-1, 302), (0, 302), (1, 302), (2, 403)])
    def test_a_clock_may_be_off_by_one_step(self, key, thief, clock, steps, status):
        with_password(thief)
        assert with_code(thief, now_code(key, clock, steps=steps)).status_code == status

    @pytest.mark.parametrize("code", ["", "0", "12345", "1234567", "١٢٣٤٥٦", "' OR 1=1", "x" * 5_000, "\x00"])
    def test_nonsense(self, key, thief, code):
        with_password(thief)
        assert with_code(thief, code).status_code in (400, 403)
        assert not is_in(thief)

    def test_t136_guesses_are_few_from_one_address(self, key, thief):
        with_password(thief)
        answers = [with_code(thief, f"{number:06}").status_code for number in range(12)]
        assert answers == [403] * 10 + [429] * 2
        assert "Retry-After" in thief.page.headers

    def test_t136_guesses_are_few_from_a_thousand_addresses(self, key, app, clock):
        """Whoever has the password has a known address at once; it must not lift the limit of the account."""
        visitor, answers = Visitor(app), []
        with_password(visitor)
        for number in range(40):
            visitor.client.environ_base = {"REMOTE_ADDR": f"203.0.113.{number}"}
            answers.append(with_code(visitor, f"{number:06}").status_code)
        assert answers == [403] * 30 + [429] * 10
        assert with_code(visitor, now_code(key, clock)).status_code == 429, "not even a right one is looked at"

    def test_the_owner_gets_in_by_a_recovery_code_while_somebody_guesses(self, key, app, thief, directory):
        codes = directory.write_now(lambda w: second_factor.renew_codes(w, 1, peer=""))
        with_password(thief)
        for number in range(12):
            with_code(thief, f"{number:06}")
        owner = Visitor(app)
        owner.client.environ_base = {"REMOTE_ADDR": "203.0.113.9"}
        with_password(owner)
        assert with_code(owner, codes[0].upper().replace("-", " ")).status_code == 302
        assert "9 are left" in owner.get("/mail/settings/general").text

    def test_a_recovery_code_counts_once(self, key, app, thief, directory):
        codes = directory.write_now(lambda w: second_factor.renew_codes(w, 1, peer=""))
        with_password(thief)
        assert with_code(thief, codes[3], way="recovery").status_code == 302
        again = Visitor(app)
        with_password(again)
        assert with_code(again, codes[3], way="recovery").status_code == 403
        assert not is_in(again)

    def test_a_code_of_another_person_is_no_code(self, key, app, directory, settings, clock):
        ring, hers = Keyring(settings.secret_key_file), second_factor.new_key()
        directory.write_now(lambda w: second_factor.turn_on(w, ring, 2, hers, step=0, peer=""))
        mias = directory.write_now(lambda w: second_factor.renew_codes(w, 2, peer=""))
        visitor = Visitor(app)
        with_password(visitor)
        assert with_code(visitor, now_code(hers, clock)).status_code == 403
        assert with_code(visitor, mias[0]).status_code == 403

    def test_t059_the_session_is_a_new_one(self, key, app, clock):
        visitor = Visitor(app)
        visitor.client.set_cookie("posthouse_session", "pht_planted", path="/")
        with_password(visitor)
        with_code(visitor, now_code(key, clock))
        assert visitor.cookie("posthouse_session").value != "pht_planted"
        assert visitor.cookie("posthouse_threshold") is None

    def test_t057_the_code_needs_its_form(self, key, thief, clock):
        with_password(thief)
        assert thief.client.post("/mail/sign-in/code", data={"code": now_code(key, clock)}).status_code == 400
        assert not is_in(thief)

    def test_a_new_password_ends_the_wait_for_the_code(self, key, thief, directory, clock):
        with_password(thief)
        directory.write_now(lambda w: accounts.set_password(w, 1, "a new password"))
        response = with_code(thief, now_code(key, clock))
        assert response.headers["Location"] == "/mail/sign-in"
        assert not is_in(thief)

    def test_the_wait_for_the_code_has_an_end(self, key, thief, clock, monkeypatch):
        with_password(thief)
        late = time.time() + threshold.SECONDS + 1
        monkeypatch.setattr(threshold, "time", SimpleNamespace(time=lambda: late))
        assert with_code(thief, now_code(key, clock)).headers["Location"] == "/mail/sign-in"

    @pytest.mark.parametrize("ticket", ["", "x", "gAAAAAB" + "A" * 200])
    def test_an_invented_ticket_is_none(self, key, thief, clock, ticket):
        thief.get("/mail/sign-in")
        thief.client.set_cookie("posthouse_threshold", ticket, path="/mail/sign-in")
        assert with_code(thief, now_code(key, clock)).headers["Location"] == "/mail/sign-in"

    def test_t063_it_does_not_lead_away(self, key, thief, clock):
        with_password(thief, next="//evil.example")
        assert with_code(thief, now_code(key, clock)).headers["Location"] == "/mail/"

    def test_a_lost_key_is_said_and_a_recovery_code_still_works(self, key, thief, directory, settings, clock):
        """security.md T143."""
        codes = directory.write_now(lambda w: second_factor.renew_codes(w, 1, peer=""))
        settings.secret_key_file.unlink()
        with_password(thief)
        assert with_code(thief, now_code(key, clock)).status_code == 503
        assert not settings.secret_key_file.exists()
        assert with_code(thief, codes[0]).status_code == 302


class TestRememberedDevice:
    @pytest.fixture
    def known(self, key, app, clock):
        visitor = Visitor(app, **{"User-Agent": "Mozilla/5.0 (iPhone) Safari/604.1"})
        with_password(visitor)
        with_code(visitor, now_code(key, clock), remember="yes")
        clock.advance(60)
        return visitor

    def test_there_the_password_is_enough(self, known):
        known.get("/mail/settings/general")
        known.post("/mail/sign-out")
        assert with_password(known).headers["Location"] == "/mail/"
        assert is_in(known)

    def test_the_cookie_opens_nothing_by_itself(self, known, app):
        other = Visitor(app)
        value = known.client.get_cookie("posthouse_device_1", path="/mail").value
        other.client.set_cookie("posthouse_session", value, path="/")
        other.client.set_cookie("posthouse_device_1", value, path="/mail")
        assert not is_in(other)
        assert other.sign_in(password="wrong password").status_code == 403

    def test_t061_its_cookie(self, known, directory):
        cookie = known.client.get_cookie("posthouse_device_1", path="/mail")
        assert (cookie.http_only, cookie.same_site, cookie.max_age) == (True, "Lax", remembered_device.LIFETIME)
        assert directory.read_now(lambda r: remembered_device.find(r, 2, cookie.value)) is None, "for one account"

    def test_it_is_listed_and_forgotten(self, known, directory):
        assert "Remembered devices" in known.get("/mail/settings/devices").text
        (device,) = directory.read_now(lambda r: remembered_device.list_for(r, 1))
        known.post(f"/mail/settings/devices/remembered/{device.id}/forget")
        known.get("/mail/settings/general")
        known.post("/mail/sign-out")
        assert with_password(known).headers["Location"] == "/mail/sign-in/code"

    def test_another_persons_is_out_of_reach(self, known, app, directory):
        mia = Visitor(app)
        mia.sign_in("mia@lin.example", "another password")
        mia.get("/mail/settings/devices")
        (device,) = directory.read_now(lambda r: remembered_device.list_for(r, 1))
        mia.post(f"/mail/settings/devices/remembered/{device.id}/forget")
        assert directory.read_now(lambda r: remembered_device.list_for(r, 1)) == [device]

    def test_signing_out_everywhere_else_forgets_the_others(self, known, app, key, clock, directory):
        other = Visitor(app)
        with_password(other)
        with_code(other, now_code(key, clock), remember="yes")
        other.get("/mail/settings/devices")
        other.post("/mail/settings/devices/end-others")
        assert not is_in(known)
        assert [d.label for d in directory.read_now(lambda r: remembered_device.list_for(r, 1))] != []
        assert with_password(known).headers["Location"] == "/mail/sign-in/code"

    def test_it_ends_after_thirty_days(self, known, monkeypatch):
        known.get("/mail/settings/general")
        known.post("/mail/sign-out")
        later = time.time() + remembered_device.LIFETIME + 1
        monkeypatch.setattr(remembered_device, "time", SimpleNamespace(time=lambda: later))
        assert with_password(known).headers["Location"] == "/mail/sign-in/code"


def begin(visitor):
    """Open the page of the key; returns what it shows."""
    page = visitor.get(TWO_STEP).text
    spelled = re.search(r'id="key-text">([A-Z2-7 ]+)<', page).group(1)
    sealed = re.search(r'name="key" value="([^"]+)"', page).group(1)
    key = base64.b32decode(spelled.replace(" ", ""))
    return key, sealed


class TestTurningOn:
    def test_a_code_proves_it_first(self, clock, iris, directory):
        key, sealed = begin(iris)
        for code in ("", "000000", now_code(second_factor.new_key(), clock)):
            assert iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=code).status_code in (400, 403)
        assert iris.post(TWO_STEP, key=sealed, password="wrong password", code=now_code(key, clock)).status_code == 403
        assert directory.read_now(lambda r: second_factor.standing(r, 1)) is None
        response = iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=now_code(key, clock))
        codes = re.findall(r"<li>([0-9a-z-]{19})</li>", response.text)
        assert len(set(codes)) == 10
        assert directory.read_now(lambda r: second_factor.standing(r, 1)).codes_left == 10
        assert all(directory.read_now(lambda r, c=c: second_factor.has_recovery_code(r, 1, c)) for c in codes)
        assert codes[0] not in iris.get(SECURITY).text, "shown once"

    def test_the_session_is_a_new_one_and_its_forms_work(self, clock, iris):
        """security.md T059."""
        before = iris.cookie("posthouse_session").value
        key, sealed = begin(iris)
        iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=now_code(key, clock))
        assert iris.cookie("posthouse_session").value != before
        assert iris.post("/mail/settings/general", form="general").status_code == 302

    def test_other_devices_have_to_show_the_code(self, clock, iris, app):
        other = Visitor(app)
        other.sign_in()
        key, sealed = begin(iris)
        iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=now_code(key, clock))
        assert not is_in(other)
        assert is_in(iris)

    def test_it_is_said_that_mail_programs_need_another_password(self, iris):
        text = iris.get(TWO_STEP).text
        assert "Mail programs will need another password." in text
        assert f'href="{SECURITY}#app-passwords"' in text

    def test_the_code_that_proved_it_is_used_up(self, clock, iris, app):
        key, sealed = begin(iris)
        code = now_code(key, clock)
        iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=code)
        other = Visitor(app)
        with_password(other)
        assert with_code(other, code).status_code == 403

    def test_a_key_of_ones_own_making_is_not_taken(self, clock, iris, directory):
        key = second_factor.new_key()
        iris.get(TWO_STEP)
        response = iris.post(TWO_STEP, key=key.hex(), password=PASSWORD, code=now_code(key, clock))
        assert response.status_code == 302
        assert directory.read_now(lambda r: second_factor.standing(r, 1)) is None

    def test_turning_it_on_again_changes_nothing(self, key, clock, iris, thief):
        assert iris.get(TWO_STEP).status_code == 302

    def test_the_picture_is_drawn_here(self, iris):
        text = iris.get(TWO_STEP).text
        assert '<svg viewBox="0 0 ' in text
        assert "otpauth:" not in text


class TestTurningOff:
    def test_it_wants_password_and_code(self, key, clock, iris, directory):
        iris.get(f"{TWO_STEP}/off")
        for form in (
            {"password": PASSWORD},
            {"code": now_code(key, clock)},
            {"password": PASSWORD, "code": "000000"},
            {"password": "wrong password", "code": now_code(key, clock)},
        ):
            assert iris.post(f"{TWO_STEP}/off", **form).status_code in (400, 403)
        assert directory.read_now(lambda r: second_factor.is_on(r, 1))
        assert iris.post(f"{TWO_STEP}/off", password=PASSWORD, code=now_code(key, clock)).status_code == 302
        assert not directory.read_now(lambda r: second_factor.is_on(r, 1))
        assert is_in(iris)

    def test_the_password_is_enough_again(self, key, clock, iris, app, thief, directory):
        with_password(thief)
        with_code(thief, now_code(key, clock), remember="yes")
        clock.advance(30)
        iris.get(f"{TWO_STEP}/off")
        iris.post(f"{TWO_STEP}/off", password=PASSWORD, code=now_code(key, clock))
        assert directory.read_now(lambda r: remembered_device.list_for(r, 1)) == []
        assert with_password(Visitor(app)).headers["Location"] == "/mail/"

    def test_recovery_codes_are_made_anew(self, key, clock, iris, directory):
        old = directory.write_now(lambda w: second_factor.renew_codes(w, 1, peer=""))
        iris.get(f"{TWO_STEP}/recovery-codes")
        assert iris.post(f"{TWO_STEP}/recovery-codes", password=PASSWORD, code="1").status_code == 403
        response = iris.post(f"{TWO_STEP}/recovery-codes", password=PASSWORD, code=old[0])
        new = re.findall(r"<li>([0-9a-z-]{19})</li>", response.text)
        assert len(new) == 10
        assert not set(new) & set(old)
        assert not directory.read_now(lambda r: second_factor.has_recovery_code(r, 1, old[1]))


class TestAppPasswords:
    def test_made_shown_once_listed_and_ended(self, app, iris, directory):
        iris.get(SECURITY)
        response = iris.post(f"{SECURITY}/app-passwords", name="Thunderbird <b>", password=PASSWORD)
        secret = re.search(r'id="fresh">([0-9a-z-]{24})<', response.text).group(1)
        page = iris.get(SECURITY).text
        assert secret not in page
        assert "Thunderbird &lt;b&gt;" in page
        assert "Never used" in page
        check = app.extensions["posthouse"].authenticator.password_now
        assert check(ADDRESS, secret, service="imap", peer="192.0.2.7").account.id == 1
        assert "192.0.2.7" in iris.get(SECURITY).text
        (row,) = directory.read_now(lambda r: app_password.list_for(r, 1))
        iris.post(f"{SECURITY}/app-passwords/{row.id}/end")
        with pytest.raises(AuthenticationFailed):
            check(ADDRESS, secret, service="imap", peer="192.0.2.7")

    def test_t079_it_never_opens_the_webmail(self, iris, app, directory):
        secret = directory.write_now(lambda w: app_password.make(w, 1, "phone", peer=""))
        other = Visitor(app)
        assert other.sign_in(password=secret).status_code == 403
        other.client.set_cookie("posthouse_session", secret, path="/")
        assert not is_in(other)

    @pytest.mark.parametrize(
        "form", [{"name": "x"}, {"name": "x", "password": "wrong"}, {"name": " ", "password": PASSWORD}]
    )
    def test_it_wants_a_name_and_the_password(self, iris, directory, form):
        iris.get(SECURITY)
        assert iris.post(f"{SECURITY}/app-passwords", **form).status_code in (400, 403)
        assert directory.read_now(lambda r: app_password.list_for(r, 1)) == []

    def test_there_is_an_end_to_them(self, iris, directory):
        for _ in range(app_password.MOST):
            assert directory.write_now(lambda w: app_password.make(w, 1, "x", peer=""))
        iris.get(SECURITY)
        assert iris.post(f"{SECURITY}/app-passwords", name="one more", password=PASSWORD).status_code == 409

    def test_another_persons_is_out_of_reach(self, iris, directory):
        directory.write_now(lambda w: app_password.make(w, 2, "hers", peer=""))
        (hers,) = directory.read_now(lambda r: app_password.list_for(r, 2))
        (mine,) = [t for t in directory.read_now(lambda r: tokens.list_for(r, 1)) if t.kind == "web"]
        iris.get(SECURITY)
        iris.post(f"{SECURITY}/app-passwords/{hers.id}/end")
        iris.post(f"{SECURITY}/app-passwords/{mine.id}/end")
        assert directory.read_now(lambda r: app_password.list_for(r, 2)) == [hers]
        assert is_in(iris), "nor is a session an app password"


def test_what_happened_is_shown(key, clock, iris, directory):
    directory.write_now(lambda w: second_factor.turn_off(w, 1, by_administrator=True))
    text = iris.get(SECURITY).text
    assert "Two-step sign-in was turned on" in text
    assert text.index("The administrator turned two-step sign-in off") < text.index("Two-step sign-in was turned on")


def test_t082_nothing_of_it_is_logged(clock, iris, app, thief, capfd):
    key, sealed = begin(iris)
    code = now_code(key, clock)
    page = iris.post(TWO_STEP, key=sealed, password=PASSWORD, code=code).text
    codes = re.findall(r"<li>([0-9a-z-]{19})</li>", page)
    made = iris.post(f"{SECURITY}/app-passwords", name="phone", password=PASSWORD).text
    secret = re.search(r'id="fresh">([0-9a-z-]{24})<', made).group(1)
    with_password(thief)
    with_code(thief, "424242")
    with_code(thief, codes[0], remember="yes")
    device = thief.client.get_cookie("posthouse_device_1", path="/mail").value
    said = "".join(capfd.readouterr())
    assert "code_refused" in said, "the log is where it is looked for"
    for word in (code, "424242", codes[0], secret, device, sealed, one_time.spelled(key), key.hex(), PASSWORD):
        assert word not in said
