"""A mail house of one process for IMAP tests: real store, real sign-in, real sockets on loopback, a clock that stands still."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from server.accounts import account as accounts
from server.accounts import share
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory, open_database
from server.config import Limits, Settings
from server.db.transaction import Writer
from server.imap.handler import Services
from server.imap.listener import Connections
from server.net.limits import ConnectionLimits
from server.net.listener import Listener, listen
from server.net.tls import server_context
from server.notify.bus import LocalBus
from server.store import acl, append, mailboxes
from server.store.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.deflated import Packer, Unpacked

PASSWORD = "correct horse"
PATIENCE = 10.0


class Client:
    """Sends and receives lines, and knows nothing of IMAP but where a literal ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._tag = 0
        self._pack: Packer | None = None

    def send(self, data: bytes) -> None:
        self._writer.write(data if self._pack is None else self._pack(data))

    def send_raw(self, data: bytes) -> None:
        """Octets as they are, whatever was agreed on."""
        self._writer.write(data)

    async def compress(self) -> None:
        await self.ok("COMPRESS DEFLATE")
        self.go_on_compressed()

    def go_on_compressed(self, window: int = 15) -> None:
        """The server has said OK to COMPRESS."""
        self._reader, self._pack = Unpacked(self._reader), Packer(window)

    async def go_on_plain(self) -> None:
        """The server has said OK to UNAUTHENTICATE."""
        if isinstance(self._reader, Unpacked):
            self._reader, self._pack = await self._reader.end(), None

    @property
    def received(self) -> int:
        """Octets on the wire since compression began."""
        return self._reader.raw if isinstance(self._reader, Unpacked) else 0

    async def line(self) -> bytes:
        """One line without its end; empty once the server has hung up."""
        async with asyncio.timeout(PATIENCE):
            return (await self._reader.readline()).removesuffix(b"\r\n")

    async def response(self) -> bytes:
        """One response, literals included as they are."""
        line = await self.line()
        while line.endswith(b"}") and b"{" in line:
            size = int(line[line.rindex(b"{") + 1 : -1])
            async with asyncio.timeout(PATIENCE):
                line += b"\r\n" + await self._reader.readexactly(size)
            line += await self.line()
        return line

    async def ask(self, command: bytes | str) -> tuple[list[bytes], bytes]:
        """Send one command; returns the untagged responses and what follows the tag."""
        self._tag += 1
        tag = b"t%d" % self._tag
        self.send(tag + b" " + (command.encode() if isinstance(command, str) else command) + b"\r\n")
        return await self.answer(tag)

    async def answer(self, tag: bytes) -> tuple[list[bytes], bytes]:
        untagged = []
        while not (line := await self.response()).startswith(tag + b" "):
            if not line:
                raise EOFError(untagged)
            untagged.append(line)
        return untagged, line.removeprefix(tag + b" ")

    async def ok(self, command: bytes | str) -> list[bytes]:
        """As `ask`, and it must go well."""
        untagged, status = await self.ask(command)
        assert status.startswith(b"OK"), status
        return untagged

    async def closed(self) -> bool:
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read(1) == b""

    async def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self._writer.start_tls(context)

    def pause(self) -> None:
        """Stop taking what the server sends, as a client that hangs does."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def hang_up(self) -> None:
        self._writer.close()

    async def gone(self) -> None:
        if isinstance(self._reader, Unpacked):
            self._reader.stop()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return


class House:
    """`ann@example.org` and `bob@example.org`, both with PASSWORD."""

    def __init__(self, folder: Path, *, limits: Limits | None = None, **settings: object) -> None:
        self.settings = replace(Settings(data=folder, limits=limits or Limits()), **settings)  # type: ignore[arg-type]
        self.clock = FakeClock()
        self._listeners: list[Listener] = []
        self._clients: list[Client] = []

    async def start(self, *, tls: bool = False) -> "House":
        loop = asyncio.get_running_loop()
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.bus = LocalBus(self.settings.run_dir, loop)
        self.store = Store(self.settings, self.bus, self.clock)
        self.directory = Directory(open_database(self.settings.directory_db))
        self.ann, self.bob = self.directory.write_now(_people)
        self.authenticator = Authenticator(self.directory, self.clock, self.bus)
        context = server_context(self.settings, "localhost") if tls else None
        self.limits = ConnectionLimits.of(self.settings.limits)
        self.services = Services(
            self.settings, self.store, self.directory, self.authenticator, self.bus, context, self.limits
        )
        self._listeners.append(await listen("imap", Connections(self.services, tls=False), "127.0.0.1", 0))
        if context is not None:
            self._listeners.append(
                await listen("imaps", Connections(self.services, tls=True), "127.0.0.1", 0, tls=context)
            )
        return self

    @property
    def listener(self) -> Listener:
        return self._listeners[0]

    @property
    def port(self) -> int:
        return self._listeners[0].port

    @property
    def tls_port(self) -> int:
        return self._listeners[1].port

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=2**24))
        self._clients.append(client)
        return client

    async def signed_in(self, name: str = "ann", mailbox: str | None = None) -> Client:
        client = await self.connect()
        await client.line()
        await client.ok(f'LOGIN {name}@example.org "{PASSWORD}"')
        if mailbox is not None:
            await client.ok(f'SELECT "{mailbox}"')
        return client

    def append(
        self,
        raw: bytes,
        mailbox: str = "INBOX",
        *,
        flags: tuple[str, ...] = (),
        name: str = "ann",
        is_recent: bool = False,
        **options: object,
    ) -> int:
        """Put a message straight into the store, as a delivery would; returns its uid.

        Some session was told of it already, unless it `is_recent`: most tests are not about \\Recent.
        """
        account = self.ann if name == "ann" else self.bob
        ready = append.prepare(raw)

        def write(w: Writer) -> int:
            box = mailboxes.by_name(w, mailbox).id
            uid = append.append(w, box, ready, flags=flags, **options).uid  # type: ignore[arg-type]
            if not is_recent:
                self.services.heard.claim((account, box), 0, uid + 1)
            return uid

        return self.store.write_now(account, write)

    def share(self, mailbox: str, letters: str, *, owner: str = "ann", to: str = "bob", negative: bool = False) -> None:
        """Give rights on a mailbox, which is made if there is none; no letters take them away. `to` may be `anyone`."""
        mine = self.ann if owner == "ann" else self.bob
        grantee = {"anyone": acl.ANYONE, "ann": self.ann, "bob": self.bob}[to]

        def give(w: Writer) -> None:
            found = mailboxes.find(w, mailbox) or mailboxes.create(w, mailbox)
            acl.put(w, found.id, acl.Entry(grantee, negative, frozenset(letters)))

        self.directory.write_now(lambda w: share.add(w, mine, grantee))
        self.store.write_now(mine, give)

    async def stop(self) -> None:
        for client in self._clients:
            await client.gone()
        for listener in self._listeners:
            await listener.close(5)
        self.authenticator.close()
        self.bus.close()
        self.store.close()
        self.directory.database.close()


@contextmanager
def in_a_thread(folder: Path, **options: object) -> Iterator[House]:
    """A house on a loop of its own, for clients that block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="imap-house")
    thread.start()

    async def build() -> House:
        return await House(folder, **options).start(tls=True)  # type: ignore[arg-type]

    house = asyncio.run_coroutine_threadsafe(build(), loop).result(30)
    try:
        yield house
    finally:
        asyncio.run_coroutine_threadsafe(house.stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _people(w):  # type: ignore[no-untyped-def]
    accounts.add_domain(w, "example.org")
    return tuple(accounts.add_account(w, f"{name}@example.org", PASSWORD).id for name in ("ann", "bob"))


def message(subject: str = "Hello", body: str = "Some words.\r\n", **fields: str) -> bytes:
    """A small message; `fields` are further header fields, `from_` for From."""
    head = {"From": "Bob <bob@example.org>", "To": "ann@example.org", "Subject": subject}
    head |= {name.strip("_").replace("_", "-").title(): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode() + b"\r\n" + body.encode()
