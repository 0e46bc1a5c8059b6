"""EIO at every single step of taking a message: what is answered with OK is there, what is refused is not, and nothing is left in between."""

import errno
import os
import random
import sqlite3

import pytest

from server.db.transaction import Writer
from server.store.verify import verify
from tests.fakes.imap_house import House, message
from tests.fakes.mail_house import MailHouse
from tests.fakes.smtp_peer import Peer

MOST = 60
"""More steps than a message takes."""


class Disk:
    """Fails at the n-th step after `arm`: a statement of a write transaction, or an fsync."""

    def __init__(self, monkeypatch):
        self.left = 0
        for name in ("run", "run_many", "execute", "raw"):
            monkeypatch.setattr(Writer, name, self._watched(getattr(Writer, name)))
        fsync = os.fsync

        def watched(descriptor):
            self._step(OSError(errno.EIO, "Input/output error"))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watched)

    def arm(self, step):
        self.left = step

    def disarm(self):
        """True if the disk has failed."""
        failed, self.left = self.left == 0, 0
        return failed

    def _watched(self, statement):
        def run(writer, *arguments, **values):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
            self._step(error)
            return statement(writer, *arguments, **values)

        return run

    def _step(self, error):
        if self.left:
            self.left -= 1
            if not self.left:
                raise error


def letter(number, *, large):
    # Random octets do not compress, so that a large one lies beside the database.
    words = random.Random(number).randbytes(300_000).hex() if large else "words"
    return message(f"Letter {number}", "".join(f"{words[i : i + 900]}\r\n" for i in range(0, len(words), 900)))


@pytest.mark.parametrize("large", [False, True])
async def test_append(tmp_path, monkeypatch, large):
    house = await House(tmp_path).start()
    try:
        client = await house.signed_in(mailbox="INBOX")
        disk = Disk(monkeypatch)
        accepted = refused = 0
        for step in range(1, MOST):
            raw = letter(step, large=large)
            disk.arm(step)
            _, status = await client.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(raw), raw))
            failed = disk.disarm()
            assert status.startswith(b"OK [APPENDUID" if not failed or status.startswith(b"OK") else b"NO ["), status
            accepted += status.startswith(b"OK")
            refused += status.startswith(b"NO")
            lines = await client.ok("UID SEARCH RETURN (COUNT) ALL")
            assert lines[-1].endswith(b"COUNT %d" % accepted)
            if not failed:
                break
        assert refused > 3
        assert step < MOST - 1
    finally:
        await house.stop()
    found = [
        finding
        for finding in verify(house.settings.accounts_dir / str(house.ann) / "mail.db")
        if finding.kind != "orphan"
    ]
    assert found == []


@pytest.mark.parametrize("large", [False, True])
async def test_delivery(tmp_path, monkeypatch, large):
    house = MailHouse(tmp_path)
    await house.start()
    try:
        disk = Disk(monkeypatch)
        accepted = refused = 0
        for step in range(1, MOST):
            peer = await Peer.connect(house.ports.lmtp)
            await peer.hello("LHLO")
            await peer.transaction("someone@far.test", "anna@ours.test")
            disk.arm(step)
            answer = await peer.data(letter(step, large=large))
            failed = disk.disarm()
            await peer.close()
            assert answer.startswith(("250", "451") if failed else "250"), answer
            accepted += answer.startswith("250")
            refused += answer.startswith("451")
            assert len(house.rows("anna")) == accepted
            if not failed:
                break
        assert refused > 3
        assert step < MOST - 1
    finally:
        await house.stop()
