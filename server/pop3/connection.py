"""One POP3 connection: reads lines, carries out what the session asks for, writes replies.

Invariants: at most one command line beyond the limit is held, and about twice `BATCH_OCTETS` of messages and replies, however large a
message is; a client that does not read, or does not write a whole line, is cut after the time-outs of `Limits`; the maildrop's lock is
released and nothing is deleted however the connection ends; no exception text reaches the client.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import cast

from server.accounts.pop3_choice import DEFAULT
from server.accounts.signed_in import SignedIn
from server.log import get_logger
from server.net.listener import Sessions
from server.notify.bus import Subscription
from server.pop3 import authentication, maildrop, outgoing, syntax
from server.pop3.action import Action, Begin, Commit, Listing, Maildrop, Retrieve, Send, SignIn, StartTls
from server.pop3.services import Services
from server.pop3.session import Session, State
from server.store.errors import NoSuchMailbox, OctetsDamaged

READ_SIZE = 64 * 1024
BATCH_OCTETS = 1024 * 1024
"""Pipelined RETRs are read together up to this many octets: a hop to a thread costs as much as reading a small message."""

BATCH_MESSAGES = 64
WRITE_SLICE = 64 * 1024
HANDSHAKE_TIMEOUT = 30.0

REMEMBER_AFTER = 100
"""Messages that were taken are noted so many at a time: a commit for each would cost more than reading it."""

log = get_logger("pop3.connection")


_REMOVED = "this message has been removed by another client"
_DAMAGED = "this message is damaged and cannot be read"
_OCTETS = "{octets} octets"


class _Closed(Exception):
    """The connection ends: the client left, was too slow, or was sent away."""


class Connection:
    """Made per accepted socket; `run` is the callback of its stream protocol."""

    def __init__(self, services: Services, sessions: Sessions, *, tls: bool) -> None:
        self._services, self._sessions = services, sessions
        limits = services.settings.limits
        self._session = Session(
            tls=tls, tls_available=services.tls is not None, plain_allowed=services.settings.is_loopback
        )
        self._lines = syntax.LineReader()
        self._login_timeout, self._idle_timeout = limits.login_timeout, limits.pop3_idle_timeout
        self._write_timeout = limits.write_timeout
        self._task: asyncio.Task[None] | None = None
        self._waiting = False
        self._finishing = False
        self._account: int | None = None
        self._drop: Maildrop | None = None
        self._choice = DEFAULT
        self._taken: list[int] = []
        self._lock: maildrop.Lock | None = None
        self._watched: Subscription | None = None
        self._pending: list[Send | Retrieve] = []
        self._pending_octets = 0
        self._heard = 0.0

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the client until either side ends it."""
        self._reader, self._writer = reader, writer
        name = writer.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) and name else "local"
        self._task = asyncio.current_task()
        self._sessions.add(self)
        try:
            with self._services.limits.admitted(self._peer) as admitted:
                if admitted:
                    await self._serve()
                else:
                    await self._write(self._session.error("too many connections", "SYS/TEMP"))
        except (_Closed, ConnectionError, ssl.SSLError, TimeoutError):
            log.debug("connection_ended", peer=self._peer)
        except asyncio.CancelledError:
            log.debug("connection_aborted", peer=self._peer)
        except Exception:
            log.exception("connection_failed", peer=self._peer)
            with suppress(_Closed, OSError, TimeoutError):
                await self._write(self._session.error("internal error, try later", "SYS/TEMP"))
        finally:
            try:
                await self._remember()
            finally:
                self._leave()
                await self._close()

    def _leave(self) -> None:
        if self._watched is not None:
            self._watched.close()
        if self._lock is not None:
            self._lock.release()
        self._sessions.remove(self)

    def finish(self) -> None:
        """The server stops, or the sign-in has ended: an idle client is let go at once, a busy one after its reply.

        Nothing is deleted: QUIT did not come (RFC 1939 §6).
        """
        self._finishing = True
        if self._waiting and self._task is not None:
            self._task.cancel()

    def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()

    # -- the loop

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._session.days = await self._services.choices.shortest()
        await self._write(self._session.greeting())
        self._heard = loop.time()
        while not self._finishing:
            line = self._next_line()
            if line is None:
                if self._pending:
                    await self._flush()
                    self._heard = loop.time()
                await self._read()
                continue
            await self._act(line)
            self._heard = loop.time()
        await self._flush()

    def _next_line(self) -> bytes | None:
        try:
            return self._lines.line()
        except syntax.SyntaxRefused as error:
            self._pending.append(Send(self._session.error(str(error)), close=True))
            self._lines.clear()
            return None

    async def _act(self, line: bytes) -> None:
        await self._carry_out(self._session.receive(line))

    async def _carry_out(self, action: Action) -> None:
        if isinstance(action, (Send, Retrieve)):
            self._pending.append(action)
            is_last = False
            if isinstance(action, Send):
                # A list of a large maildrop is a long reply to a short command.
                self._pending_octets += len(action.data)
                is_last = action.close
            if is_last or len(self._pending) >= BATCH_MESSAGES or self._pending_octets >= BATCH_OCTETS:
                await self._flush()
            return
        await self._flush()
        match action:
            case Listing(pieces):
                for piece in pieces:
                    await self._write(piece)
                    await asyncio.sleep(0)  # writing to a client that reads quickly lets nobody else have a turn
            case Begin():
                check = self._services.authenticator
                await self._carry_out(await authentication.begin(action, self._session, check))
            case SignIn():
                await self._send(await self._sign_in(action))
            case Commit(uids):
                await self._send(await self._commit(uids))
            case StartTls(data):
                await self._start_tls(data)

    # -- actions

    async def _sign_in(self, wanted: SignIn) -> Send:
        check = self._services.authenticator
        found = await authentication.sign_in(wanted, self._session, check, self._ask, self._peer)
        return found if isinstance(found, Send) else await self._open(found)

    async def _ask(self, challenge: bytes) -> bytes:
        await self._write(challenge)
        self._heard = asyncio.get_running_loop().time()
        while (line := self._next_line()) is None:
            await self._flush()
            await self._read()
        return line

    async def _open(self, who: SignedIn) -> Send:
        """Take the maildrop of somebody whose credentials were right."""
        account = who.account
        lock = maildrop.Lock(self._services.settings.run_dir, account.id)
        try:
            await asyncio.to_thread(lock.acquire)
        except maildrop.InUse:
            # RFC 2449 §8.1.2: the credentials were right, another session holds the maildrop.
            return self._session.refused("another session has this maildrop", "IN-USE", counts=False)
        self._lock = lock
        self._choice = choice = await self._services.choices.of(account.id)
        try:
            self._drop = await self._services.store.read(account.id, lambda r: maildrop.snapshot(r, choice))
        except NoSuchMailbox:
            # RFC 3206 §3: nothing that waiting would mend.
            self._lock = None
            lock.release()
            return self._session.refused("the mailbox chosen for POP3 is gone", "SYS/PERM", counts=False)
        self._account = account.id
        self._watched = self._services.authenticator.watch(who.proof, self.finish)
        log.info("signed_in", peer=self._peer, account=account.id, messages=len(self._drop.uids))
        return self._session.opened(self._drop)

    async def _commit(self, uids: tuple[int, ...]) -> Send:
        account, drop = self._opened()
        await self._remember()
        if not uids:
            return self._session.committed(complete=True)
        becomes, now = self._choice.deleted, self._now()
        try:
            complete = await self._services.store.write(
                account, lambda w: maildrop.delete(w, drop, uids, becomes, now=now)
            )
        except Exception:
            # RFC 1939 §6: the client is told that some messages were not removed.
            log.exception("delete_failed", account=account)
            complete = False
        log.info("deleted", account=account, messages=len(uids), complete=complete)
        return self._session.committed(complete=complete)

    async def _remember(self) -> None:
        """Note what was taken, where that begins the last days of a message; however the session ends."""
        taken, self._taken = self._taken, []
        if not taken or self._account is None or self._drop is None:
            return
        drop, now = self._drop, self._now()
        try:
            await self._services.store.write(self._account, lambda w: maildrop.remember(w, drop, taken, now))
        except Exception:
            # They stay for longer than they had to.
            log.exception("remember_failed", account=self._account)

    def _now(self) -> int:
        return int(self._services.clock.now().timestamp())

    async def _start_tls(self, reply: bytes) -> None:
        """Upgrade; octets that came with STLS are dropped (RFC 2595 §4, security.md T097).

        The old reader is left behind with whatever plain text it holds. There is no pause between the reply and the
        upgrade, so no octet of the handshake can have reached it.
        """
        self._lines.clear()
        loop = asyncio.get_running_loop()
        self._writer.write(reply)
        reader = asyncio.StreamReader(limit=READ_SIZE)
        protocol = asyncio.StreamReaderProtocol(reader)
        context = cast("ssl.SSLContext", self._services.tls)
        transport = await loop.start_tls(
            self._writer.transport, protocol, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT
        )
        if transport is None:
            raise _Closed
        reader.set_transport(transport)
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)
        self._session.secured()

    def _opened(self) -> tuple[int, Maildrop]:
        if self._account is None or self._drop is None:
            raise _Closed
        return self._account, self._drop

    # -- octets

    async def _flush(self) -> None:
        """Answer everything that was asked, in order; messages are read from the store together, short replies written so."""
        pending, self._pending, self._pending_octets = self._pending, [], 0
        ready: dict[int, tuple[bytes, int] | None] = {}
        out, given = bytearray(), list[int]()
        for position, action in enumerate(pending):
            if isinstance(action, Send):
                out += action.data
                if action.close:
                    await self._write(out)
                    raise _Closed
                continue
            if action.size > BATCH_OCTETS:
                await self._give(out, given)
                out, given = bytearray(), []
                await self._stream(action)
                continue
            if action.uid not in ready:
                ready = await self._octets(pending[position:])
            found = ready.get(action.uid)
            if found is None and action.uid in ready:
                out += self._damaged(action.uid)
                continue
            if found is None:
                out += self._session.error(_REMOVED)
                continue
            out += self._session.ok(_OCTETS, octets=len(found[0]))
            out += outgoing.whole(*found, top=action.top, utf8=self._session.utf8) + syntax.END
            if action.top is None:
                given.append(action.uid)
            if len(out) >= WRITE_SLICE:
                await self._give(out, given)
                out, given = bytearray(), []
        await self._give(out, given)

    async def _give(self, data: bytearray, uids: list[int]) -> None:
        """Write; the messages of `uids`, all of which is in what was written by now, have been taken then."""
        await self._write(data)
        if self._choice.days is not None:
            self._taken += uids
            if len(self._taken) >= REMEMBER_AFTER:
                await self._remember()

    async def _stream(self, action: Retrieve) -> None:
        """Send a message that is too large to be held: read, made ready and written piece by piece."""
        account, drop = self._opened()
        store = self._services.store
        source = await store.read(account, lambda r: maildrop.stream(r, drop, action.uid))
        if source is None:
            await self._write(self._session.error(_REMOVED))
            return
        try:
            await self._write(self._session.ok(_OCTETS, octets=source.size))
            leaving = outgoing.Outgoing(source.header_size, top=action.top, utf8=self._session.utf8)
            while not leaving.done and (piece := await store.run(source.read)):
                await self._write(leaving.feed(piece))
            await self._give(bytearray(leaving.end() + syntax.END), [action.uid] if action.top is None else [])
        except OctetsDamaged:
            self._damaged(action.uid)
            raise _Closed from None  # nothing but the end of the line says that the reply is not whole
        finally:
            source.close()

    def _damaged(self, uid: int) -> bytes:
        log.error("octets_damaged", account=self._account, uid=uid)
        return self._session.error(_DAMAGED, "SYS/PERM")  # RFC 3206 §4: somebody has to see to it

    async def _octets(self, pending: list[Send | Retrieve]) -> dict[int, tuple[bytes, int] | None]:
        account, drop = self._opened()
        wanted: list[int] = []
        total = 0
        for action in pending:
            if not isinstance(action, Retrieve) or action.size > BATCH_OCTETS:
                continue
            total += action.size
            if wanted and total > BATCH_OCTETS:
                break
            wanted.append(action.uid)
        return await self._services.store.read(account, lambda r: maildrop.octets(r, drop, sorted(set(wanted))))

    async def _send(self, reply: Send) -> None:
        await self._write(reply.data)
        if reply.close:
            raise _Closed

    async def _write(self, data: bytes | bytearray) -> None:
        """Write in slices, so that a client that does not read holds one slice here and not the whole message."""
        view = memoryview(data)
        for start in range(0, len(data), WRITE_SLICE):
            self._writer.write(view[start : start + WRITE_SLICE])
            async with asyncio.timeout(self._write_timeout):
                await self._writer.drain()

    async def _read(self) -> None:
        signed_in = self._session.state is not State.AUTHORIZATION
        # RFC 1939 §3: an autologout timer must be of at least 10 minutes; before the sign-in nothing asks for patience.
        timeout = self._idle_timeout if signed_in else self._login_timeout
        self._waiting = True
        try:
            # Since the last whole line, so that octet after octet is not patience without end (security.md T102).
            async with asyncio.timeout_at(self._heard + timeout):
                data = await self._reader.read(READ_SIZE)
        except TimeoutError:
            # RFC 1939 §3: the session closes without entering the UPDATE state.
            log.info("timed_out", peer=self._peer, account=self._account)
            raise _Closed from None
        finally:
            self._waiting = False
        if not data:
            raise _Closed
        self._lines.feed(data)

    async def _close(self) -> None:
        self._writer.close()
        with suppress(OSError, ssl.SSLError, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(self._write_timeout):
                await self._writer.wait_closed()
