"""Our queue against a private Postfix: what it takes, what it refuses, and what it finally keeps."""

import asyncio
import os
import shutil
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.mail import dsn
from server.net.tls import self_signed
from server.queue.remote import RemoteTransport
from tests.fakes.post_room import open_post
from tests.interop.foreign import own_folder

pytestmark = pytest.mark.interop

NOBODY = 65534
MAIN = """
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
myhostname = mx.remote.test
mydestination =
mynetworks = 192.0.2.0/24
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
message_size_limit = 200000
virtual_mailbox_limit = 0
mailbox_size_limit = 0
virtual_mailbox_domains = remote.test
virtual_mailbox_maps = inline:{{ {{ bob@remote.test = bob/ }}, {{ carl@remote.test = carl/ }}, {{ jürgen@remote.test = j/ }} }}
virtual_mailbox_base = {dir}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ later@remote.test = 450 4.7.1 come back later }} }},
  reject_unauth_destination
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {dir}/etc/cert.pem
smtpd_tls_key_file = {dir}/etc/key.pem
smtpd_tls_loglevel = 1
smtputf8_enable = yes
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
pickup    unix n - n 60 1 pickup
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
flush     unix n - n 1000? 0 flush
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
showq     unix n - n - - showq
error     unix - - n - - error
retry     unix - - n - - error
discard   unix - - n - - discard
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self) -> None:
        for name in ("etc", "queue", "data", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        os.chown(self.folder / "mail", NOBODY, NOBODY)
        certificate, key = self_signed("mx.remote.test", datetime.now(UTC))
        (self.folder / "etc" / "cert.pem").write_bytes(certificate)
        (self.folder / "etc" / "key.pem").write_bytes(key)
        (self.folder / "etc" / "main.cf").write_text(MAIN.format(dir=self.folder, owner=NOBODY))
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(port=self.port))
        self._control("start")

    def stop(self) -> None:
        self._control("stop")

    def _control(self, verb: str) -> None:
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "etc"), verb], capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, (done.stderr, self.log())

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    async def mail(self, name: str, count: int) -> list[bytes]:
        """The messages that were filed for somebody, once there are `count`; without what Postfix put in front."""
        folder = self.folder / "mail" / name / "new"
        try:
            async with asyncio.timeout(20):
                while not folder.is_dir() or len(list(folder.iterdir())) < count:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(self.log()) from None
        return [path.read_bytes() for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def postfix():
    with own_folder() as folder:
        server = Postfix(folder)
        server.start()
        yield server
        server.stop()


@pytest.fixture
def post(tmp_path, postfix):
    with open_post(tmp_path, routes={"remote.test": f"127.0.0.1:{postfix.port}"}) as found:
        found.remote = RemoteTransport(found.settings, found.resolver, "mail.example.org")
        yield found


def raw(unique: str, body: bytes) -> bytes:
    """A message that lacks nothing, so that Postfix adds nothing (it would add a Date)."""
    return b"From: anna@example.org\r\nTo: bob@remote.test\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\nSubject: %b\r\nMessage-ID: <%b@example.org>\r\n\r\n%b" % (
        unique.encode(), unique.encode(), body,
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [b"hello\r\n", b".\r\n..\r\n.dot\r\n\r\n.\r\n", "grüße\r\n".encode(), b"x" * 900 + b"\r\n" + b"end\r\n", b"line\r\n" * 20_000],
    ids=["plain", "dots", "8bit", "long-line", "120kB"],
)  # fmt: skip
async def test_octets_arrive_as_they_were(postfix, post, body, request):
    before = len(list((postfix.folder / "mail" / "carl" / "new").glob("*")))
    sent = raw(f"octets-{request.node.callspec.id}", body)
    await post.submit(sent, recipients=("carl@remote.test",))
    await post.worker().run_once()
    assert await post.entries() == []
    found = [m for m in await postfix.mail("carl", before + 1) if m.endswith(sent.replace(b"\r\n", b"\n"))]
    assert len(found) == 1
    assert b"Return-Path: <anna@example.org>" in found[0]
    # Opportunistic TLS was used, and Postfix says so.
    assert b"with ESMTPS" in found[0]


async def test_each_recipient_has_its_own_end(postfix, post):
    await post.submit(
        raw("mixed", b"hello\r\n"), recipients=("bob@remote.test", "nobody@remote.test", "later@remote.test")
    )
    await post.worker().run_once()
    assert len(await postfix.mail("bob", 1)) == 1
    entries = {e.recipient: e for e in await post.entries() if not e.under_way and e.attempts and e.state == "queued"}
    assert set(entries) == {"later@remote.test"}
    assert entries["later@remote.test"].last_reply.startswith("450 4.7.1")
    report = dsn.parse(post.local.jobs[0].raw)
    assert [(r.address, r.status) for r in report.recipients] == [("nobody@remote.test", "5.1.1")]


async def test_too_large_is_known_before_it_is_sent(post):
    await post.submit(raw("large", b"x" * 60 + b"\r\n" * 200_000))
    await post.worker().run_once()
    assert [r.status for r in dsn.parse(post.local.jobs[0].raw).recipients] == ["5.3.4"]


async def test_a_foreign_domain_is_refused(post, postfix):
    post.settings.routes["elsewhere.test"] = f"127.0.0.1:{postfix.port}"
    await post.submit(raw("relay", b"x\r\n"), recipients=("eve@elsewhere.test",))
    await post.worker().run_once()
    report = dsn.parse(post.local.jobs[0].raw)
    assert [(r.address, r.status) for r in report.recipients] == [("eve@elsewhere.test", "5.7.1")]


async def test_utf8_address(postfix, post):
    await post.submit(raw("utf8", b"x\r\n"), recipients=("jürgen@remote.test",))
    await post.worker().run_once()
    assert len(await postfix.mail("j", 1)) == 1


async def test_fifty_messages(postfix, post):
    bodies = [raw(f"many-{n}", b"hello\r\n") for n in range(50)]
    for one in bodies:
        await post.submit(one)
    await post.worker().run_once()
    assert await post.entries() == []
    found = b"".join(await postfix.mail("bob", 51))
    assert all(found.count(b"Subject: many-%d\n" % n) == 1 for n in range(50))
