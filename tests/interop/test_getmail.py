"""getmail6 against our POP3 server."""

import pytest

from tests.fakes.pop3_house import ADDRESS, PASSWORD, message, open_house
from tests.interop.foreign import own_folder, run

pytestmark = pytest.mark.interop


async def fetch(house, folder, *, delete=False, kind="SimplePOP3Retriever"):
    for name in ("cur", "new", "tmp"):
        (folder / "mail" / name).mkdir(parents=True, exist_ok=True)
    port = (house.secure if "SSL" in kind else house.listener).port
    control = folder / "getmailrc"
    control.write_text(
        f"[retriever]\ntype = {kind}\nserver = 127.0.0.1\nport = {port}\nusername = {ADDRESS}\npassword = {PASSWORD}\n"
        f"[destination]\ntype = Maildir\npath = {folder}/mail/\n"
        f"[options]\nread_all = false\ndelete = {str(delete).lower()}\nverbose = 1\ndelivered_to = false\nreceived = false\n"
    )
    await run(folder, "getmail", "--getmaildir", str(folder), "--rcfile", str(control))
    return sorted((path.read_bytes() for path in (folder / "mail" / "new").iterdir()), key=len)


@pytest.mark.parametrize("kind", ["SimplePOP3Retriever", "SimplePOP3SSLRetriever"])
async def test_fetch_twice_and_delete(tmp_path, kind):
    async with open_house(tmp_path) as house:
        await house.fill(message(1), message(2))
        with own_folder() as folder:
            assert len(await fetch(house, folder, kind=kind)) == 2
            await house.fill(message(3, b"a longer body\r\n" * 20))
            found = await fetch(house, folder, kind=kind)
            assert len(found) == 3
            assert found[2].replace(b"\n", b"\r\n").endswith(message(3, b"a longer body\r\n" * 20))
            assert len(await house.uids()) == 3
            await house.fill(message(4))
            assert len(await fetch(house, folder, delete=True, kind=kind)) == 4
            # getmail deletes what it had fetched in earlier runs too.
            assert await house.uids() == []
