"""gsasl: GNU's SASL library, which mutt and others sign in by, against IMAP and submission."""

import pytest

from server.accounts import app_password
from tests.fakes.doors import ANN, PASSWORD, open_doors
from tests.interop.foreign import outcome, own_folder

pytestmark = pytest.mark.interop


@pytest.fixture
async def house(tmp_path):
    async with open_doors(tmp_path) as found:
        yield found


async def gsasl(house, door, password, *more):
    """Sign in and leave; returns whether it trusts the server and what it said."""
    kind = {"imap": "--imap", "submission": "--smtp"}[door]
    where = f"--connect=127.0.0.1:{house.port(door)}"
    with own_folder() as folder:
        code, said = await outcome(folder, "gsasl", kind, where, "--no-starttls", "-a", ANN, "-p", password, *more)
    return code == 0 and "server trusted" in said, said


@pytest.mark.parametrize("door", ["imap", "submission"])
async def test_scram_is_what_it_chooses(house, door):
    trusted, said = await gsasl(house, door, PASSWORD)
    assert trusted, said
    assert "SCRAM-SHA-256" in said and PASSWORD not in said


@pytest.mark.parametrize("door", ["imap", "submission"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
async def test_right_and_wrong(house, door, mechanism):
    secret = house.directory.write_now(lambda w: app_password.make(w, house.ann.id, "gsasl", peer=""))
    for password, right in ((PASSWORD, True), (secret, True), ("wrong", False)):
        code, said = await gsasl(house, door, password, f"--mechanism={mechanism}")
        assert code is right, said
