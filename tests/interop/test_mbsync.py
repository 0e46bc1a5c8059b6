"""mbsync (isync): a maildir and our mailboxes kept the same, both ways, twice."""

import pytest

from tests.fakes.imap_house import PASSWORD, House, message
from tests.interop import two_way
from tests.interop.foreign import own_folder, run

pytestmark = pytest.mark.interop

CONFIG = """
IMAPAccount house
Host 127.0.0.1
Port {port}
User ann@example.org
Pass "{password}"
{tls}
AuthMechs {mechanism}

IMAPStore far
Account house

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
"""


@pytest.fixture
async def house(tmp_path):
    running = await House(tmp_path).start(tls=True)
    yield running
    await running.stop()


async def sync(folder, house, *, tls=False, mechanism="PLAIN", seconds=60):
    certificate = folder / "certificate.pem"
    certificate.write_bytes((house.settings.tls_dir / "certificate.pem").read_bytes())
    port = house.tls_port if tls else house.port
    lines = f"SSLType IMAPS\nCertificateFile {certificate}" if tls else "SSLType None"
    (folder / "mbsyncrc").write_text(
        CONFIG.format(port=port, password=PASSWORD, folder=folder, tls=lines, mechanism=mechanism)
    )
    (folder / "mail").mkdir(exist_ok=True)
    await run(folder, "mbsync", "-c", str(folder / "mbsyncrc"), "-a", seconds=seconds)


def maildir(folder, name="INBOX"):
    return sorted(path for kind in ("cur", "new") for path in (folder / "mail" / name / kind).iterdir())


async def test_both_sides_become_the_same(house):
    for number in range(30):
        house.append(
            message(f"Letter {number}", message_id=f"<{number}@example.org>"), flags=("\\Seen",) if number % 2 else ()
        )
    house.append(message("Kept", body="."), "Archive", flags=("\\Flagged",))
    client = await house.signed_in(mailbox="INBOX")
    with own_folder() as folder:
        await sync(folder, house)
        assert len(maildir(folder)) == 30
        assert sum(path.name.endswith(",S") for path in maildir(folder)) == 15
        assert maildir(folder, "Archive")[0].name.endswith(",F")

        # A message written here, one deleted here, one flagged there, one deleted there.
        (folder / "mail" / "INBOX" / "new" / "1.local").write_bytes(message("Written here").replace(b"\r\n", b"\n"))
        doomed, *_ = [path for path in maildir(folder) if b"Subject: Letter 3\n" in path.read_bytes()]
        doomed.rename(doomed.with_name(doomed.name + "T"))
        await client.ok("UID STORE 1 +FLAGS (\\Flagged)")
        await client.ok("UID STORE 2 +FLAGS (\\Deleted)")
        await client.ok("UID EXPUNGE 2")
        await sync(folder, house)

        assert len(maildir(folder)) == 29
        await client.ok("NOOP")
        assert await client.ok('UID SEARCH SUBJECT "Written here"') == [b"* SEARCH 31"]
        assert await client.ok("SEARCH HEADER MESSAGE-ID <3@example.org>") == [b"* SEARCH"]
        subjects = b"".join(path.read_bytes() for path in maildir(folder))
        assert b"Subject: Letter 3\n" not in subjects
        assert b"Subject: Letter 1\n" not in subjects
        assert next(path for path in maildir(folder) if b"Letter 0\n" in path.read_bytes()).name.endswith(",F")


async def test_over_tls_and_with_new_mailboxes(house):
    client = await house.signed_in()
    await client.ok('CREATE "Projects/&U,BTFw-"')
    house.append(message("Hi"), "Projects/台北")
    with own_folder() as folder:
        await sync(folder, house, tls=True)
        names = {path.parent.name for path in (folder / "mail").rglob("cur")}
        assert {"INBOX", "Archive", "Projects"} <= names
        held = [
            path
            for path in (folder / "mail" / "Projects").rglob("*")
            if path.is_file() and path.parent.name in {"cur", "new"}
        ]
        assert [b"Subject: Hi" in path.read_bytes() for path in held] == [True]


@pytest.mark.parametrize("tls", [False, True])
async def test_it_signs_in_by_scram(house, proofs, tls):
    """By libsasl2, the library of Cyrus."""
    house.append(message("Hi"))
    with own_folder() as folder:
        await sync(folder, house, tls=tls, mechanism="SCRAM-SHA-256")
        assert len(maildir(folder)) == 1
    assert proofs == ["ann@example.org"]


@pytest.mark.timeout(3 * two_way.SECONDS)
async def test_a_large_mailbox_both_ways(house):
    with own_folder() as one, own_folder() as another:

        async def synchronise(inbox):
            await sync(inbox.parents[1], house, seconds=two_way.SECONDS)

        await two_way.both_ways(house, synchronise, one / "mail/INBOX", another / "mail/INBOX")
