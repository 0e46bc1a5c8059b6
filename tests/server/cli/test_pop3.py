"""`account pop3`."""

import pytest
from click.testing import CliRunner

from server.accounts import pop3_choice
from server.accounts.directory import open_database
from server.accounts.pop3_choice import DEFAULT, Choice, Deleted
from server.cli.options import open_house
from server.cli.people import account, domain
from server.store import virtual

ANN = "ann@example.org"


def run(folder, group, *arguments, typed="", status=0):
    done = CliRunner().invoke(group, [*arguments, "--data", str(folder)], input=typed)
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def data(tmp_path):
    run(tmp_path, domain, "add", "example.org")
    run(tmp_path, account, "add", ANN, "--password-stdin", typed="correct horse\n")
    return tmp_path


def chosen(data):
    database = open_database(data / "directory.db")
    try:
        return database.read(lambda r: pop3_choice.of(r, 1))
    finally:
        database.close()


def test_without_an_option_it_tells(data):
    said = run(data, account, "pop3", ANN)
    assert (
        said == f"{ANN} by POP3: all of INBOX; mail that was fetched stays, mail that a program deletes is removed.\n"
    )
    assert chosen(data) == DEFAULT


def test_each_option_changes_its_own(data):
    run(data, account, "pop3", ANN, "--label", "ToDo")
    assert chosen(data) == Choice(label="ToDo")
    said = run(data, account, "pop3", ANN, "--delete-after", "30", "--on-delete", "archive")
    assert "only mail with the label ToDo" in said
    assert "to the trash 30 days later" in said
    assert "goes to the archive" in said
    assert chosen(data) == Choice("INBOX", "ToDo", Deleted.ARCHIVE, 30)
    run(data, account, "pop3", ANN, "--mailbox", "archive", status=1)
    run(data, account, "pop3", ANN, "--mailbox", "Archive", "--delete-after", "0")
    assert chosen(data) == Choice("Archive", "", Deleted.ARCHIVE, None)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--mailbox", "Nowhere"), 1), (("--label", "two words"), 1), (("--delete-after", "9999"), 2),
        (("--delete-after", "-1"), 2), (("--on-delete", "burn"), 2), (("--mailbox", "INBOX", "--label", "x"), 2),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(data, arguments, status):
    said = run(data, account, "pop3", ANN, *arguments, status=status)
    assert "Traceback" not in said
    assert chosen(data) == DEFAULT


def test_nobody(data):
    assert "no account" in run(data, account, "pop3", "nobody@example.org", status=1)


def test_no_virtual_mailbox(data):
    with open_house(data) as house:
        house.store.write_now(1, lambda w: virtual.arrange(w, wanted=True))
    assert "virtual mailbox" in run(data, account, "pop3", ANN, "--mailbox", "All Mail", status=1)
    assert chosen(data) == DEFAULT
