"""A private Debian Postfix as the mail server of another house: it takes mail for its people and relays to ours."""

import contextlib
import email
import email.policy
import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

DOMAIN = "remote.example"
PATIENCE = 40
OWNER = 65534
MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 60000000
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = inline:{{ {{ bob@{domain} = bob/ }} }}
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
transport_maps = inline:{{ {{ {theirs} = smtp:[127.0.0.1]:{port_of_theirs} }} }}
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_reject_unlisted_recipient = yes
smtp_tls_security_level = may
smtp_host_lookup = native
smtputf8_enable = yes
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
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
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class Neighbour:
    """bob@remote.example lives there; mail for `theirs` goes to a port of this machine."""

    def __init__(self) -> None:
        # Its daemons give up root and must still reach this folder, so it cannot lie in pytest's.
        self.folder = Path(tempfile.mkdtemp(prefix="posthouse-neighbour-"))
        self.folder.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]

    def start(self, theirs: str, port_of_theirs: int) -> None:
        for name in ("conf", "spool", "data", "mail"):
            (self.folder / name).mkdir(mode=0o755, exist_ok=True)
        os.chown(self.folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        os.chown(self.folder / "mail", OWNER, OWNER)
        values = {
            "folder": self.folder,
            "port": self.port,
            "domain": DOMAIN,
            "owner": OWNER,
            "theirs": theirs,
            "port_of_theirs": port_of_theirs,
        }
        (self.folder / "conf/main.cf").write_text(MAIN.format(**values))
        (self.folder / "conf/master.cf").write_text(MASTER.format(**values))
        self._control("start")
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as line:
                if line.recv(4) == b"220 ":
                    return
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def _control(self, verb: str) -> None:
        done = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "conf"), verb], capture_output=True, timeout=60
        )
        assert done.returncode == 0, (done.stderr, self.log())

    def stop(self) -> None:
        self._control("stop")

    def remove(self) -> None:
        with contextlib.suppress(AssertionError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def send(self, sender: str, to: str, raw: bytes) -> None:
        """What a person of that house does with a mail program."""
        with smtplib.SMTP("127.0.0.1", self.port) as client:
            client.sendmail(sender, [to], raw)

    def mail(self, name: str = "bob") -> list[EmailMessage]:
        """What was filed for somebody, oldest first."""
        folder = self.folder / "mail" / name / "new"
        found = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.is_dir() else []
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in found]
