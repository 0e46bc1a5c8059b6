"""A Dovecot of the test's own as the external provider, by POP3 and IMAP: own folder, own ports, ended with the test."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fetcher.certificates import Authority

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
instance_name = posthouse-test
protocols = pop3 imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{dir}/mail/%u
pop3_lock_session = yes
{more}
passdb {{
  driver = static
  args = password=right-horse
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/mail/%u allow_all_users=yes
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
PASSWORD = "right-horse"
NAME = "localhost"


@dataclass
class Dovecot:
    """Where it listens and where its mail lies."""

    folder: Path
    port: int
    tls_port: int
    imap_port: int
    imap_tls_port: int
    authority: Authority

    def put(self, user: str, raws: list[bytes], *, start: int = 0) -> None:
        """Drop messages into the Maildir, as a delivery agent does."""
        box = self.folder / "mail" / user
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        for number, raw in enumerate(raws, start):
            (box / "new" / f"{1_700_000_000 + number}.M{number}.test").write_bytes(raw.replace(b"\r\n", b"\n"))
        if os.geteuid() == 0:
            for path in (box.parent, box, *box.rglob("*")):
                shutil.chown(path, "nobody", "nogroup")

    def left(self, user: str) -> int:
        box = self.folder / "mail" / user
        return sum(1 for name in ("cur", "new") for _ in (box / name).iterdir())

    def flags(self, user: str) -> set[str]:
        """The flags of the messages that have any."""
        return {path.name.partition(":2,")[2] for path in (self.folder / "mail" / user / "cur").iterdir()} - {""}

    def forget_uids(self, user: str) -> None:
        """Lose the index, as a move to another machine does: UIDVALIDITY and the UIDs are made anew."""
        for pattern in ("dovecot.index*", "dovecot-uidlist"):
            for path in (self.folder / "mail" / user).glob(pattern):
                path.unlink()


@contextlib.contextmanager
def dovecot(more: str = "") -> Iterator[Dovecot]:
    """Run it. Its sockets need a short path that other users can reach, which pytest's folders are not."""
    with tempfile.TemporaryDirectory(prefix="dove") as name:
        folder = Path(name)
        folder.chmod(0o755)
        authority = Authority(folder)
        cert, key = authority.files(NAME)
        root = os.geteuid() == 0
        me = getpass.getuser()
        ports = _free_ports(4)
        config = folder / "dovecot.conf"
        config.write_text(
            CONFIG.format(
                dir=folder,
                cert=cert,
                key=key,
                pop3=ports[0],
                pop3s=ports[1],
                imap=ports[2],
                imaps=ports[3],
                internal="dovecot" if root else me,
                login="dovenull" if root else me,
                group="dovecot" if root else me,
                uid="nobody" if root else os.getuid(),
                gid="nogroup" if root else os.getgid(),
                more=more,
            )
        )
        (folder / "mail").mkdir()
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        program = shutil.which("dovecot", path=path)
        assert program is not None
        process = subprocess.Popen([program, "-F", "-c", str(config)], stdin=subprocess.DEVNULL)
        try:
            _wait(ports[0], process, folder / "log")
            yield Dovecot(folder, *ports, authority)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _wait(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as link:
            link.settimeout(5)
            if link.recv(100).startswith(b"+OK"):
                return
        assert process.poll() is None, log.read_text() if log.exists() else "ended without a word"
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "never ready")
