"""offlineimap: a Maildir and our mailbox kept the same, both ways."""

import pytest

from tests.fakes.imap_house import PASSWORD, House
from tests.interop import two_way
from tests.interop.foreign import own_folder, run

pytestmark = [pytest.mark.interop, pytest.mark.timeout(3 * two_way.SECONDS)]

CONFIG = """
[general]
accounts = house
metadata = {folder}/state
[Account house]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = {port}
ssl = no
starttls = no
auth_mechanisms = PLAIN
remoteuser = ann@example.org
remotepass = {password}
folderfilter = lambda name: name == "INBOX"
"""


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start()
    yield running
    await running.stop()


async def test_both_ways(house):
    many = two_way.MANY if two_way.MANY > 1_000 else 250  # it takes its time
    with own_folder() as folder:

        async def synchronise(inbox):
            own = inbox.parents[1]
            own.mkdir(exist_ok=True)
            (own / "rc").write_text(CONFIG.format(folder=own, port=house.port, password=PASSWORD))
            (own / "mail").mkdir(exist_ok=True)
            await run(folder, "offlineimap", "-c", str(own / "rc"), "-o", "-u", "basic", seconds=two_way.SECONDS)

        await two_way.both_ways(house, synchronise, folder / "one/mail/INBOX", folder / "two/mail/INBOX", many=many)
