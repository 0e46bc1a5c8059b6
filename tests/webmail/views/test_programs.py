"""What a person chooses for mail programs that speak POP3."""

import pytest

from server.accounts import pop3_choice
from server.accounts.pop3_choice import DEFAULT, Choice, Deleted
from tests.webmail.views.mail_room import reading_room, signed_in

PAGE = "/mail/settings/programs"
ALL = {"mailbox": "Archive", "label": "ToDo", "deleted": "trash", "days": "30"}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with reading_room(tmp_path_factory.mktemp("programs")) as made:
        yield made


@pytest.fixture
def app(room):
    return room[1]


@pytest.fixture
def ann(app):
    visitor = signed_in(app)
    yield visitor
    directory = app.extensions["posthouse"].directory
    for account in (1, 2):
        directory.write_now(lambda w, account=account: pop3_choice.put(w, account, DEFAULT, now=0))


def chosen(app, account):
    return app.extensions["posthouse"].directory.read_now(lambda r: pop3_choice.of(r, account))


def accounts(app):
    """Ann's number and bob's."""
    directory = app.extensions["posthouse"].directory
    rows = directory.read_now(lambda r: r.raw("SELECT address, id FROM account").fetchall())
    return dict(rows)["ann@example.org"], dict(rows)["bob@example.org"]


def test_everything_is_kept_and_shown(app, ann):
    mine, other = accounts(app)
    assert ann.post(PAGE, **ALL).headers["Location"] == PAGE
    assert chosen(app, mine) == Choice("Archive", "ToDo", Deleted.TRASH, 30)
    assert chosen(app, other) == DEFAULT
    text = ann.get(PAGE).text
    assert '<option value="Archive" selected>' in text
    assert 'value="trash" checked' in text
    assert 'value="ToDo"' in text
    assert 'value="30"' in text


def test_nothing_chosen_is_what_pop3_means(app, ann):
    text = ann.get(PAGE).text
    assert '<option value="INBOX" selected>' in text
    assert 'value="removed" checked' in text
    ann.post(PAGE, **ALL)
    ann.post(PAGE, mailbox="INBOX", label="", deleted="removed", days="")
    assert chosen(app, accounts(app)[0]) == DEFAULT


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("days", "0"), ("days", "3651"), ("days", "-1"), ("days", "99999"), ("days", "٣"), ("days", "1e1"),
        ("mailbox", "Nowhere"), ("mailbox", "<b>"), ("label", "two words"), ("label", "\\Seen"), ("label", "a" * 101),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_and_not_kept(app, ann, field, value):
    answer = ann.post(PAGE, **(ALL | {field: value}))
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "<b>" not in answer.text.split('id="mailbox-hint"')[0].split("<select")[1]
    assert chosen(app, accounts(app)[0]) == DEFAULT


def test_a_strange_word_for_deleted_mail_is_what_pop3_means(app, ann):
    ann.post(PAGE, **(ALL | {"deleted": "burn"}))
    assert chosen(app, accounts(app)[0]).deleted is Deleted.REMOVED


def test_a_folder_that_went_stays_chosen_until_another_is(app, ann):
    mine = accounts(app)[0]
    directory = app.extensions["posthouse"].directory
    directory.write_now(lambda w: pop3_choice.put(w, mine, Choice(mailbox="Lists/gone"), now=0))
    assert '<option value="Lists/gone" selected>' in ann.get(PAGE).text
    ann.post(PAGE, **(ALL | {"mailbox": "Lists/gone"}))
    assert chosen(app, mine).mailbox == "Lists/gone"


def test_nobody_who_is_not_signed_in(app):
    assert app.test_client().get(PAGE).status_code == 302


def test_no_form_from_elsewhere(app, ann):
    assert ann.post(PAGE, token=False, **ALL).status_code == 400
    assert chosen(app, accounts(app)[0]) == DEFAULT


def test_virtual_mailboxes_are_not_offered(app, ann):
    page = ann.get(PAGE)
    assert '<option value="Archive">' in page.text
    assert "All Mail" not in page.text
    assert ann.post(PAGE, **(ALL | {"mailbox": "All Mail"})).status_code == 400
    assert chosen(app, accounts(app)[0]) == DEFAULT
