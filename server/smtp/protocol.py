"""One SMTP or LMTP connection: aiosmtpd's protocol class with its command loop, its DATA and its words replaced.

aiosmtpd gives the stream, its life on the event loop, the session object and the table of `smtp_` methods. It takes bare LF as a
line end, reads DATA line by line under one timer, answers LMTP once, knows no PIPELINING, DSN or enhanced codes and tells peers
the names of exceptions (security.md section 2), so those parts are ours. Nothing else imports aiosmtpd.

Invariants: a command is looked at only when CR LF ended it; 250 after data is written only after the handler said that the message
is on disk; a peer that goes away does not interrupt a delivery under way; every wait has an end.

RFC 5321, RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 3030 (CHUNKING), RFC 3461 (DSN).
"""

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import Callable
from typing import cast

from aiosmtpd.smtp import SMTP

from server.log import get_logger
from server.net.listener import Sessions
from server.smtp.conversation import Conversation
from server.smtp.intake import LINE_HOLD, Intake, LineTooLongError
from server.smtp.service import Service
from server.smtp.syntax import command
from server.smtp.syntax import reply as r
from server.smtp.syntax.reply import ProtocolError, Reply

COMMAND_TIMEOUT = 300.0
"""RFC 5321 §4.5.3.2.7: wait at least five minutes for the next command."""
HANDSHAKE_TIMEOUT = 30.0
LINGER = 10.0
"""How long a peer may take to read our last words."""
ERRORS_ALLOWED = 20
ERRORS_FREE = 5
"""Errors that cost nothing; each further one makes the peer wait a second longer (directory harvest, security.md T100)."""
LONGEST_PENALTY = 5.0
REPLIES_HELD = 16_384
"""Octets of replies that gather before they are sent, and others are served, however many commands came at once."""
GONE = (ConnectionError, ssl.SSLError, TimeoutError, LineTooLongError)

log = get_logger("smtp")


class Connection(SMTP):
    """One client."""

    line_length_limit = LINE_HOLD

    def __init__(self, service: Service, sessions: Sessions) -> None:
        super().__init__(None, hostname=service.hostname, timeout=COMMAND_TIMEOUT, loop=asyncio.get_running_loop())
        self.service, self.sessions = service, sessions
        self.intake = Intake(limit=LINE_HOLD, loop=self.loop)
        asyncio.StreamReaderProtocol.__init__(
            self, self.intake, client_connected_cb=self._cb_client_connected, loop=self.loop
        )
        self.peer = ""
        self.tls: str | None = None
        self.talk = Conversation(service, self, "")
        self._admitted = False
        self._stream: asyncio.Transport | None = None
        """The transport as long as it can be written to: inside TLS once that has started."""
        self._out = bytearray()
        self._errors = 0
        self._idle = self._ended = False

    # -- life of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast("asyncio.Transport", transport)  # uvloop's is one by its methods only
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if isinstance(name, tuple) else ""
        if self.sessions.draining or not self.service.limits.enter(self.peer):
            stream.write((r.SHUTTING_DOWN if self.sessions.draining else r.TOO_MANY_CONNECTIONS).encode())
            stream.close()
            return
        self._admitted = True
        self._stream = stream
        self.sessions.add(self)
        self.talk.peer = self.peer
        super().connection_made(transport)
        self._note_tls(transport)

    def connection_lost(self, error: Exception | None) -> None:
        # aiosmtpd cancels the running command here; ours ends by itself when it next reads, and a delivery is finished.
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self.transport = self._stream = None
        asyncio.StreamReaderProtocol.connection_lost(self, error)

    def eof_received(self) -> bool | None:
        # The peer has said all it has to say; what it said is still answered (aiosmtpd would drop it).
        return asyncio.StreamReaderProtocol.eof_received(self)

    def finish(self) -> None:
        """End at the next pause between commands (`server.net.listener.Session`)."""
        self._part(r.SHUTTING_DOWN)

    def sign_out(self) -> None:
        self._part(r.SIGNED_OUT)

    def _part(self, last_word: Reply) -> None:
        self._ended = True
        if self._idle and self._stream is not None:
            self._writer.write(last_word.encode())
            self._close()

    def abort(self) -> None:
        if self._stream is not None:
            self._stream.abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def expect(self, seconds: float) -> None:
        self._reset_timeout(seconds)

    def _timeout_cb(self) -> None:
        if self._stream is not None:
            log.info("timed_out", peer=self.peer, service=self.service.name)
            self._writer.write(r.TIMED_OUT.encode())
            self._close()

    def _close(self) -> None:
        """Let what is written go out, then cut; a peer that does not read is cut anyway."""
        self._ended = True
        stream = self._stream
        if stream is not None:
            stream.close()
            self.loop.call_later(LINGER, stream.abort)

    def _note_tls(self, transport: asyncio.BaseTransport) -> None:
        secured = transport.get_extra_info("ssl_object")
        if secured is not None:
            cipher = secured.cipher()
            self.tls = f"{secured.version()}/{cipher[0] if cipher else ''}"

    async def start_tls(self) -> None:
        if self._stream is None or self.service.tls is None:
            raise ConnectionResetError
        # RFC 3207 §4.2, security.md T097: what came in clear behind STARTTLS was not sent by whom we will talk to. Nothing
        # more can come in clear: `start_tls` takes the transport over before it waits.
        self.intake.drop()
        transport = await self.loop.start_tls(
            self._stream, self, self.service.tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT
        )
        if transport is None:
            raise ConnectionResetError
        self.intake.move_to(transport)
        self._writer = asyncio.StreamWriter(transport, self, self.intake, self.loop)
        self.transport = self._transport = transport
        self._stream = transport
        self._over_ssl = True
        self._note_tls(transport)

    # -- the loop

    async def _handle_client(self) -> None:
        try:
            # RFC 2034 §3 forbids an enhanced code in the greeting.
            await self.say(
                Reply(220, None, f"{self.hostname} {'LMTP' if self.service.handler.lmtp else 'ESMTP'} Posthouse")
            )
            while not self._ended:
                self._idle = True
                line = await self.intake.line()
                self._idle = False
                if not line:
                    break
                self._reset_timeout()
                await self._one(line)
            await self._flush()
        except (LineTooLongError, TimeoutError) as error:
            with contextlib.suppress(*GONE):
                self._out += (r.LINE_TOO_LONG if isinstance(error, LineTooLongError) else r.TIMED_OUT).encode()
                await self._flush()
        except GONE:
            pass  # the peer went away or was cut: nothing to say, and nobody to say it to
        finally:
            self.talk.close()
            self._close()
            self.service.limits.leave(self.peer)
            self.sessions.remove(self)

    async def _one(self, line: bytes) -> None:
        """Answer one command line."""
        if self.talk.helo is None and command.is_foreign(line):
            log.info("foreign_protocol", peer=self.peer)
            return await self.say(r.NOT_HTTP)
        try:
            wanted = command.parse(line, limit=self.service.settings.limits.command_line)
            replies = await self.talk.answer(wanted)
        except ProtocolError as error:
            replies = (error.reply,)
        except GONE:
            raise
        except Exception:  # a bug must not cut the connection, and the peer must not read our insides
            reference = secrets.token_hex(4)
            log.exception("command_failed", peer=self.peer, reference=reference)
            replies = (r.LOCAL_ERROR.saying(f"{r.LOCAL_ERROR.text} ({reference})"),)
        for reply in replies:
            await self.say(reply)
        return None

    async def say(self, reply: Reply, *, now: bool = False) -> None:
        """Send a reply. While the peer has sent more commands, replies gather (RFC 2920 §3.2)."""
        if reply.code >= 500:
            await self._slow_down()
        self._out += reply.encode()
        if self._errors > ERRORS_ALLOWED:
            self._out += r.TOO_MANY_ERRORS.encode()
            self._ended = True
        if reply.code in (221, 421):
            self._ended = True
        if now or self._ended or not self.intake.line_pending:
            await self._flush()
        elif len(self._out) > REPLIES_HELD:
            # A peer that always has more to say would otherwise be answered never, and be the only one who is heard.
            await self._flush()
            await asyncio.sleep(0)

    async def _slow_down(self) -> None:
        """Count an error; after some of them each one makes the peer wait."""
        self._errors += 1
        if ERRORS_FREE < self._errors <= ERRORS_ALLOWED and self.talk.account is None:
            await self._flush()
            await self.service.clock.sleep(min(self._errors - ERRORS_FREE, LONGEST_PENALTY))

    async def _flush(self) -> None:
        if self._out and self._stream is not None:
            self._writer.write(bytes(self._out))
            self._out.clear()
            await self._writer.drain()


def factory(service: Service) -> Callable[[Sessions], Connection]:
    """Return what `server.net.listener.listen` makes connections with."""
    return lambda sessions: Connection(service, sessions)
