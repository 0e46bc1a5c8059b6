"""What is said on one connection: the commands, the state they need, the replies.

Invariants: no command is run in a state RFC 5321 §4.1.4 does not allow; STARTTLS and EHLO forget all that was said before them
(RFC 3207 §4.2); a password is not even asked for in clear, except in a trial that only this machine can reach.

Knows no socket: what it needs of one is `Wire`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from server.accounts.account import Account
from server.accounts.sasl import LINE_LIMIT, MECHANISMS
from server.accounts.signed_in import SignedIn
from server.delivery.envelope import SessionInfo, WireProtocol
from server.log import get_logger
from server.notify.bus import Subscription
from server.smtp import transfer
from server.smtp.authentication import sign_in
from server.smtp.handler import Accepted, Client, Transaction
from server.smtp.intake import Intake
from server.smtp.service import Service
from server.smtp.syntax import parameters
from server.smtp.syntax import reply as r
from server.smtp.syntax.command import Command
from server.smtp.syntax.reply import ProtocolError, Reply

FAILED_SIGN_INS = 3
DOMAIN_LIMIT = 255
"""RFC 5321 §4.5.3.1.2: of what a client calls itself."""

log = get_logger("smtp")


class Wire(Protocol):
    """The connection under a conversation."""

    @property
    def intake(self) -> Intake: ...

    @property
    def tls(self) -> str | None:
        """Version and cipher, None in clear."""
        ...

    async def say(self, reply: Reply, *, now: bool = False) -> None: ...

    async def start_tls(self) -> None: ...

    def sign_out(self) -> None:
        """Say so and hang up, now or after the command under way."""
        ...

    def expect(self, seconds: float) -> None:
        """Cut the connection if nothing calls this again for so long."""
        ...


class Conversation:
    """The state of one connection."""

    def __init__(self, service: Service, wire: Wire, peer: str) -> None:
        self.service, self.wire, self.peer = service, wire, peer
        self.handler = service.handler
        self.account: Account | None = None
        self.helo: str | None = None
        self.extended = False
        self.transaction: Transaction | None = None
        self.chunks: transfer.Chunks | None = None
        self._failed_sign_ins = 0
        self._watched: Subscription | None = None
        self._table: Mapping[str, Callable[[str], Awaitable[Reply | Sequence[Reply]]]] = {
            **({"LHLO": self._ehlo} if self.handler.lmtp else {"EHLO": self._ehlo, "HELO": self._helo}),
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "EXPN": self._not_implemented,
            "HELP": self._help,
            "QUIT": self._quit,
        }

    @property
    def client(self) -> Client:
        session = SessionInfo(
            peer=self.peer,
            helo=self.helo or "",
            tls=self.wire.tls,
            authenticated=self.account.address if self.account else None,
            protocol=self._protocol(),
            transaction_id=self.transaction.id if self.transaction else "",
        )
        return Client(session, self.account)

    async def answer(self, command: Command) -> Sequence[Reply]:
        """Run one command. Raises ProtocolError, with the reply, for what the client did wrong."""
        method = self._table.get(command.verb)
        if method is None:
            raise ProtocolError(r.UNKNOWN_COMMAND)
        reply = await method(command.argument)
        return (reply,) if isinstance(reply, Reply) else reply

    def reset(self) -> None:
        """RFC 5321 §4.1.1.5: forget the transaction."""
        self.transaction = None
        if self.chunks is not None:
            self.chunks.close()
            self.chunks = None

    def close(self) -> None:
        """The connection has ended."""
        self.reset()
        self._leave()

    def _leave(self) -> None:
        self.account = None
        if self._watched is not None:
            self._watched.close()
            self._watched = None

    def sign_out(self) -> None:
        """What the client signed in with is gone. A message under way is nobody's, and is refused at its end."""
        self._leave()
        self.wire.sign_out()

    def _protocol(self) -> WireProtocol:
        # RFC 3848 §3.
        if self.handler.lmtp:
            return "LMTP"
        if not self.extended:
            return "SMTP"
        if self.wire.tls:
            return "ESMTPSA" if self.account else "ESMTPS"
        return "ESMTPA" if self.account else "ESMTP"

    # -- who is there

    async def _helo(self, argument: str) -> Reply:
        self._hello(argument)
        self.extended = False
        return Reply(250, None, self.service.hostname)

    async def _ehlo(self, argument: str) -> Reply:
        self._hello(argument)
        self.extended = True
        return Reply(250, None, self.service.hostname, self._extensions())

    def _hello(self, argument: str) -> None:
        if not argument or len(argument) > DOMAIN_LIMIT or " " in argument or not argument.isprintable():
            raise ProtocolError(r.BAD_ARGUMENT)
        self.reset()
        self.helo = argument

    def _extensions(self) -> tuple[str, ...]:
        offered = [
            "PIPELINING",
            f"SIZE {self.service.settings.message_size_limit}",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "DSN",
            "CHUNKING",
        ]
        if self.service.tls is not None and self.wire.tls is None:
            offered.append("STARTTLS")
        if self.handler.needs_sign_in and self._may_sign_in():
            offered.append("AUTH " + " ".join(MECHANISMS))
        return tuple(offered)

    def _may_sign_in(self) -> bool:
        return self.wire.tls is not None or self.service.settings.is_loopback

    async def _starttls(self, argument: str) -> Reply | Sequence[Reply]:
        if argument:
            raise ProtocolError(r.BAD_ARGUMENT)
        if self.wire.tls is not None:
            raise ProtocolError(r.TLS_ALREADY)
        if self.service.tls is None:
            raise ProtocolError(r.UNKNOWN_COMMAND)
        await self.wire.say(r.READY_FOR_TLS, now=True)
        await self.wire.start_tls()
        # RFC 3207 §4.2: as if just connected.
        self.reset()
        self._leave()
        self.helo, self.extended = None, False
        return ()

    async def _auth(self, argument: str) -> Reply:
        passwords = self.service.passwords
        if passwords is None or not self.handler.needs_sign_in:
            raise ProtocolError(r.NOT_IMPLEMENTED)
        self._greeted()
        if self.account is not None:
            raise ProtocolError(r.AUTH_ALREADY)
        if self.transaction is not None:
            raise ProtocolError(r.NESTED_MAIL)  # RFC 4954 §4: not within a transaction
        if not self._may_sign_in():
            raise ProtocolError(r.AUTH_NEEDS_TLS)
        mechanism, _, initial = argument.partition(" ")
        if not mechanism or not initial.isascii():
            raise ProtocolError(r.BAD_ARGUMENT)
        outcome = await sign_in(
            mechanism, initial.encode("ascii") if initial else None, self._challenge, passwords, self.peer
        )
        if isinstance(outcome, SignedIn):
            self.account = outcome.account
            self._watched = passwords.watch(outcome.proof, self.sign_out)
            log.info("signed_in", peer=self.peer, account=self.account.id, service=self.service.name)
            return r.SIGNED_IN
        if outcome is r.AUTH_FAILED:
            self._failed_sign_ins += 1
            log.info("sign_in_failed", peer=self.peer, service=self.service.name)
            if self._failed_sign_ins >= FAILED_SIGN_INS:
                return r.TOO_MANY_ERRORS
        return outcome

    async def _challenge(self, challenge: bytes) -> bytes:
        # RFC 4954 §4: 334 and base64.
        await self.wire.say(Reply(334, None, challenge.decode("ascii")), now=True)
        line = await self.wire.intake.line()
        if not line:
            raise ConnectionResetError
        if not line.endswith(b"\r\n"):
            raise ProtocolError(r.LINE_END)
        if len(line) > LINE_LIMIT + 2:
            raise ProtocolError(r.LINE_TOO_LONG)
        return line[:-2]

    def _greeted(self) -> None:
        if self.helo is None:
            raise ProtocolError(r.SAY_HELLO)

    # -- the envelope

    async def _mail(self, argument: str) -> Reply:
        self._greeted()
        if self.handler.needs_sign_in and self.account is None:
            raise ProtocolError(r.NEED_AUTH)
        if self.transaction is not None:
            raise ProtocolError(r.NESTED_MAIL)
        allowed = self.handler.mail_parameters if self.extended else frozenset[str]()
        mail = parameters.parse_mail(argument, allowed=allowed)
        if mail.size is not None and mail.size > self.service.settings.message_size_limit:
            return r.TOO_BIG
        reply = await self.handler.mail(self.client, mail)
        if reply.ok:
            self.transaction = Transaction(mail, self.service.new_id())
        return reply

    async def _rcpt(self, argument: str) -> Reply:
        self._greeted()
        transaction = self.transaction
        if transaction is None:
            raise ProtocolError(r.NEED_MAIL)
        if self.chunks is not None:
            raise ProtocolError(r.MIXED_DATA)
        allowed = parameters.RCPT_SMTP if self.extended else frozenset[str]()
        rcpt = parameters.parse_rcpt(argument, utf8=transaction.mail.smtputf8, allowed=allowed)
        if len(transaction.accepted) >= self.service.settings.limits.recipients:
            return r.TOO_MANY_RECIPIENTS
        outcome = await self.handler.recipient(self.client, transaction, rcpt)
        if isinstance(outcome, Accepted):
            transaction.accepted.append(outcome)
            return r.RECIPIENT_OK
        return outcome

    async def _data(self, argument: str) -> Sequence[Reply]:
        if argument:
            raise ProtocolError(r.BAD_ARGUMENT)
        if self.chunks is not None:
            raise ProtocolError(r.MIXED_DATA)
        return await transfer.data(self)

    async def _bdat(self, argument: str) -> Sequence[Reply]:
        return await transfer.bdat(self, argument)

    # -- the rest

    async def _rset(self, argument: str) -> Reply:
        if argument:
            raise ProtocolError(r.BAD_ARGUMENT)
        self.reset()
        return r.OK

    async def _noop(self, _argument: str) -> Reply:
        return r.OK

    async def _vrfy(self, argument: str) -> Reply:
        # RFC 5321 §3.5.3, §7.3: 252 says nothing, so that nobody's list is confirmed here.
        if not argument:
            raise ProtocolError(r.BAD_ARGUMENT)
        return r.CANNOT_VERIFY

    async def _not_implemented(self, _argument: str) -> Reply:
        return r.NOT_IMPLEMENTED

    async def _help(self, _argument: str) -> Reply:
        return Reply(214, "2.0.0", "RFC 5321 says it all")

    async def _quit(self, argument: str) -> Reply:
        if argument:
            raise ProtocolError(r.BAD_ARGUMENT)
        return r.BYE
