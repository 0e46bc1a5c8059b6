"""What an administrator does to an account is heard by the running processes."""

import asyncio

import pytest
from click.testing import CliRunner

from server.accounts import account as accounts
from server.accounts import token as tokens
from server.accounts.directory import open_database
from server.cli.people import account, domain
from server.notify.bus import SIGN_INS, LocalBus

ANN, PASSWORD = "ann@example.org", "correct horse"


def run(folder, group, *arguments, typed=""):
    done = CliRunner().invoke(group, [*arguments, "--data", str(folder)], input=typed)
    assert done.exit_code == 0, done.output
    return done.output


def directory(folder, fn):
    database = open_database(folder / "directory.db")
    try:
        return database.write(fn)
    finally:
        database.close()


@pytest.fixture
def data(tmp_path):
    run(tmp_path, domain, "add", "example.org")
    run(tmp_path, account, "add", ANN, "--password-stdin", typed=f"{PASSWORD}\n")
    return tmp_path


async def heard(data, *command, typed=""):
    """Run a command, and tell whether the word reaches a process that runs."""
    bus, word = LocalBus(data / "run", asyncio.get_running_loop()), asyncio.Event()
    bus.subscribe_topic(SIGN_INS, word.set)
    await asyncio.to_thread(run, data, account, *command, typed=typed)
    async with asyncio.timeout(10):
        await word.wait()
    bus.close()


async def test_an_account_is_switched_off_and_on(data):
    await heard(data, "off", ANN)
    assert directory(data, lambda r: accounts.stored_password(r, ANN)) == (None, None)
    assert "off" in run(data, account, "list")
    await heard(data, "on", ANN)
    assert directory(data, lambda r: accounts.stored_password(r, ANN))[0].address == ANN


async def test_a_new_password_ends_the_sessions(data):
    directory(data, lambda w: tokens.issue(w, 1, kind="web", label="", peer="", lifetime=60))
    await heard(data, "password", ANN, "--password-stdin", typed="another password\n")
    assert directory(data, lambda r: tokens.list_for(r, 1)) == []
