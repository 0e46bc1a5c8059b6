"""One client's dialogue: fragment, parse, check the state by table, run the handler, tell the news, answer.

Invariants: a command gets exactly one tagged answer; a command that is not understood does nothing; no text of an exception reaches
the client; one that sends nothing sensible is sent away (three bad commands before sign-in, twenty in a row after it: RFC 9051 §11
warns of other protocols' clients).
"""

from contextlib import suppress
from functools import partial
from typing import Any

from server.imap.access import ViewLost
from server.imap.capability import capabilities
from server.imap.commands.listening import follow_up, listen
from server.imap.commands.table import BY_NUMBER, TABLE
from server.imap.errors import Reason, Refusal, reason_of, wording
from server.imap.handler import Channel, Context, Effect, Event, Row, Services, SignedOut, State
from server.imap.syntax import command as c
from server.imap.syntax.error import Cancelled, NoMailboxName, NumberUsed, ProtocolError
from server.imap.syntax.fragment import Coming, Dropped, Excess, Fragment, NeedContinuation, RawCommand
from server.imap.syntax.parse import UnknownCommand, arguments, name_of
from server.imap.syntax.response import Reply, continuation, status
from server.imap.syntax.token import Reader
from server.imap.updates import held_back, news
from server.store import recent
from server.store.errors import NoSuchMailbox

BAD_BEFORE_LOGIN = 3
BAD_IN_A_ROW = 20
SWALLOWED_BEFORE_LOGIN = 64 * 1024

_EXCESS = {
    Excess.LINE: "The line is too long",
    Excess.LITERAL: "The literal is too large",
    Excess.COMMAND: "The command is too large",
    Excess.BARE_LF: "Lines end in CRLF",
}


class Session:
    """Runs until the client goes, is sent away, or the server stops."""

    __slots__ = ("_bad", "_channel", "_ctx", "_services")

    def __init__(self, services: Services, channel: Channel, log: Any) -> None:
        self._services = services
        self._channel = channel
        self._ctx = Context(services, channel, log)
        self._bad = 0

    async def run(self) -> None:
        try:
            await self._talk()
        finally:
            await self._keep_heard()

    async def _talk(self) -> None:
        ctx = self._ctx
        ctx.send(status(b"*", b"OK", "Posthouse is ready", b"CAPABILITY " + capabilities(ctx)))
        while ctx.state is not State.LOGOUT:
            await ctx.drain(least=0)
            fragment = await self._next()
            if isinstance(fragment, Event):
                self._part(fragment)
            else:
                await self._take(fragment)
        await ctx.drain(least=0)

    async def _keep_heard(self) -> None:
        """Write down what this session was told of first, so that it is recent to nobody after a restart."""
        ctx = self._ctx
        for key in ctx.heard:
            uid = self._services.heard.first(key, 0)
            with suppress(
                Exception
            ):  # a mailbox that is gone, a full disk: messages are recent once more, and nothing is lost
                await self._services.store.write(key[0], partial(recent.keep, mailbox_id=key[1], uid=uid))

    async def _next(self) -> Fragment | Event:
        ctx = self._ctx
        if ctx.watch is None:
            return await self._channel.next(self._timeout)
        try:
            return await listen(ctx, self._timeout)
        except SignedOut:
            return Event.SIGNED_OUT
        except ViewLost:
            self._view_lost()
        except NoSuchMailbox:
            self._mailbox_gone()
        return Event.CLOSED

    @property
    def _timeout(self) -> float:
        limits = self._services.settings.limits
        return limits.login_timeout if self._ctx.state is State.NOT_AUTHENTICATED else limits.imap_idle_timeout

    def close(self) -> None:
        self._ctx.end_upload()
        self._ctx.close()

    def _part(self, event: Event) -> None:
        if event is Event.TIMEOUT:
            self._bye("Too long without a command", None)  # RFC 9051 §5.4
        elif event is Event.FINISHING:
            self._bye("The server is stopping", b"UNAVAILABLE")
        elif event is Event.SIGNED_OUT:
            self._signed_out()
        else:
            self._ctx.state = State.LOGOUT

    def _bye(self, words: str, code: bytes | None) -> None:
        self._ctx.send(status(b"*", b"BYE", words, code))
        self._ctx.state = State.LOGOUT

    def _view_lost(self) -> None:
        # RFC 4314 §5.1.1: whoever may not read the selected mailbox any more is disconnected.
        self._bye("The mailbox is not shared with you any more", None)

    def _mailbox_gone(self) -> None:
        # RFC 2180 §3.2: whoever has a deleted mailbox open is disconnected.
        self._bye("The mailbox was deleted", None)

    def _signed_out(self) -> None:
        # RFC 5530 §3 EXPIRED: access is no longer permitted with what the client has.
        self._bye("The sign-in has ended", b"EXPIRED")
        self._ctx.log.info("signed_out")

    # -- fragments

    async def _take(self, fragment: Fragment) -> None:
        if isinstance(fragment, (NeedContinuation, Coming)):
            if fragment.size >= self._channel.limits.large:
                await self._ctx.begin_upload()
            if isinstance(fragment, NeedContinuation):
                self._ctx.send(continuation(b"Ready"))
            return
        try:
            if isinstance(fragment, RawCommand):
                await self._command(fragment)
            else:
                self._dropped(fragment)
        finally:
            self._ctx.end_upload()

    def _dropped(self, dropped: Dropped) -> None:
        ctx = self._ctx
        signed_in = ctx.state is not State.NOT_AUTHENTICATED
        oversize = dropped.reason in {Excess.LITERAL, Excess.COMMAND}
        if dropped.append and oversize and signed_in and dropped.tag is not None:
            # RFC 7889 §4: refused before a single octet of it is taken.
            self._refuse(dropped.tag, Reason.TOO_BIG)
            return
        if dropped.name == b"SETMETADATA" and oversize and signed_in and dropped.tag is not None:
            self._refuse(dropped.tag, Reason.METADATA_TOO_BIG)  # RFC 5464 §4.3
            return
        self._bad_command(dropped.tag or b"*", _EXCESS[dropped.reason])
        if not signed_in and dropped.pending > SWALLOWED_BEFORE_LOGIN:
            self._bye("Too much before signing in", None)  # security T115

    def _bad_command(self, tag: bytes, words: str, code: bytes | None = None) -> None:
        ctx = self._ctx
        ctx.send(status(tag, b"BAD", words, code))
        self._bad += 1
        if self._bad >= (BAD_BEFORE_LOGIN if ctx.state is State.NOT_AUTHENTICATED else BAD_IN_A_ROW):
            self._bye("Too many commands that are none", None)

    def _refuse(self, tag: bytes, reason: Reason, detail: bytes = b"") -> None:
        words = wording(reason)
        code = words.code + b" " + detail if words.code and detail else words.code
        self._ctx.send(status(tag, b"NO", words.text, code))

    # -- commands

    async def _command(self, raw: RawCommand) -> None:
        tag = b"*"
        reader = Reader(raw, utf8=self._ctx.utf8)
        try:
            tag = reader.tag()
            name = name_of(reader)
            row = self._row(name)
            command = arguments(name, reader)
        except NoMailboxName:
            self._refuse(tag, Reason.NAME_INVALID)
            return
        except ProtocolError as error:
            self._bad_command(tag, error.text, error.code)
            return
        del raw, reader  # a large literal lives in the command alone
        await self._run(tag, row, command)

    def _row(self, name: str) -> Row:
        row = TABLE.get(name)
        if row is None:
            raise UnknownCommand("Unknown command")
        if self._ctx.state not in row.states:
            raise ProtocolError("Not now: this command belongs to another state")
        if self._ctx.uid_only and name in BY_NUMBER:
            raise NumberUsed
        return row

    async def _run(self, tag: bytes, row: Row, command: c.Command) -> None:
        ctx = self._ctx
        ctx.tag = tag
        try:
            await self._look_first(row)
            seen, aware = ctx.selected, ctx.condstore
            reply = await row.handler(ctx, command)
            if ctx.condstore and not aware and seen is not None and seen is ctx.selected:
                # RFC 7162 §3.1.2: whoever begins to keep mod-sequences with a mailbox open is told where it stands.
                ctx.send(status(b"*", b"OK", "Highest", b"HIGHESTMODSEQ %d" % seen.told))
            tail = await self._news(row, command)
        except Cancelled as error:
            # RFC 9051 §6.2.2: BAD, and nothing that is held against the client.
            ctx.send(status(tag, b"BAD", error.text))
            return
        except ProtocolError as error:
            self._bad_command(tag, error.text, error.code)
            return
        except SignedOut:
            self._signed_out()
            return
        except ViewLost:
            self._view_lost()
            return
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the boundary where everything else becomes a fixed text
            await self._failed(tag, row, command, error)
            return
        self._bad = 0
        await self._answer(row, reply, tail)
        if row.name == "STARTTLS":
            await self._secure()
        elif row.name == "COMPRESS":
            # RFC 4978 §3: compressed from the octet after the line end of the tagged OK.
            ctx.flush()
            self._channel.deflate()
        elif row.name == "UNAUTHENTICATE":
            await self._leave_compression()

    async def _answer(self, row: Row, reply: Reply, tail: bytes) -> None:
        ctx = self._ctx
        for line in reply.untagged:
            ctx.send(line)
        if tail:
            ctx.send(tail)
        if ctx.watch is not None or ctx.contexts:
            await follow_up(ctx, others=Effect.LOOKS in row.effect)
        ctx.send(status(ctx.tag, b"OK", reply.text, reply.code))

    async def _failed(self, tag: bytes, row: Row, command: c.Command, error: Exception) -> None:
        ctx = self._ctx
        reason = reason_of(error)
        if reason is None:
            reason = Reason.INTERNAL
            ctx.log.error("command_failed", command=row.name, exc_info=error)
        elif reason in {Reason.UNAVAILABLE, Reason.NO_ROOM, Reason.CORRUPT}:
            ctx.log.warning("store_failed", command=row.name, why=type(error).__name__)
        if (
            reason is Reason.NO_SUCH_MAILBOX
            and isinstance(error, NoSuchMailbox)
            and isinstance(command, (c.Append, c.Copy, c.Replace))
        ):
            reason = Reason.NO_SUCH_TARGET
        if ctx.selected is not None:
            try:
                ctx.send(await self._news(row, command))
            except Exception as late:  # noqa: BLE001 - the command's own failure is what the client must hear
                ctx.log.debug("news_failed", why=type(late).__name__)
        self._refuse(tag, reason, error.detail if isinstance(error, Refusal) else b"")
        if ctx.state is State.NOT_AUTHENTICATED and ctx.sign_in_failures >= BAD_BEFORE_LOGIN:
            self._bye("Too many failed sign-ins", None)

    async def _look_first(self, row: Row) -> None:
        """Let a command see what is known to have changed; numbers do not change before it (RFC 9051 §7.5.1)."""
        ctx = self._ctx
        if ctx.woken and ctx.selected is not None and Effect.SEES in row.effect:
            ctx.send(await news(ctx, expunge=False, look=False))

    async def _news(self, row: Row, command: c.Command) -> bytes:
        ctx = self._ctx
        if ctx.selected is None or Effect.QUIET in row.effect or isinstance(command, c.Select):
            return b""
        by_number = Effect.USES_NUMBERS in row.effect and not getattr(command, "uid", False)
        try:
            told = await news(
                ctx, expunge=not by_number, look=Effect.LOOKS in row.effect, own=Effect.EXPUNGES in row.effect
            )
            return told + held_back(ctx)
        except ViewLost:
            self._view_lost()
            return b""
        except NoSuchMailbox:
            self._mailbox_gone()
            return b""

    async def _leave_compression(self) -> None:
        """The tagged OK is the last thing compressed (RFC 8437 §4.1)."""
        await self._ctx.drain(least=0)
        self._channel.end_deflation()

    async def _secure(self) -> None:
        """The tagged OK is the last thing in clear (RFC 9051 §6.2.1)."""
        ctx = self._ctx
        await ctx.drain(least=0)
        if self._services.tls is None:
            raise ConnectionResetError
        await self._channel.start_tls(self._services.tls)
