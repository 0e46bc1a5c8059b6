"""One POP3 session as a state machine that does nothing by itself (RFC 1939).

`receive` takes a line and returns an action: a reply to send, or something to do first (check a sign-in, send a message,
commit the deletions, start TLS, hang up); whoever does it answers with `opened`, `refused`, `committed` or `secured`.

Invariants: messages are numbered as in the snapshot taken at sign-in, whatever other clients do to the mailbox (RFC 1939 §5);
nothing is deleted unless QUIT comes in the transaction state (RFC 1939 §6, security.md T132); no name or secret is taken in the
clear unless `plain_allowed` or TLS is on.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from server.accounts import sasl
from server.accounts.sasl import SaslRefused
from server.pop3 import syntax
from server.pop3.syntax import Command, SyntaxRefused

MAX_BAD_COMMANDS = 20
MAX_FAILED_SIGN_INS = 5


@dataclass(frozen=True, slots=True)
class Maildrop:
    """What INBOX held at sign-in; message n of the session is index n - 1 of each array."""

    mailbox_id: int
    uidvalidity: int
    uids: "array[int]"
    sizes: "array[int]"


@dataclass(frozen=True, slots=True)
class Send:
    """Octets for the client; `close`: hang up after them."""

    data: bytes
    close: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check this claim and open the maildrop."""

    claim: sasl.Claim


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Send this message: all of it, or its headers and `top` lines."""

    uid: int
    size: int
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Delete these for good, then answer."""

    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StartTls:
    """Say so, then begin the handshake; what the client sent ahead is dropped."""

    data: bytes


Action = Send | SignIn | Retrieve | Commit | StartTls


class State(Enum):
    AUTHORIZATION = auto()
    TRANSACTION = auto()
    UPDATE = auto()


class Session:
    """The protocol side of one connection."""

    def __init__(self, *, tls: bool, tls_available: bool, plain_allowed: bool) -> None:
        self.state = State.AUTHORIZATION
        self._tls, self._tls_available, self._plain_allowed = tls, tls_available, plain_allowed
        self._username: str | None = None
        self._exchange: sasl.Exchange | None = None
        self._failure: sasl.Challenge | None = None
        """What the client hears before the refusal of the claim that is being checked."""
        self._after_failure = False
        self._maildrop: Maildrop | None = None
        self._deleted: set[int] = set()
        self._bad = 0
        self._failed = 0

    def greeting(self) -> bytes:
        """No timestamp in it: APOP (RFC 1939 §7) would need the password in the clear on our disk."""
        return syntax.ok("Posthouse POP3 ready")

    def receive(self, line: bytes) -> Action:
        """Return what to do about one line."""
        if self._after_failure:
            return self._end_of_bearer_exchange()
        if self._exchange is not None:
            return self._continue(self._exchange, line)
        try:
            command = syntax.command(line)
            handler = _TABLE.get((self.state, command.verb))
            if handler is None:
                return self._bad_command("unknown command" if command.verb not in _VERBS else "not in this state")
            return handler(self, command)
        except SyntaxRefused as error:
            return self._bad_command(str(error))

    # -- answers of whoever carries out the actions

    def opened(self, maildrop: Maildrop) -> Send:
        """The sign-in was right and the maildrop is ours alone."""
        self.state, self._maildrop = State.TRANSACTION, maildrop
        return Send(syntax.ok(f"{len(maildrop.uids)} messages ({sum(maildrop.sizes)} octets)"))

    def refused(self, text: str, code: str | None, *, counts: bool = True) -> Send:
        """The sign-in failed. RFC 1939 §4: the client may try again, here a few times."""
        self._username = None
        failure, self._failure = self._failure, None
        self._failed += counts
        reply = syntax.error(text, code)
        if self._failed >= MAX_FAILED_SIGN_INS:
            return Send(reply, close=True)
        if failure is not None and counts:
            # RFC 7628 §3.2.3: the reason goes first as a challenge, and the client answers it with a dummy.
            self._after_failure = True
            return Send(syntax.challenge(failure.line))
        return Send(reply)

    def committed(self, *, complete: bool) -> Send:
        """The deletions are done, or (RFC 1939 §6) some could not be."""
        text = syntax.ok("bye") if complete else syntax.error("some deleted messages not removed", "SYS/TEMP")
        return Send(text, close=True)

    def secured(self) -> None:
        """TLS is on; RFC 2595 §4: what was said before is forgotten."""
        self._tls = True
        self._username = None

    @property
    def secure(self) -> bool:
        return self._tls

    # -- both states

    def _bad_command(self, text: str) -> Send:
        """Before the sign-in a stranger gets a few mistakes only (security.md T104)."""
        self._bad += self.state is State.AUTHORIZATION
        return Send(syntax.error(text), close=self._bad >= MAX_BAD_COMMANDS)

    def capa(self, _command: Command) -> Send:
        # RFC 2449 §5: CAPA is valid in both states and lists what holds in general.
        found = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self.state is State.AUTHORIZATION and self._plain:
            found += ["USER", "SASL " + " ".join(sasl.MECHANISMS)]
        if self.state is State.AUTHORIZATION and self._may_start_tls:
            found.append("STLS")
        return Send(syntax.lines("capabilities follow", (name.encode("ascii") for name in found)))

    @property
    def _plain(self) -> bool:
        return self._tls or self._plain_allowed

    @property
    def _may_start_tls(self) -> bool:
        return self._tls_available and not self._tls

    def quit(self, _command: Command) -> Action:
        if self.state is State.AUTHORIZATION:
            return Send(syntax.ok("bye"), close=True)
        self.state = State.UPDATE
        maildrop = self._drop
        return Commit(tuple(maildrop.uids[index] for index in sorted(self._deleted)))

    # -- authorization state

    def user(self, command: Command) -> Send:
        self._need_plain()
        name = command.argument.strip()
        if not name:
            raise SyntaxRefused("a name is needed")
        self._username = _utf8(name)
        # RFC 1939 §7: the answer does not tell whether the name exists.
        return Send(syntax.ok("name taken, send PASS"))

    def password(self, command: Command) -> Action:
        self._need_plain()
        if self._username is None:
            raise SyntaxRefused("send USER first")
        if not command.argument:
            raise SyntaxRefused("a password is needed")
        return SignIn(sasl.Claim(self._username, _utf8(command.argument)))

    def auth(self, command: Command) -> Action:
        words = command.words()
        if not words:
            # Not in RFC 5034, but Outlook and getmail ask for the list this way.
            return Send(syntax.lines("mechanisms follow", (m.encode("ascii") for m in sasl.MECHANISMS)))
        self._need_plain()
        if len(words) > 2:
            raise SyntaxRefused("too many words")
        try:
            exchange = sasl.Exchange(words[0].decode("ascii", "replace"))
            return self._step(exchange, exchange.start(words[1] if len(words) == 2 else None))
        except SaslRefused as error:
            return self._bad_command(str(error))

    def _continue(self, exchange: sasl.Exchange, line: bytes) -> Action:
        self._exchange = None
        try:
            return self._step(exchange, exchange.answer(line))
        except SaslRefused as error:
            return self._bad_command(str(error))

    def _step(self, exchange: sasl.Exchange, step: sasl.Step) -> Action:
        if isinstance(step, sasl.Claim):
            self._failure = exchange.failure()
            return SignIn(step)
        self._exchange = exchange
        return Send(syntax.challenge(step.line))

    def _end_of_bearer_exchange(self) -> Send:
        self._after_failure = False
        return Send(syntax.error("sign-in failed", "AUTH"))

    def stls(self, _command: Command) -> Action:
        # RFC 2595 §4: only in the authorization state, and not twice.
        if not self._may_start_tls:
            return Send(syntax.error("TLS is active already" if self._tls else "TLS is not available"))
        return StartTls(syntax.ok("begin TLS"))

    def _need_plain(self) -> None:
        if not self._plain:
            raise SyntaxRefused("sign in over TLS only")

    # -- transaction state

    @property
    def _drop(self) -> Maildrop:
        if self._maildrop is None:
            raise SyntaxRefused("not in this state")
        return self._maildrop

    def stat(self, _command: Command) -> Send:
        left = [size for index, size in enumerate(self._drop.sizes) if index not in self._deleted]
        return Send(syntax.ok(f"{len(left)} {sum(left)}"))

    def list_(self, command: Command) -> Send:
        sizes = self._drop.sizes
        return self._listing(command, "scan listing follows", lambda index: b"%d" % sizes[index])

    def uidl(self, command: Command) -> Send:
        drop = self._drop
        return self._listing(
            command, "unique ids follow", lambda index: syntax.unique_id(drop.uidvalidity, drop.uids[index])
        )

    def _listing(self, command: Command, first: str, value: Callable[[int], bytes]) -> Send:
        words = command.words()
        if words:
            index = self._index(words, 1)
            return Send(syntax.ok(f"{index + 1} {value(index).decode('ascii')}"))
        rows = (b"%d %b" % (i + 1, value(i)) for i in range(len(self._drop.uids)) if i not in self._deleted)
        return Send(syntax.lines(first, rows))

    def retr(self, command: Command) -> Retrieve:
        index = self._index(command.words(), 1)
        return Retrieve(self._drop.uids[index], self._drop.sizes[index])

    def top(self, command: Command) -> Retrieve:
        words = command.words()
        index = self._index(words, 2)
        return Retrieve(self._drop.uids[index], self._drop.sizes[index], syntax.number(words[1]))

    def dele(self, command: Command) -> Send:
        index = self._index(command.words(), 1)
        self._deleted.add(index)
        return Send(syntax.ok(f"message {index + 1} deleted"))

    def rset(self, _command: Command) -> Send:
        self._deleted.clear()
        return Send(syntax.ok())

    def noop(self, _command: Command) -> Send:
        return Send(syntax.ok())

    def _index(self, words: list[bytes], count: int) -> int:
        if len(words) != count:
            raise SyntaxRefused("wrong number of arguments")
        index = syntax.number(words[0]) - 1
        if not 0 <= index < len(self._drop.uids) or index in self._deleted:
            raise SyntaxRefused("no such message")
        return index


def _utf8(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SyntaxRefused("not UTF-8") from error


_Handler = Callable[[Session, Command], Action]

_TABLE: dict[tuple[State, str], _Handler] = {
    (State.AUTHORIZATION, "CAPA"): Session.capa,
    (State.AUTHORIZATION, "USER"): Session.user,
    (State.AUTHORIZATION, "PASS"): Session.password,
    (State.AUTHORIZATION, "AUTH"): Session.auth,
    (State.AUTHORIZATION, "STLS"): Session.stls,
    (State.AUTHORIZATION, "QUIT"): Session.quit,
    (State.TRANSACTION, "CAPA"): Session.capa,
    (State.TRANSACTION, "STAT"): Session.stat,
    (State.TRANSACTION, "LIST"): Session.list_,
    (State.TRANSACTION, "UIDL"): Session.uidl,
    (State.TRANSACTION, "RETR"): Session.retr,
    (State.TRANSACTION, "TOP"): Session.top,
    (State.TRANSACTION, "DELE"): Session.dele,
    (State.TRANSACTION, "RSET"): Session.rset,
    (State.TRANSACTION, "NOOP"): Session.noop,
    (State.TRANSACTION, "QUIT"): Session.quit,
}
_VERBS = frozenset(verb for _, verb in _TABLE)
