"""s-nail, the mail of a command line: lists, reads, deletes and copies over IMAP from standard input."""

import pytest

from tests.fakes.imap_house import PASSWORD, House, message
from tests.interop.foreign import outcome, own_folder

pytestmark = pytest.mark.interop


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def test_list_read_copy_delete(house):
    for number in range(1, 4):
        house.append(message(f"Letter {number}", f"Words of letter {number}.\r\n"))
    with own_folder() as folder:
        address = f"imap://ann%40example.org:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{house.port}/INBOX"
        commands = b"headers\nprint 2\ncopy 1 @Archive\ndelete 3\nquit\n"
        options = ("-Sv15-compat=yes", "-Simap-auth=login", "-Sfolder=" + address)
        code, said = await outcome(folder, "s-nail", "-:/", "-#", *options, "-f", address, said=commands)
    assert code == 0, said
    assert "Letter 3" in said
    assert "Words of letter 2." in said
    client = await house.signed_in(mailbox="INBOX")
    assert await client.ok("SEARCH ALL") == [b"* SEARCH 1 2"]
