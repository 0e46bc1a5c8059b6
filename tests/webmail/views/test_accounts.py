from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from fetcher import account as table
from fetcher import seen
from fetcher.account import NewSource
from fetcher.seen import Mark
from fetcher.uidl import State

NOW = datetime(2026, 1, 24, 10, tzinfo=UTC)


@pytest.fixture
def make_source(app, directory):
    ring = table.keyring(app.extensions["posthouse"].settings)

    def make(account_id=1, username="iris", **values):
        recipient = "iris@lin.example" if account_id == 1 else "mia@lin.example"
        new = NewSource(account_id, recipient, "pop.other.example", 995, "implicit", username, **values)
        return directory.write_now(lambda w: table.create(w, new, "old secret", ring, now=NOW))

    return make


@pytest.fixture
def one(make_source):
    return make_source(name="Other", colour="amber", address="iris@other.example")


def read(directory, number):
    return directory.read_now(lambda r: table.by_id(r, number))


def test_an_empty_list_says_what_to_do(iris):
    assert 'href="/mail/accounts/add/"' in iris.get("/mail/accounts/").text


def test_the_list_and_its_partial(iris, one):
    whole = iris.get("/mail/accounts/").text
    assert "Other" in whole
    partial = iris.get("/mail/accounts/", headers={"HX-Request": "true"}).text
    assert partial.strip().startswith('<div id="sources"')
    assert 'hx-trigger="every 2s"' in partial, "it is new, so it is watched closely"


def test_nobody_sees_anothers(iris, make_source, directory):
    hers = make_source(2, name="Mias account")
    assert "Mias account" not in iris.get("/mail/accounts/").text
    assert iris.get(f"/mail/accounts/{hers}").status_code == 404
    assert iris.get(f"/mail/accounts/{hers}/edit").status_code == 404
    for verb in ("collect", "pause", "resume", "retry", "remove", "edit"):
        assert iris.post(f"/mail/accounts/{hers}/{verb}").status_code == 404
    assert read(directory, hers).state == "new"


def test_the_page_of_a_source_tells_every_story(iris, one, directory):
    marks = [
        Mark("u1", State.DELIVERED, size=2_048, message_id="a@b.example", mailbox="INBOX"),
        Mark("u2", State.REFUSED, size=99, reason_code="message-too-big", reason_text="552 too <big>"),
        Mark("u3", State.DUPLICATE),
    ]
    directory.write_now(lambda w: seen.mark(w, one, marks, now=NOW))
    text = iris.get(f"/mail/accounts/{one}").text
    assert "a@b.example" in text
    assert "A message is bigger than the limit" in text
    assert "552 too &lt;big&gt;" in text
    assert text.count('class="p-story"') == 3
    found = iris.get(f"/mail/accounts/{one}?q=b.example").text
    assert found.count('class="p-story"') == 1


def test_only_what_moves_is_sent_to_a_poll(iris, one):
    partial = iris.get(f"/mail/accounts/{one}", headers={"HX-Request": "true"}).text
    assert "p-story" not in partial
    assert 'id="live"' in partial
    assert len(partial) < 8_000


def test_pages_of_the_ledger(iris, one, directory):
    marks = [Mark(f"u{n:03}", State.DELIVERED) for n in range(60)]
    directory.write_now(lambda w: seen.mark(w, one, marks, now=NOW))
    assert iris.get(f"/mail/accounts/{one}").text.count('class="p-story"') == 50
    assert iris.get(f"/mail/accounts/{one}?offset=50").text.count('class="p-story"') == 10
    assert iris.get(f"/mail/accounts/{one}?offset=-5").status_code == 200
    assert iris.get(f"/mail/accounts/{one}?offset=x").status_code == 200


def test_pause_and_go_on(iris, one, directory):
    iris.get(f"/mail/accounts/{one}")
    iris.post(f"/mail/accounts/{one}/pause")
    assert read(directory, one).state == "paused"
    iris.post(f"/mail/accounts/{one}/resume")
    assert read(directory, one).state == "new"


def test_collect_now_makes_it_due(iris, one, directory):
    iris.get(f"/mail/accounts/{one}")
    iris.post(f"/mail/accounts/{one}/collect")
    assert read(directory, one).next_run > NOW


def test_collect_all(iris, one, make_source, directory):
    other = make_source(username="second")
    hers = make_source(2)
    iris.get("/mail/accounts/")
    assert iris.post("/mail/accounts/collect-all", headers={"HX-Request": "true"}).status_code == 204
    mine = (read(directory, one).next_run, read(directory, other).next_run)
    assert max(mine) - min(mine) <= timedelta(seconds=1)
    assert NOW not in mine
    assert read(directory, hers).next_run == NOW


def test_what_was_left_there_is_tried_again(iris, one, directory):
    directory.write_now(lambda w: seen.mark(w, one, [Mark("u1", State.REFUSED)], now=NOW))
    iris.get(f"/mail/accounts/{one}")
    assert "One message is tried again." in iris.post(f"/mail/accounts/{one}/retry", follow=True).text
    assert directory.read_now(lambda r: seen.counts(r, one)) == {"pending": 1}


def test_remove(iris, one, directory):
    iris.get(f"/mail/accounts/{one}")
    iris.post(f"/mail/accounts/{one}/remove")
    assert read(directory, one) is None


class TestEdit:
    FORM: ClassVar = {
        "name": "New name",
        "address": "iris@other.example",
        "mailbox": "Elsewhere",
        "colour": "blue",
        "host": "pop.new.example",
        "port": "110",
        "tls": "starttls",
        "username": "iris.lin",
        "leave": "no",
    }

    def test_everything_can_be_changed(self, iris, one, directory, app):
        before = read(directory, one)
        iris.get(f"/mail/accounts/{one}/edit")
        assert iris.post(f"/mail/accounts/{one}/edit", **self.FORM, password="new secret").status_code == 302
        after = read(directory, one)
        assert (after.name, after.host, after.port, after.tls, after.leave) == (
            "New name", "pop.new.example", 110, "starttls", False,
        )  # fmt: skip
        assert after.sealed_password != before.sealed_password
        ring = table.keyring(app.extensions["posthouse"].settings)
        assert ring.open(after.sealed_password, account_id=1, source_id=one) == "new secret"

    def test_an_empty_password_keeps_the_old_one(self, iris, one, directory):
        before = read(directory, one).sealed_password
        iris.get(f"/mail/accounts/{one}/edit")
        form = self.FORM | {"host": "pop.other.example", "password": ""}
        assert iris.post(f"/mail/accounts/{one}/edit", **form).status_code == 302
        assert read(directory, one).sealed_password == before

    @pytest.mark.parametrize(
        ("elsewhere", "private"),
        [
            ({"host": "10.0.0.1", "password": "new"}, False),
            ({"port": "6379"}, False),
            ({"host": " POP.other.example. "}, True),
            ({"name": "Another name"}, True),
        ],
    )
    def test_t051_what_one_server_was_allowed_another_is_not(self, iris, make_source, directory, elsewhere, private):
        """The administrator let it be of the own network; its owner may not choose which machine of it."""
        near = make_source(private_ok=True)
        iris.get(f"/mail/accounts/{near}/edit")
        form = self.FORM | {"host": "pop.other.example", "port": "995", "tls": "implicit"} | elsewhere
        assert iris.post(f"/mail/accounts/{near}/edit", **form).status_code == 302
        assert read(directory, near).private_ok is private

    @pytest.mark.parametrize("elsewhere", [{"host": "evil.example"}, {"tls": "none"}])
    def test_t065_the_password_goes_to_no_other_server_unasked(self, iris, one, directory, elsewhere):
        iris.get(f"/mail/accounts/{one}/edit")
        form = self.FORM | {"host": "pop.other.example"} | elsewhere
        response = iris.post(f"/mail/accounts/{one}/edit", **form)
        assert response.status_code == 400
        assert "type the password again" in response.text
        assert read(directory, one).host == "pop.other.example"
        assert iris.post(f"/mail/accounts/{one}/edit", **form, password="typed again").status_code == 302

    @pytest.mark.parametrize(
        "wrong", [{"port": "x"}, {"host": ""}, {"host": "a b"}, {"username": ""}, {"mailbox": ""}, {"name": "x\x00y"}]
    )
    def test_what_cannot_be_is_said_at_the_field(self, iris, one, directory, wrong):
        iris.get(f"/mail/accounts/{one}/edit")
        response = iris.post(f"/mail/accounts/{one}/edit", **(self.FORM | wrong))
        assert response.status_code == 400
        assert 'aria-invalid="true"' in response.text
        assert read(directory, one).host == "pop.other.example"

    @pytest.mark.parametrize("wrong", [{"tls": "rot13"}, {"colour": "red; x"}])
    def test_a_forged_choice_changes_nothing(self, iris, one, directory, wrong):
        iris.get(f"/mail/accounts/{one}/edit")
        iris.post(f"/mail/accounts/{one}/edit", **(self.FORM | wrong))
        assert read(directory, one).tls in ("implicit", "starttls")
        assert read(directory, one).colour in ("amber", "blue")

    def test_the_stored_password_is_not_in_the_page(self, iris, one):
        assert "old secret" not in iris.get(f"/mail/accounts/{one}/edit").text
