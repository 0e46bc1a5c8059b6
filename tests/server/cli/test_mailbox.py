"""Mailboxes are shared and unshared from the command line."""

import asyncio

import pytest
from click.testing import CliRunner

from server.accounts import share
from server.accounts.directory import open_database
from server.cli.care import backup, restore, verify
from server.cli.mailbox import mailbox
from server.cli.people import account, domain
from server.notify.bus import LocalBus

ANN, BOB, PASSWORD = "ann@example.org", "bob@example.org", "correct horse"


def call(folder, group, *arguments, typed=""):
    return CliRunner().invoke(group, [*arguments, "--data", str(folder)], input=typed)


def run(folder, group, *arguments, typed=""):
    done = call(folder, group, *arguments, typed=typed)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "house"
    run(folder, domain, "add", "example.org")
    for address in (ANN, BOB):
        run(folder, account, "add", address, "--password-stdin", typed=f"{PASSWORD}\n")
    run(folder, account, "alias", "robert@example.org", BOB)
    return folder


def found_by_bob(folder):
    database = open_database(folder / "directory.db")
    try:
        return [owner.address for owner in database.read(lambda r: share.owners(r, 2))]
    finally:
        database.close()


def test_a_mailbox_is_shared_listed_and_unshared(data):
    said = run(data, mailbox, "share", ANN, "Archive", "--with", "robert@example.org", "--rights", "write")
    assert said == (
        "bob@example.org has the rights lrswite on Archive of ann@example.org now,"
        " as Other Users/ann@example.org/Archive.\n"
    )
    run(data, mailbox, "share", ANN, "INBOX", "--with", "anyone", "--rights", "lr")
    assert run(data, mailbox, "list", ANN).splitlines() == [
        "Archive  bob@example.org  lrswite",
        "INBOX  anyone  lr",
        "2 of the mailboxes of ann@example.org are shared.",
    ]
    assert found_by_bob(data) == [ANN]
    assert "no rights of its own" in run(data, mailbox, "unshare", ANN, "Archive", "--with", BOB)
    assert "shared with nobody" in run(data, mailbox, "unshare", ANN, "INBOX")
    assert run(data, mailbox, "list", ANN) == "0 of the mailboxes of ann@example.org are shared.\n"
    assert found_by_bob(data) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("share", ANN, "Archive", "--with", "x@example.org"), "There is no account x@example.org here"),
        (("share", ANN, "Archive", "--with", ANN), "owns the mailbox"),
        (("share", ANN, "Archive", "--with", BOB, "--rights", "rq"), "Write read, write, all"),
        (("share", ANN, "Nothing", "--with", BOB), "There is no mailbox Nothing"),
        (("list", "x@example.org"), "There is no account"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(data, arguments, sentence):
    done = call(data, mailbox, *arguments)
    assert done.exit_code == 1
    assert sentence in done.output
    assert found_by_bob(data) == []


def test_what_is_below_is_shared_if_asked_for(data):
    ann = CliRunner()
    assert ann.invoke(mailbox, ["--help"]).exit_code == 0
    run(data, mailbox, "share", ANN, "Archive", "--with", BOB, "--below")
    run(data, mailbox, "unshare", ANN, "Archive", "--below")
    assert found_by_bob(data) == []


async def test_a_running_system_hears_of_it(data):
    bus = LocalBus(data / "run", asyncio.get_running_loop())
    told = asyncio.Event()
    heard = bus.subscribe(1, told.set)
    await asyncio.to_thread(run, data, mailbox, "share", ANN, "Archive", "--with", BOB)
    async with asyncio.timeout(10):
        await told.wait()
    heard.close()
    bus.close()


def test_a_backup_keeps_what_is_shared(data, tmp_path):
    run(data, mailbox, "share", ANN, "Archive", "--with", BOB)
    assert CliRunner().invoke(backup, [str(tmp_path / "a.tar"), "--data", str(data)]).exit_code == 0
    again = tmp_path / "again"
    assert CliRunner().invoke(restore, [str(tmp_path / "a.tar"), "--data", str(again)]).exit_code == 0
    assert run(again, mailbox, "list", ANN).splitlines()[0] == "Archive  bob@example.org  lr"
    assert found_by_bob(again) == [ANN]


def test_verify_finds_what_nobody_finds(data):
    run(data, mailbox, "share", ANN, "Archive", "--with", BOB)
    database = open_database(data / "directory.db")
    database.write(lambda w: share.remove(w, 1, 2))
    database.close()
    done = call(data, verify)
    assert done.exit_code == 1
    assert "ann@example.org: Not everybody finds what is shared." in done.output
    assert "(mended)" in run(data, verify, "--repair")
    assert found_by_bob(data) == [ANN]
    assert run(data, verify) == "Everything is as it should be.\n"
