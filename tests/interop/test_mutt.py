"""mutt and neomutt without a screen: they open the mailbox over IMAP, tag, save to another mailbox and quit."""

import pytest

from server.imap.connection import Connection
from tests.fakes.imap_house import PASSWORD, House, message
from tests.interop.foreign import own_folder, run

pytestmark = pytest.mark.interop

CONFIG = """
set imap_user = "ann@example.org"
set imap_pass = "{password}"
set folder = "imap://127.0.0.1:{port}/"
set spoolfile = "+INBOX"
set ssl_starttls = no
set ssl_force_tls = no
set header_cache = ""
set delete = yes
set confirmappend = no
set move = no
set quit = yes
set wait_key = no
set imap_check_subscribed = yes
set imap_deflate = {deflate}
"""


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def mutt(folder, house, keys, *, deflate="no", more="", program="mutt"):
    (folder / "muttrc").write_text(CONFIG.format(password=PASSWORD, port=house.port, deflate=deflate) + more)
    # `script` gives it a terminal; the keys are pushed from its own configuration.
    command = f"TERM=xterm {program} -F {folder}/muttrc -n -e 'push \"{keys}\"'"
    await run(folder, "script", "-qec", command, "/dev/null")


@pytest.mark.parametrize(("program", "deflate"), [("mutt", "no"), ("mutt", "yes"), ("neomutt", "no")])
async def test_save_and_delete(house, monkeypatch, deflate, program):
    """With `imap_deflate` it asks for COMPRESS=DEFLATE (RFC 4978)."""
    compressed, begin = [], Connection.deflate
    monkeypatch.setattr(Connection, "deflate", lambda self: (compressed.append(self), begin(self)))
    for number in range(3):
        house.append(message(f"Letter {number}", message_id=f"<{number}@example.org>"))
    client = await house.signed_in()
    with own_folder() as folder:
        # Save the first to Archive, delete the second, flag the third, and leave.
        await mutt(
            folder,
            house,
            "<first-entry><save-message>=Archive<enter><delete-message><last-entry><flag-message><quit>",
            deflate=deflate,
            program=program,
        )
    assert len(compressed) == (deflate == "yes")
    assert await client.ok("STATUS Archive (MESSAGES)") == [b'* STATUS "Archive" (MESSAGES 1)']
    await client.ok("SELECT INBOX")
    assert await client.ok("SEARCH FLAGGED") == [b"* SEARCH 1"]
    assert (await client.ok("FETCH 1:* (UID FLAGS)")) == [b"* 1 FETCH (UID 3 FLAGS (Old \\Flagged))"]


async def test_it_signs_in_by_scram(house, proofs):
    house.append(message("Letter"))
    client = await house.signed_in()
    with own_folder() as folder:
        await mutt(
            folder,
            house,
            "<first-entry><flag-message><quit>",
            more='set imap_authenticators = "scram-sha-256"\n',
        )
    assert proofs == ["ann@example.org"]
    await client.ok("SELECT INBOX")
    assert await client.ok("SEARCH FLAGGED") == [b"* SEARCH 1"]
