"""What an administrator does to an account is heard by the running processes."""

import asyncio

import pytest
from click.testing import CliRunner

from server.accounts import account as accounts
from server.accounts import app_password, remembered_device, second_factor, security_event
from server.accounts import token as tokens
from server.accounts.directory import open_database
from server.cli.people import account, domain
from server.notify.bus import SIGN_INS, LocalBus
from server.seal import Keyring

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
    directory(data, lambda w: remembered_device.remember(w, 1, label="", peer=""))
    await heard(data, "password", ANN, "--password-stdin", typed="another password\n")
    assert directory(data, lambda r: tokens.list_for(r, 1)) == []
    assert directory(data, lambda r: remembered_device.list_for(r, 1)) == []


async def test_a_second_factor_is_turned_off_for_who_lost_everything(data):
    ring = Keyring(data / "secret.key")
    directory(data, lambda w: second_factor.turn_on(w, ring, 1, b"k" * 20, step=0, peer=""))
    directory(data, lambda w: tokens.issue(w, 1, kind="web", label="", peer="", lifetime=60))
    directory(data, lambda w: app_password.make(w, 1, "lost phone", peer=""))
    directory(data, lambda w: remembered_device.remember(w, 1, label="", peer=""))
    await heard(data, "second-factor-off", ANN)
    assert not directory(data, lambda r: second_factor.is_on(r, 1))
    assert directory(data, lambda r: tokens.list_for(r, 1)) == []
    assert directory(data, lambda r: remembered_device.list_for(r, 1)) == []
    event = directory(data, lambda r: security_event.recent(r, 1))[0]
    assert event.kind is security_event.Kind.FACTOR_OFF_BY_ADMINISTRATOR
    assert "no second factor" in run(data, account, "second-factor-off", ANN)
