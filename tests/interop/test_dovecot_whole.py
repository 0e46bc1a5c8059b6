"""Debian's Dovecot as somebody's provider elsewhere, collected by the whole product: from the command line, running and stopped."""

import imaplib
import os
import time

import pytest

from tests.fakes.dovecot import NAME, PASSWORD, dovecot
from tests.fakes.pop3_server import letters
from tests.installation import Installation

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]
IRIS, OWN = "iris@lin.example", "long enough for all"
COUNT = 60


@pytest.fixture(scope="module")
def provider():
    with dovecot() as running:
        yield running


@pytest.fixture(scope="module")
def house(tmp_path_factory, provider):
    """Started by the test that needs it; it trusts the provider's certificate as the system's own list would make it do."""
    installation = Installation(
        tmp_path_factory.mktemp("house") / "data",
        SSL_CERT_FILE=os.fspath(provider.authority.path),
        POSTHOUSE_SOURCE_INTERVAL="30",
    )
    installation.add_account(IRIS, OWN)
    yield installation
    installation.__exit__()


def inbox(house, mailbox="INBOX"):
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login(IRIS, OWN)
        status, count = client.select(f'"{mailbox}"', readonly=True)
        if status != "OK" or not int(count[0]):
            return []
        return [one[1] for one in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(one, tuple)]


def bodies(stored):
    """Without what delivery wrote in front."""
    return sorted(raw[raw.index(b"Received: from a by b;") :] for raw in stored)


def add(house, provider, user, *more, tls="implicit", password=PASSWORD):
    port = provider.tls_port if tls == "implicit" else provider.port
    line = (
        "source",
        "add",
        IRIS,
        "--host",
        NAME,
        "--port",
        str(port),
        "--tls",
        tls,
        "--username",
        user,
        "--password-stdin",
        *more,
    )
    return house.command(*line, input=password + "\n")


def fetch(house, *, check=True):
    return house.command("source", "fetch", IRIS, check=check)


def line_of(house, user):
    return next(line for line in house.command("source", "list", IRIS).stdout.splitlines() if f"  {user} at " in line)


def wait_for(ask, why):
    deadline = time.monotonic() + 60
    while not (found := ask()):
        assert time.monotonic() < deadline, why()
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def running(house):
    """From the first test on that asks for it."""
    return house if house.process else house.start()


def refuses(house, provider):
    provider.put("refused", [])
    add(house, provider, "refused", password="not this one")
    said = fetch(house, check=False)
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert "not this one" not in said.stdout + said.stderr
    line = line_of(house, "refused")
    assert "sign-in" in line
    house.command("source", "remove", IRIS, line.split()[0])


def test_stopped_what_the_provider_refuses_is_told_in_words(house, provider):
    refuses(house, provider)


def test_stopped_a_certificate_that_nobody_vouches_for_is_refused(house, provider):
    provider.put("stranger", letters(1, start=5_000))
    add(house, provider, "stranger", "--mailbox", "Strangers")
    trusted = house.environ.pop("SSL_CERT_FILE")
    try:
        said = fetch(house, check=False)
    finally:
        house.environ["SSL_CERT_FILE"] = trusted
    assert said.returncode == 1
    assert "certificate" in (said.stdout + said.stderr).lower()
    assert provider.left("stranger") == 1
    assert "1 collected" in fetch(house).stdout


def test_stopped_and_then_running_it_is_collected_once(house, provider):
    raws = letters(COUNT, size=3_000)
    provider.put("resting", raws)
    said = add(house, provider, "resting", "--leave").stdout
    assert "resting at localhost is collected into iris@lin.example" in said
    assert f"resting: {COUNT} collected" in fetch(house).stdout.replace("@localhost", "")
    assert provider.left("resting") == COUNT
    assert f"{COUNT} collected" in line_of(house, "resting")
    more = letters(7, start=1_000)
    provider.put("resting", more, start=1_000)
    house.start()
    fetch(house)
    wait_for(lambda: len(inbox(house)) == COUNT + 7, house.output)
    assert bodies(inbox(house)) == sorted(raws + more)
    assert provider.left("resting") == COUNT + 7


def test_running_a_new_account_is_collected_by_itself_and_emptied_there(running, provider):
    raws = letters(COUNT, start=2_000, size=3_000)
    provider.put("moving", raws, start=2_000)
    add(running, provider, "moving", "--mailbox", "Elsewhere", tls="starttls")
    wait_for(lambda: len(inbox(running, "Elsewhere")) == COUNT and provider.left("moving") == 0, running.output)
    assert bodies(inbox(running, "Elsewhere")) == sorted(raws)
    wait_for(lambda: "  ok  " in line_of(running, "moving"), running.output)


def test_running_both_hands_at_once_take_nothing_twice(running, provider):
    raws = letters(COUNT, start=3_000, size=3_000)
    provider.put("twice", raws, start=3_000)
    add(running, provider, "twice", "--mailbox", "Twice", "--leave", tls="none")
    fetch(running, check=False)  # the worker may be at it: then it says so
    wait_for(lambda: len(inbox(running, "Twice")) >= COUNT and "  ok  " in line_of(running, "twice"), running.output)
    assert bodies(inbox(running, "Twice")) == sorted(raws)


def test_running_what_the_provider_refuses_is_told_in_words(running, provider):
    refuses(running, provider)
    assert running.stop() == 0
    assert "as it should be" in running.command("verify").stdout
