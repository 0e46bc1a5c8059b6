"""One SMTP connection to one host: open it, hand one message over, say how each recipient ended.

aiosmtplib is the client library and this is its only door in the server. Used of it: connecting, EHLO, STARTTLS, AUTH and the
reading of replies. Not used: its MAIL, RCPT and DATA, because they parse addresses leniently, and cannot say whether the final
dot was on its way when the line broke.

Invariants: every stage has a time-out and the whole connection one as well (a peer that sends an octet a second gains nothing);
what is written after DATA is CR LF only and dot-stuffed; after the final dot nothing but an answer counts as an answer.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

import aiosmtplib

from server.log import get_logger
from server.mail import dotstuff
from server.queue import client_protocol as protocol
from server.queue.client_protocol import Unsendable
from server.queue.model import Job, Kind, Outcome, Recipient, one_line
from server.queue.route import Hop

SLICE = 64 * 1024
EXPECTED = (aiosmtplib.SMTPException, OSError, TimeoutError)

log = get_logger("queue.client")


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds to wait at each stage (RFC 5321 §4.5.3.2), and for all of them together."""

    connect: float = 30
    greeting: float = 300
    command: float = 300
    tls: float = 60
    data: float = 120
    block: float = 180
    quit: float = 5
    total: float = 600
    """Includes the wait after the final dot, for which §4.5.3.2.6 asks 10 minutes: less would make duplicates."""


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What connections of one installation share."""

    helo: str
    opportunistic: ssl.SSLContext
    """RFC 7435: better than clear text, whoever answers; used where nobody promised TLS."""
    verified: ssl.SSLContext
    stages: Stages


class HopFailed(Exception):
    """The host did not take the message over, and has nothing of it; another host may be tried."""

    def __init__(self, code: int, enhanced: str, text: str, *, tls: bool = False) -> None:
        super().__init__(text)
        self.code, self.enhanced, self.text = code, enhanced, one_line(text)
        self.tls = tls
        """The handshake failed: worth one more try in the clear."""


async def attempt(hop: Hop, job: Job, options: ClientOptions, *, clear: bool = False) -> list[Outcome]:
    """Hand a job to one host.

    Args:
        hop: Where to.
        job: What.
        options: Names, TLS, time-outs.
        clear: Do not use STARTTLS, it failed a moment ago.

    Raises:
        HopFailed: Nothing was handed over.
    """
    client = _Client(hop, options, clear=clear)
    try:
        async with asyncio.timeout(options.stages.total):
            await client.open()
            outcomes = await client.send(job)
            await client.quit()
            return outcomes
    except EXPECTED as error:
        return client.after_failure(error)
    finally:
        client.close()


class _Client:
    def __init__(self, hop: Hop, options: ClientOptions, *, clear: bool) -> None:
        self._hop, self._options, self._clear = hop, options, clear
        self._stages = options.stages
        self._smtp: aiosmtplib.SMTP | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._stage = "connect"
        self._settled: list[Outcome] = []
        self._dot_sent_for: tuple[Recipient, ...] = ()

    # -- opening

    async def open(self) -> None:
        """Connect, introduce ourselves, secure the line and sign in, as far as this hop wants it."""
        hop, stages = self._hop, self._stages
        context = self._options.verified if hop.verify else self._options.opportunistic
        smtp = aiosmtplib.SMTP(
            hostname=hop.name,
            local_hostname=self._options.helo,
            sock=await self._connect(),
            use_tls=hop.implicit_tls,
            start_tls=False,
            tls_context=context,
            timeout=stages.command,
        )
        self._smtp = smtp
        self._stage = "greeting"
        await smtp.connect(timeout=stages.greeting)
        await self._hello(smtp)
        if not hop.implicit_tls and not self._clear:
            await self._start_tls(smtp, context)
        if hop.login is not None:
            await self._log_in(smtp, hop.login.username, hop.login.password)

    async def _connect(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._hop.address else socket.AF_INET
        found = socket.socket(family, socket.SOCK_STREAM)
        found.setblocking(False)
        try:
            async with asyncio.timeout(self._stages.connect):
                await asyncio.get_running_loop().sock_connect(found, (self._hop.address, self._hop.port))
        except BaseException:
            found.close()
            raise
        return found

    async def _hello(self, smtp: aiosmtplib.SMTP) -> None:
        self._stage = "EHLO"
        try:
            await smtp.ehlo()
        except aiosmtplib.SMTPHeloError:
            # RFC 5321 §3.2: a server that does not know EHLO is greeted with HELO.
            await smtp.helo()

    async def _start_tls(self, smtp: aiosmtplib.SMTP, context: ssl.SSLContext) -> None:
        self._stage = "STARTTLS"
        must = self._hop.verify
        if not smtp.supports_extension("starttls"):
            if must:
                raise HopFailed(454, "4.7.5", "the smarthost offers no TLS")
            return
        try:
            await smtp.starttls(tls_context=context, timeout=self._stages.tls)
        except aiosmtplib.SMTPResponseException as error:
            if must:
                raise
            log.info("starttls_refused", host=self._hop.name, code=error.code)
            return
        except EXPECTED as error:
            raise HopFailed(454, "4.7.5", "the TLS handshake failed", tls=not must) from error
        # RFC 3207 §4.2: what was said before TLS counts for nothing.
        await self._hello(smtp)

    async def _log_in(self, smtp: aiosmtplib.SMTP, username: str, password: str) -> None:
        self._stage = "AUTH"
        try:
            await smtp.login(username, password)
        except aiosmtplib.SMTPException as error:
            # Our configuration is wrong, not the mail: it waits until somebody puts it right.
            log.warning("smarthost_sign_in_failed", host=self._hop.name)
            raise HopFailed(454, "4.7.8", "the smarthost refused our sign-in") from error

    # -- one message

    async def send(self, job: Job) -> list[Outcome]:
        """MAIL, RCPT for each, DATA. Outcomes are in the order in which they were settled."""
        smtp = self._open_smtp()
        extensions = smtp.esmtp_extensions
        limit = protocol.size_limit(extensions)
        if limit is not None and job.message.size > limit:
            # RFC 1870 §6.1: no need to send what will not be taken.
            return self._all(job.recipients, Kind.FAILED, 552, "5.3.4", "the message is larger than the server takes")
        utf8 = protocol.needs_utf8(job.message, job.recipients)
        self._stage = "MAIL"
        try:
            words = protocol.mail_words(job.message, extensions, needs_utf8=utf8)
        except Unsendable as error:
            return self._all(job.recipients, Kind.FAILED, 550, error.enhanced, error.text)
        answer = await self._command(smtp, words)
        if answer.kind is Kind.FAILED:
            return self._all(job.recipients, answer.kind, answer.code, answer.enhanced, answer.text)
        if answer.kind is not Kind.DELIVERED:
            raise HopFailed(answer.code, answer.enhanced, answer.text)
        accepted = await self._recipients(smtp, job)
        if accepted:
            await self._data(smtp, job.raw, accepted)
        return self._settled

    async def _recipients(self, smtp: aiosmtplib.SMTP, job: Job) -> tuple[Recipient, ...]:
        self._stage = "RCPT"
        accepted = []
        for recipient in job.recipients:
            try:
                words = protocol.rcpt_words(recipient, smtp.esmtp_extensions)
            except Unsendable as error:
                self._all((recipient,), Kind.FAILED, 550, error.enhanced, error.text)
                continue
            answer = await self._command(smtp, words)
            if answer.kind is Kind.DELIVERED:
                accepted.append(recipient)
            else:
                self._all((recipient,), answer.kind, answer.code, answer.enhanced, answer.text)
        return tuple(accepted)

    async def _data(self, smtp: aiosmtplib.SMTP, raw: bytes, accepted: tuple[Recipient, ...]) -> None:
        self._stage = "DATA"
        started = await smtp.execute_command(b"DATA", timeout=self._stages.data)
        if started.code != 354:
            answer = protocol.reply(started.code, started.message)
            kind = Kind.FAILED if answer.kind is Kind.FAILED else Kind.DEFERRED
            self._all(accepted, kind, answer.code, answer.enhanced, answer.text)
            return
        connection = smtp.protocol
        if connection is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        self._stage = "the message"
        body = dotstuff.transmit(raw)
        end = len(body) - len(b".\r\n")
        await self._write_body(smtp, memoryview(body)[:end])
        self._stage = "the final dot"
        self._dot_sent_for = accepted
        connection.write(b".\r\n")
        ended = await connection.read_response()
        if not 200 <= ended.code <= 599:
            raise aiosmtplib.SMTPServerDisconnected("no answer after the final dot")
        self._dot_sent_for = ()
        answer = protocol.reply(ended.code, ended.message)
        self._all(accepted, answer.kind, answer.code, answer.enhanced, answer.text)

    async def _write_body(self, smtp: aiosmtplib.SMTP, body: memoryview) -> None:
        """Write everything before the dot and see it leave, so that a line that breaks here leaves no doubt."""
        if smtp.transport is None or smtp.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("Connection lost")
        # uvloop's transports are no subclass of asyncio's, so this cannot be checked, only said.
        transport, connection = cast("asyncio.WriteTransport", smtp.transport), smtp.protocol
        # aiosmtplib's protocol has the flow control of asyncio streams, so their writer can wait for it.
        self._writer = asyncio.StreamWriter(transport, connection, None, asyncio.get_running_loop())
        for start in range(0, len(body), SLICE):
            connection.write(bytes(body[start : start + SLICE]))
            async with asyncio.timeout(self._stages.block):
                await self._writer.drain()
        # Not 0: asyncio's TLS transport pauses at "size >= high" and would never go on.
        transport.set_write_buffer_limits(high=1, low=0)
        async with asyncio.timeout(self._stages.block):
            await self._writer.drain()

    async def quit(self) -> None:
        """Say goodbye; nothing depends on the answer."""
        with suppress(*EXPECTED):
            await self._open_smtp().quit(timeout=self._stages.quit)

    def close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()

    # -- results

    async def _command(self, smtp: aiosmtplib.SMTP, words: list[str]) -> protocol.Reply:
        found = await smtp.execute_command(*(word.encode("utf-8") for word in words))
        return protocol.reply(found.code, found.message)

    def _open_smtp(self) -> aiosmtplib.SMTP:
        if self._smtp is None:
            raise aiosmtplib.SMTPServerDisconnected("Server not connected")
        return self._smtp

    def _all(self, recipients: tuple[Recipient, ...], kind: Kind, code: int, enhanced: str, text: str) -> list[Outcome]:
        safe = one_line(text)
        self._settled += [Outcome(r.id, kind, code, enhanced, safe, self._hop.name) for r in recipients]
        return self._settled

    def after_failure(self, error: BaseException) -> list[Outcome]:
        """Say what a broken connection means: doubt after the final dot, else nothing was handed over."""
        log.info("attempt_broken", host=self._hop.name, stage=self._stage, reason=type(error).__name__)
        if self._dot_sent_for:
            text = "the connection ended after the message, before an answer"
            return self._all(self._dot_sent_for, Kind.UNCERTAIN, 451, "4.4.2", text)
        if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code <= 599:
            answer = protocol.reply(error.code, error.message)
            raise HopFailed(answer.code, answer.enhanced, answer.text) from error
        late = isinstance(error, TimeoutError)
        text = f"{'time-out' if late else 'connection failed'} at {self._stage}"
        raise HopFailed(421, "4.4.1" if self._stage == "connect" else "4.4.2", text) from error
