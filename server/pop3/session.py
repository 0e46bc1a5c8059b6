"""One POP3 session as a state machine that does nothing by itself (RFC 1939, RFC 2449, RFC 6856).

`receive` takes a line and returns an action: a reply to send, or something to do first (check a sign-in, send a message,
commit the deletions, start TLS, hang up); whoever does it answers with `opened`, `refused`, `committed` or `secured`.

Invariants: messages are numbered as in the snapshot taken at sign-in, whatever other clients do to the mailbox (RFC 1939 §5);
nothing is deleted unless QUIT comes in the transaction state (RFC 1939 §6, security.md T132); no name or secret is taken in the
clear unless `plain_allowed` or TLS is on.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from itertools import islice

from server.accounts import sasl
from server.accounts.sasl_refusal import Fault, SaslRefused
from server.pop3 import capability, syntax, wording
from server.pop3.action import Action, Begin, Commit, Listing, Maildrop, Retrieve, Send, SignIn, StartTls
from server.pop3.syntax import Command, SyntaxRefused

MAX_BAD_COMMANDS = 20
MAX_FAILED_SIGN_INS = 5
ROWS_AT_ONCE = 1_000
"""A list of more messages is made piece by piece, so that others have their turn between two pieces."""


class State(Enum):
    AUTHORIZATION = auto()
    TRANSACTION = auto()
    UPDATE = auto()


class Session:
    """The protocol side of one connection."""

    def __init__(self, *, tls: bool, tls_available: bool, plain_allowed: bool) -> None:
        self.state = State.AUTHORIZATION
        self.utf8 = False
        """Messages are sent as they are, also those with headers in UTF-8 (RFC 6856 §2.1)."""
        self._language = wording.ENGLISH
        self.days: int | None = None
        """For how many days a message that was retrieved stays at least; before the sign-in, whoever it is."""
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

    def ok(self, text: str, **values: int) -> bytes:
        """A positive reply in the client's language."""
        return syntax.ok(wording.say(self._language, text, **values))

    def error(self, text: str, code: str | None = None, **values: int) -> bytes:
        """A negative reply in the client's language."""
        return syntax.error(wording.say(self._language, text, **values), code)

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

    def begun(self, exchange: sasl.Exchange, initial: bytes | None) -> Action:
        """The mechanism is there."""
        try:
            return self._step(exchange, exchange.start(initial))
        except SaslRefused as error:
            return self.declined(error)

    def declined(self, error: SaslRefused) -> Send:
        """The exchange leads to no sign-in. RFC 3206 §3, §4: whose fault that is, where it is known."""
        if error.fault is Fault.UNAVAILABLE:
            return Send(self.error(str(error), "SYS/TEMP"))
        return self._bad_command(str(error), "AUTH" if error.fault is Fault.ACTING else None)

    def opened(self, maildrop: Maildrop) -> Send:
        """The sign-in was right and the maildrop is ours alone."""
        self.state, self._maildrop = State.TRANSACTION, maildrop
        self.days = maildrop.days
        return Send(
            self.ok("{messages} messages ({octets} octets)", messages=len(maildrop.uids), octets=sum(maildrop.sizes))
        )

    def refused(self, text: str, code: str | None, *, counts: bool = True, **values: int) -> Send:
        """The sign-in failed. RFC 1939 §4: the client may try again, here a few times."""
        self._username = None
        failure, self._failure = self._failure, None
        self._failed += counts
        reply = self.error(text, code, **values)
        if self._failed >= MAX_FAILED_SIGN_INS:
            return Send(reply, close=True)
        if failure is not None and counts:
            # RFC 7628 §3.2.3: the reason goes first as a challenge, and the client answers it with a dummy.
            self._after_failure = True
            return Send(syntax.challenge(failure.line))
        return Send(reply)

    def committed(self, *, complete: bool) -> Send:
        """The deletions are done, or (RFC 1939 §6) some could not be."""
        reply = self.ok("bye") if complete else self.error("some deleted messages not removed", "SYS/TEMP")
        return Send(reply, close=True)

    def secured(self) -> None:
        """TLS is on; RFC 2595 §4: what was said before is forgotten."""
        self._tls = True
        self._username = None

    @property
    def secure(self) -> bool:
        return self._tls

    # -- both states

    def _bad_command(self, text: str, code: str | None = None) -> Send:
        """Before the sign-in a stranger gets a few mistakes only (security.md T104)."""
        self._bad += self.state is State.AUTHORIZATION
        return Send(self.error(text, code), close=self._bad >= MAX_BAD_COMMANDS)

    def capa(self, _command: Command) -> Send:
        found = capability.lines(
            mechanisms=sasl.MECHANISMS if self._plain else (),
            may_start_tls=self._may_start_tls,
            signed_in=self.state is State.TRANSACTION,
            days=self.days,
        )
        return Send(syntax.lines(self.ok("capabilities follow"), found))

    def lang(self, command: Command) -> Send:
        """RFC 6856 §3.2: list the languages, or choose one, from this reply on."""
        words = command.words()
        if not words:
            found = (f"{tag} {name}".encode() for tag, name in wording.LANGUAGES.items())
            return Send(syntax.lines(self.ok("languages follow"), found))
        if len(words) > 1:
            raise SyntaxRefused("wrong number of arguments")
        chosen = wording.choose(words[0].decode("ascii", "replace"))
        if chosen is None:
            return Send(self.error("that language is not spoken here"))
        self._language = chosen
        return Send(syntax.ok(f"{chosen} {wording.say(chosen, 'language changed')}"))

    @property
    def _plain(self) -> bool:
        return self._tls or self._plain_allowed

    @property
    def _may_start_tls(self) -> bool:
        return self._tls_available and not self._tls

    def quit(self, _command: Command) -> Action:
        if self.state is State.AUTHORIZATION:
            return Send(self.ok("bye"), close=True)
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
        return Send(self.ok("name taken, send PASS"))

    def password(self, command: Command) -> Action:
        self._need_plain()
        if self._username is None:
            raise SyntaxRefused("send USER first")
        if not command.argument:
            raise SyntaxRefused("a password is needed")
        return SignIn(sasl.Claim(self._username, _utf8(command.argument)))

    def auth(self, command: Command) -> Action:
        self._need_plain()
        words = command.words()
        if not words:
            # Not in RFC 5034, but Outlook and getmail ask for the list this way.
            return Send(syntax.lines(self.ok("mechanisms follow"), (m.encode("ascii") for m in sasl.MECHANISMS)))
        if len(words) > 2:
            raise SyntaxRefused("too many words")
        return Begin(words[0].decode("ascii", "replace"), words[1] if len(words) == 2 else None)

    def _continue(self, exchange: sasl.Exchange, line: bytes) -> Action:
        self._exchange = None
        try:
            return self._step(exchange, exchange.answer(line))
        except SaslRefused as error:
            return self.declined(error)

    def _step(self, exchange: sasl.Exchange, step: sasl.Step) -> Action:
        if isinstance(step, sasl.Challenge):
            self._exchange = exchange
            return Send(syntax.challenge(step.line))
        self._failure = exchange.failure()
        return SignIn(step, exchange)

    def _end_of_bearer_exchange(self) -> Send:
        self._after_failure = False
        return Send(self.error("sign-in failed", "AUTH"))

    def stls(self, _command: Command) -> Action:
        # RFC 2595 §4: only in the authorization state, and not twice.
        if not self._may_start_tls:
            return Send(self.error("TLS is active already" if self._tls else "TLS is not available"))
        if self.utf8:
            # RFC 6856 §2.1: a client must not, and this is told to it.
            return Send(self.error("STLS must come before UTF8"))
        return StartTls(self.ok("begin TLS"))

    def use_utf8(self, command: Command) -> Send:
        """RFC 6856 §2.1: messages go out as they are. Without arguments; in the authorization state alone."""
        if command.argument.strip():
            raise SyntaxRefused("wrong number of arguments")
        self.utf8 = True
        return Send(self.ok("UTF-8 from here on"))

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
        sizes = self._drop.sizes
        octets = sum(sizes) - sum(sizes[index] for index in self._deleted)
        return Send(syntax.ok(f"{len(sizes) - len(self._deleted)} {octets}"))

    def list_(self, command: Command) -> Send | Listing:
        sizes = self._drop.sizes
        return self._listing(command, "scan listing follows", lambda index: b"%d" % sizes[index])

    def uidl(self, command: Command) -> Send | Listing:
        drop = self._drop
        return self._listing(
            command, "unique ids follow", lambda index: syntax.unique_id(drop.uidvalidity, drop.uids[index])
        )

    def _listing(self, command: Command, first: str, value: Callable[[int], bytes]) -> Send | Listing:
        words = command.words()
        if words:
            index = self._index(words, 1)
            return Send(syntax.ok(f"{index + 1} {value(index).decode('ascii')}"))
        count = len(self._drop.uids)
        rows = (b"%d %b\r\n" % (i + 1, value(i)) for i in range(count) if i not in self._deleted)
        pieces = self._pieces(first, rows)
        return Send(b"".join(pieces)) if count <= ROWS_AT_ONCE else Listing(pieces)

    def _pieces(self, first: str, rows: Iterator[bytes]) -> Iterator[bytes]:
        yield self.ok(first)
        while piece := b"".join(islice(rows, ROWS_AT_ONCE)):
            yield piece
        yield syntax.END

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
        return Send(self.ok("message {number} deleted", number=index + 1))

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
    (State.AUTHORIZATION, "UTF8"): Session.use_utf8,
    (State.AUTHORIZATION, "LANG"): Session.lang,
    (State.AUTHORIZATION, "QUIT"): Session.quit,
    (State.TRANSACTION, "CAPA"): Session.capa,
    (State.TRANSACTION, "LANG"): Session.lang,
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
