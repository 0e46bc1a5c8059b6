"""mutt, mbsync and curl on the whole running product: what goes in by one comes out by the others, octet by octet."""

import asyncio
import email
import email.policy
import imaplib
import random
import re

import pytest

from tests.installation import Installation
from tests.interop.foreign import own_folder, run

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]
IRIS, TOM, MAX, PASSWORD = "iris@lin.example", "tom@oak.example", "max@elm.example", "long enough for all"
MANY = 300

MUTTRC = """
set imap_user = "{user}"
set imap_pass = "{password}"
set folder = "imap://127.0.0.1:{imap}/"
set spoolfile = "+INBOX"
set record = "+Sent"
set from = "{user}"
set realname = "Iris Lin"
set smtp_url = "smtp://{user}@127.0.0.1:{submission}/"
set smtp_pass = "{password}"
set smtp_authenticators = "plain"
set ssl_starttls = no
set ssl_force_tls = no
set copy = yes
set delete = yes
set quit = yes
set move = no
set wait_key = no
set confirmappend = no
set send_charset = "utf-8"
set charset = "utf-8"
"""
MBSYNCRC = """
IMAPAccount house
Host 127.0.0.1
Port {imap}
User {user}
Pass "{password}"
SSLType None
AuthMechs PLAIN

IMAPStore far
Account house

MaildirStore near
Path {folder}/{name}/
Inbox {folder}/{name}/INBOX
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


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("house") / "data")
    for address in (IRIS, TOM, MAX):
        installation.add_account(address, PASSWORD)
    with installation:
        yield installation


@pytest.fixture
def folder():
    with own_folder() as made:
        yield made


def raw_of(house, who, mailbox="INBOX"):
    """What is stored, oldest first."""
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login(who, PASSWORD)
        count = int(client.select(mailbox, readonly=True)[1][0])
        return [one[1] for one in client.fetch("1:*", "(BODY.PEEK[])")[1] if isinstance(one, tuple)] if count else []


async def arrived(house, who, words):
    """The letter with these words, once it is there."""
    for _ in range(300):
        if found := [raw for raw in raw_of(house, who) if words in raw]:
            assert len(found) == 1
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(house.output().decode())


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


async def mutt(folder, house, command, **files):
    values = {"user": IRIS, "password": PASSWORD, "imap": house.ports.imap, "submission": house.ports.submission}
    (folder / "muttrc").write_text(MUTTRC.format(**values))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return await run(folder, "script", "-qec", f"TERM=xterm mutt -n -F {folder}/muttrc {command}", "/dev/null")


async def test_mutt_sends_and_the_other_side_answers(house, folder):
    data = bytes(range(256)) * 40
    await mutt(
        folder,
        house,
        f"-s 'Grüße 北' -a {folder}/data -- {TOM} < {folder}/text",
        text=b"Hallo Tom\n.\n.. dots\n",
        data=data,
    )
    got = parsed(await arrived(house, TOM, b"Hallo Tom"))
    assert (got["From"], got["To"], got["Subject"]) == ("Iris Lin <iris@lin.example>", TOM, "Grüße 北")
    text, file = list(got.iter_parts())
    assert text.get_content().replace("\r\n", "\n") == "Hallo Tom\n.\n.. dots\n"
    assert file.get_payload(decode=True) == data
    (kept,) = raw_of(house, IRIS, "Sent")
    assert parsed(kept)["Message-ID"] == got["Message-ID"]

    (folder / "reply.eml").write_bytes(
        b"From: tom@oak.example\r\nTo: iris@lin.example\r\nSubject: Re: seen by mutt\r\nIn-Reply-To: %b\r\n\r\nanswer\r\n"
        % got["Message-ID"].encode()
    )
    await run(
        folder,
        *curl(house, "smtp", house.ports.smtp),
        "--mail-from",
        TOM,
        "--mail-rcpt",
        IRIS,
        "-T",
        str(folder / "reply.eml"),
    )
    await arrived(house, IRIS, b"seen by mutt")
    # It opens the inbox, pipes the letter out, saves it to another mailbox, and leaves.
    keys = f"<first-entry><pipe-message>cat > {folder}/seen<enter><save-message>=Archive<enter><quit>"
    screen = await mutt(folder, house, f"-f imap://127.0.0.1:{house.ports.imap}/INBOX -e 'push \"{keys}\"'")
    assert "Re: seen by mutt" in screen
    assert (folder / "seen").read_bytes().endswith(b"\nanswer\n")
    assert raw_of(house, IRIS) == []
    assert b"Subject: Re: seen by mutt" in raw_of(house, IRIS, "Archive")[-1]


def letters():
    """Many kinds of octets, each message unlike the others. The same every time."""
    chance = random.Random(7)
    for number in range(MANY):
        body = (
            b"".join(b"line %d\n" % n for n in range(chance.randrange(60))),
            "Größe 计划 🦆\n".encode() * chance.randrange(1, 30),
            b".\n..\n.dot\n\n\n" * chance.randrange(1, 5),
            b"x" * chance.randrange(1, 990) + b"\n",
            bytes(chance.choice(b"\t abcdefgh\xe4\xf6\xfc=") for _ in range(chance.randrange(500))) + b"\n",
            b"From the start\n>From quoted\n",
            b"no end",
        )[number % 7]
        head = f"From: a{number}@far.example\nTo: max@elm.example\nSubject: Letter {number:03d}\nMessage-ID: <{number}@far.example>\nX-Empty:\nX-Long: {'y' * (number % 400)}\n"
        yield head.encode() + b"\n" + body


async def mbsync(folder, house, name):
    (folder / "mbsyncrc").write_text(
        MBSYNCRC.format(imap=house.ports.imap, user=MAX, password=PASSWORD, folder=folder, name=name)
    )
    (folder / name).mkdir(exist_ok=True)
    await run(folder, "mbsync", "-c", str(folder / "mbsyncrc"), "-a", seconds=120)


def own_field_aside(raw):
    """Without the field by which mbsync knows what it copied again."""
    return re.sub(rb"^X-TUID: .*\n", b"", raw, count=1, flags=re.MULTILINE)


def maildir(folder, name, mailbox="INBOX"):
    return sorted(
        own_field_aside(path.read_bytes())
        for kind in ("cur", "new")
        for path in (folder / name / mailbox / kind).iterdir()
    )


def far(house, mailbox="INBOX"):
    return sorted(own_field_aside(raw.replace(b"\r\n", b"\n")) for raw in raw_of(house, MAX, mailbox))


async def test_mbsync_keeps_both_sides_the_same_octets(house, folder, tmp_path):
    given = list(letters())
    for kind in ("cur", "new", "tmp"):
        (tmp_path / kind).mkdir()
    for number, raw in enumerate(given):
        (tmp_path / "cur" / f"{number:03d}:2,S").write_bytes(raw)
    said = house.command("message", "import", MAX, str(tmp_path)).stdout
    assert f"{MANY} messages imported" in said
    await mbsync(folder, house, "one")
    assert maildir(folder, "one") == sorted(given)

    # Thirty written here, thirty removed here, thirty removed there, thirty moved to a mailbox that is new there.
    written = [raw.replace(b"Subject: Letter", b"Subject: Written") for raw in given[:30]]
    for number, raw in enumerate(written):
        (folder / "one" / "INBOX" / "new" / f"{number}.local").write_bytes(raw)
    by_subject = {
        int(re.search(rb"Letter (\d+)", path.read_bytes())[1]): path
        for path in (folder / "one" / "INBOX" / "cur").iterdir()
    }
    for kind in ("cur", "new", "tmp"):
        (folder / "one" / "Größe" / kind).mkdir(parents=True)
    for number in range(30):
        by_subject[number].unlink()
        by_subject[30 + number].rename(folder / "one" / "Größe" / "new" / f"{number}.moved")
    with imaplib.IMAP4("127.0.0.1", house.ports.imap) as client:
        client.login(MAX, PASSWORD)
        client.select("INBOX")
        for number in range(60, 90):
            (found,) = client.search(None, "SUBJECT", f'"Letter {number:03d}"')[1]
            client.store(found, "+FLAGS", "(\\Deleted)")
        client.expunge()
    await mbsync(folder, house, "one")
    assert maildir(folder, "one") == far(house) == sorted(written + given[90:])
    assert maildir(folder, "one", "Größe") == far(house, "Gr&APYA3w-e") == sorted(given[30:60])

    await mbsync(folder, house, "two")
    assert maildir(folder, "two") == maildir(folder, "one")
    before = {
        path: path.stat().st_mtime_ns
        for path in (folder / "one").rglob("*")
        if path.is_file() and path.parent.name in ("cur", "new")
    }
    await mbsync(folder, house, "one")
    assert before == {path: path.stat().st_mtime_ns for path in before}, "a third time there is nothing to do"
    assert "as it should be" in house.command("verify").stdout


def curl(house, scheme, port, path=""):
    certificate = house.data / "tls" / "certificate.pem"
    trust = ["--cacert", str(certificate)] if certificate.stat().st_mode & 0o004 else ["-k"]
    return ["curl", "-sS", "--max-time", "30", *trust, f"{scheme}://127.0.0.1:{port}/{path}"]


@pytest.mark.parametrize(
    ("scheme", "port", "more"),
    [("smtp", "submission", ["--ssl-reqd"]), ("smtps", "submissions", []), ("smtp", "submission", ["--login-options", "AUTH=LOGIN"])],
)  # fmt: skip
async def test_curl_sends_and_collects(house, folder, scheme, port, more):
    ports = house.ports
    unique = f"{port} {' '.join(more)}".strip()
    body = b".leading\r\n..two\r\n" + "Größe\r\n".encode() * 500 + b"x" * 900 + b"\r\n"
    raw = (
        b"From: iris@lin.example\r\nTo: tom@oak.example\r\nSubject: %b\r\nMessage-ID: <%b@lin.example>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\n"
        % (unique.encode(), unique.encode().hex().encode())
        + body
    )
    (folder / "sent.eml").write_bytes(raw)
    login = ["-u", f"{IRIS}:{PASSWORD}"]
    await run(
        folder,
        *curl(house, scheme, getattr(ports, port)),
        *login,
        *more,
        "--mail-from",
        IRIS,
        "--mail-rcpt",
        TOM,
        "-T",
        str(folder / "sent.eml"),
    )
    login = ["-u", f"{TOM}:{PASSWORD}"]
    await arrived(house, TOM, b"Subject: %b\r\n" % unique.encode())
    listing = await run(folder, *curl(house, "pop3", ports.pop3), *login)
    number = listing.split()[-2]
    await run(folder, *curl(house, "pop3s", ports.pop3s, number), *login, "-o", str(folder / "pop.eml"))
    got = (folder / "pop.eml").read_bytes()
    assert got.endswith(raw)
    assert got.startswith(b"Return-Path: <iris@lin.example>\r\n")
    await run(
        folder, *curl(house, "imaps", ports.imaps, f"INBOX;MAILINDEX={number}"), *login, "-o", str(folder / "imap.eml")
    )
    assert (folder / "imap.eml").read_bytes() == got
    assert f"* SEARCH {number}" in await run(
        folder, *curl(house, "imap", ports.imap, f"INBOX?SUBJECT%20%22{unique.replace(' ', '%20')}%22"), *login
    )
