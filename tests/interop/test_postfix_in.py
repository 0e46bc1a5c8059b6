"""A real Postfix relays to us: what it was given arrives with the same octets, whatever it negotiates on the way."""

import asyncio
import contextlib
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from tests.fakes.mail_house import MailHouse

pytestmark = pytest.mark.interop

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = relay.far.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
relayhost = [127.0.0.1]:{ours}
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_tls_security_level = {tls}
smtp_host_lookup = native
smtp_line_length_limit = 0
smtputf8_enable = yes
message_size_limit = 60000000
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
MASTER = """
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    """An instance of its own; the machine's configuration is neither read nor touched."""

    def __init__(self, ours, tls="may"):
        # Its daemons give up root and must still reach this folder, so it cannot lie in pytest's.
        self.folder = Path(tempfile.mkdtemp(prefix="posthouse-postfix-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        for name in ("conf", "spool", "data"):
            (self.folder / name).mkdir(mode=0o755)
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        values = {"folder": self.folder, "ours": ours, "tls": tls, "port": self.port}
        (self.folder / "conf/main.cf").write_text(MAIN.format(**values))
        (self.folder / "conf/master.cf").write_text(MASTER.format(**values))
        self.run("start")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                if s.recv(4) == b"220 ":
                    return
            time.sleep(0.05)
        raise RuntimeError(self.log())

    def run(self, command):
        subprocess.run(["/usr/sbin/postfix", "-c", str(self.folder / "conf"), command], check=True, capture_output=True)

    def log(self):
        with contextlib.suppress(OSError):
            return (self.folder / "log").read_text()
        return ""

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
async def house(tmp_path):
    made = MailHouse(tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture(params=["none", "encrypt"])
async def postfix(house, request):
    made = await asyncio.to_thread(Postfix, house.ports.smtp, request.param)
    yield made
    await asyncio.to_thread(made.close)


BODIES = {
    "plain": b"Hello\r\n",
    "dots": b".\r\n..\r\n.a\r\n\r\n.\r\n",
    "eight-bit": "Grüße aus 北京\r\n".encode(),
    "long line": b"x" * 990 + b"\r\n",
    "blanks": b" \r\n\t\r\n\r\n\r\ntrailing \r\n",
    "large": b"".join(b"line %07d of a large message\r\n" % n for n in range(70_000)),
    "empty": b"",
}


def message(number, body):
    return (
        b"From: x@far.test\r\nTo: anna@ours.test\r\nSubject: %d\r\nMessage-ID: <%d@far.test>\r\n\r\n" % (number, number)
        + body
    )


def give(port, *messages, recipients=("anna@ours.test",)):
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("sender.test")
        for one in messages:
            client.sendmail("x@far.test", recipients, one, mail_options=["BODY=8BITMIME"])


async def arrive(house, postfix, count, name="anna"):
    for _ in range(600):
        if len(house.rows(name)) >= count:
            return house.mail(name)
        await asyncio.sleep(0.05)
    raise AssertionError(postfix.log())


async def test_every_body_arrives_as_it_was(house, postfix):
    sent = [message(n, body) for n, body in enumerate(BODIES.values())]
    await asyncio.to_thread(give, postfix.port, *sent)
    there = await arrive(house, postfix, len(sent))
    bodies = {o.partition(b"\r\nSubject: ")[2][:1]: o.partition(b"\r\n\r\n")[2] for o in there}
    for number, (name, body) in enumerate(BODIES.items()):
        assert bodies[b"%d" % number] == body, name
    protocol = b"ESMTPS" if "encrypt" in (postfix.folder / "conf/main.cf").read_text() else b"ESMTP"
    for octets in there:
        assert octets.startswith(b"Return-Path: <x@far.test>\r\nReceived: from relay.far.test ([127.0.0.1])")
        assert octets.count(b"by mx.ours.test with %s " % protocol) == 1


async def test_several_recipients_and_one_unknown(house, postfix):
    await asyncio.to_thread(
        give, postfix.port, message(1, b"x\r\n"), recipients=("anna@ours.test", "no@ours.test", "ben@ours.test")
    )
    await arrive(house, postfix, 1)
    await arrive(house, postfix, 1, "ben")
    for _ in range(200):
        if "status=bounced" in postfix.log():
            break
        await asyncio.sleep(0.05)
    bounced = [line for line in postfix.log().splitlines() if "status=bounced" in line]
    assert any("to=<no@ours.test>" in line and "dsn=5.1.1" in line for line in bounced)
    assert len(house.rows("anna")) == len(house.rows("ben")) == 1
