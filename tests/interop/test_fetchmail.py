"""fetchmail against our POP3 server."""

import pytest

from tests.fakes.pop3_house import ADDRESS, PASSWORD, message, open_house
from tests.interop.foreign import outcome, own_folder, run

pytestmark = pytest.mark.interop

NO_MAIL = 1
"""fetchmail's exit code when there was nothing to fetch."""


async def fetch(house, folder, *, options="keep", server="", tls='sslproto ""'):
    control = folder / "fetchmailrc"
    port = (house.secure if tls.startswith("ssl ") else house.listener).port
    control.write_text(
        f'poll 127.0.0.1 service {port} protocol pop3 {server} user "{ADDRESS}" password "{PASSWORD}" {options}\n'
        f'  {tls} mda "/bin/cat >> {folder}/mbox"\n'
    )
    control.chmod(0o600)
    return await outcome(
        folder, "fetchmail", "-f", str(control), "--nosyslog", "--pidfile", f"{folder}/pid", "--idfile", f"{folder}/ids"
    )


@pytest.mark.parametrize(
    "tls", ['sslproto ""', "sslproto TLS1.2+ no sslcertck", "ssl no sslcertck"], ids=["plain", "stls", "implicit"]
)
async def test_fetch_and_delete(tmp_path, tls):
    async with open_house(tmp_path) as house:
        await house.fill(message(1), message(2))
        with own_folder() as folder:
            assert (await fetch(house, folder, options="fetchall nokeep", tls=tls))[0] == 0
            mbox = (folder / "mbox").read_bytes().replace(b"\r\n", b"\n")
        for n in (1, 2):
            assert message(n).partition(b"\r\n\r\n")[2].replace(b"\r\n", b"\n") in mbox
        assert await house.uids() == []


async def test_uidl_keeps_mail_from_being_fetched_twice(tmp_path):
    async with open_house(tmp_path) as house:
        await house.fill(message(1), message(2))
        with own_folder() as folder:
            assert (await fetch(house, folder, server="uidl"))[0] == 0
            await house.fill(message(3))
            assert (await fetch(house, folder, server="uidl"))[0] == 0
            assert (await fetch(house, folder, server="uidl"))[0] == NO_MAIL
            mbox = (folder / "mbox").read_bytes()
        assert [mbox.count(b"Subject: message %d" % n) for n in (1, 2, 3)] == [1, 1, 1]
        assert len(await house.uids()) == 3


async def test_a_hundred(tmp_path):
    async with open_house(tmp_path) as house:
        await house.fill(*(message(n) for n in range(1, 101)))
        with own_folder() as folder:
            assert (await fetch(house, folder, options="fetchall nokeep"))[0] == 0
        assert await house.uids() == []


async def test_is_known(tmp_path):
    """The test drives the program it thinks it drives."""
    with own_folder() as folder:
        assert "fetchmail release" in await run(folder, "sh", "-c", "fetchmail --version || true")
