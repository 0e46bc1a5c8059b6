"""The servers of a run: a house in this process, which a test may break on purpose, or two mail roles as processes of one installation.

Between two processes every change travels by the bus and the modseq log, as between roles of one machine.
"""

import asyncio
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from server.accounts import account as accounts
from server.accounts.directory import open_database
from server.config import Settings
from server.queue import spool
from server.store import append, mailboxes
from server.store.audit import Finding
from server.store.verify import verify
from tests.fakes.imap_house import PASSWORD, House
from tests.fakes.smtp_peer import Peer
from tests.installation import free_offset

ROOT = Path(__file__).parents[2]
ANN = "ann@example.org"
START_SECONDS = 90


class Servers(Protocol):
    ports: list[int]
    user: tuple[str, str]

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def deliver(self, raw: bytes) -> bool:
        """True when the message was accepted."""
        ...

    def verify(self) -> list[Finding]: ...


class OneProcess:
    """The IMAP server on a loop of this process."""

    user = (ANN, PASSWORD)

    def __init__(self, folder: Path) -> None:
        self._house = House(folder)
        self.ports: list[int] = []

    async def __aenter__(self) -> Self:
        await self._house.start()
        self.ports = [self._house.port]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._house.stop()

    async def deliver(self, raw: bytes) -> bool:
        store, account = self._house.store, self._house.ann
        ready = await store.run(lambda: append.prepare(raw))
        await store.write(account, lambda w: append.append(w, mailboxes.by_name(w, "INBOX").id, ready))
        return True

    def verify(self) -> list[Finding]:
        return verify(self._house.settings.accounts_dir / str(self._house.ann) / "mail.db")


class TwoProcesses:
    """Two mail roles at one data folder, each on ports of its own; deliveries come by LMTP."""

    user = (ANN, PASSWORD)

    def __init__(self, folder: Path) -> None:
        self._settings = [Settings(data=folder, port_offset=free_offset(), log_level="warning") for _ in range(2)]
        self._processes: list[asyncio.subprocess.Process] = []
        self._turn = 0
        self.account = 0

    @property
    def ports(self) -> list[int]:
        return [settings.ports.imap for settings in self._settings]

    async def __aenter__(self) -> Self:
        database = open_database(self._settings[0].directory_db, spool.SCHEMA)
        database.write(lambda w: accounts.add_domain(w, "example.org"))
        self.account = database.write(lambda w: accounts.add_account(w, ANN, PASSWORD)).id
        database.close()
        for settings in self._settings:
            log = (settings.data / f"mail-{settings.port_offset}.log").open("wb")
            self._processes.append(
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.stress.mail_process", str(settings.data), str(settings.port_offset)),
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )
            )
            log.close()
        async with asyncio.timeout(START_SECONDS):
            for settings in self._settings:
                await self._answers(settings.ports.imap)
                await self._answers(settings.ports.lmtp)
        return self

    async def _answers(self, port: int) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            await process.wait()

    async def deliver(self, raw: bytes) -> bool:
        self._turn += 1
        peer = await Peer.connect(self._settings[self._turn % 2].ports.lmtp)
        try:
            await peer.hello("LHLO")
            await peer.transaction("bob@far.test", ANN)
            return (await peer.data(raw)).startswith("250")
        finally:
            await peer.close()

    def verify(self) -> list[Finding]:
        return verify(self._settings[0].accounts_dir / str(self.account) / "mail.db")

    def complaints(self) -> str:
        """What the servers wrote at level warning and above."""
        logs = [settings.data / f"mail-{settings.port_offset}.log" for settings in self._settings]
        return "\n".join(log.read_text() for log in logs).strip()
