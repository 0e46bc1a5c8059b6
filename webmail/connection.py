"""The webmail's door to IMAP: the only importer of imapclient, and one wrapper class, `Mail`, around it.

Invariants: every argument has passed `imap_command`, so no NUL, CR or LF can split a command (T128); a literal or a line of
the server is read only up to a limit; every socket operation has a time-out; a connection that failed is never reused.
Whatever server stands behind it (ours, or a foreign one by configuration), what it lacks is answered by a fall-back.
RFC 9051, and by capability: RFC 6154, 5819 (LIST-STATUS), 5256 (SORT), 5267 (ESORT, PARTIAL), 6851 (MOVE), 8508, 4315, 9208.
"""

import imaplib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import IO, Any, Protocol, cast

from flask import current_app
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.imap_utf7 import decode as decode_utf7
from imapclient.imap_utf7 import encode as encode_utf7
from imapclient.tls import IMAP4_TLS

from server.config import Settings
from webmail import doors
from webmail import imap_command as command
from webmail import imap_response as response
from webmail.envelope import Fetched, fetched
from webmail.imap_buffer import has_unread
from webmail.imap_command import BadArgument, Literal, Piece, Token
from webmail.mail_error import MailRefused, MailUnavailable, SignInExpired
from webmail.pool import Pool, PoolBusy
from webmail.session import desk

__all__ = ["BadArgument", "Mail", "MailRefused", "MailUnavailable", "SignInExpired", "connect", "lease"]

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
MAX_LINE = 32 * 2**20  # a server without PARTIAL answers SORT of a million messages in one line of 8 MB
LITERAL_SLACK = 2**20
_EXTENSION = "posthouse_mail_pool"


class Signed(Protocol):
    """The part of a web session that signs in to IMAP."""

    @property
    def address(self) -> str: ...

    @property
    def token(self) -> str: ...

    @property
    def token_id(self) -> int: ...


class _Bounded:
    """Limits on what is read from the server, mixed into imaplib's client."""

    file: IO[bytes]
    literal_limit = 50 * 2**20

    def read(self, size: int) -> bytes:
        if size > self.literal_limit:
            raise imaplib.IMAP4.abort("literal over the limit")
        return self.file.read(size)

    def readline(self) -> bytes:
        line = self.file.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise imaplib.IMAP4.abort("line over the limit")
        return line


class _Plain(_Bounded, IMAP4WithTimeout): ...  # type: ignore[misc]


class _Tls(_Bounded, IMAP4_TLS): ...  # type: ignore[misc]


class _Client(IMAPClient):  # type: ignore[misc]
    """imapclient with bounded reads and without its log of every line."""

    def _create_IMAP4(self) -> Any:  # noqa: N802 - imapclient's name
        if self.ssl:
            return _Tls(self.host, self.port, self.ssl_context, self._timeout.connect)
        return _Plain(self.host, self.port, self._timeout.connect)

    def quietly_shut(self) -> None:
        with suppress(Exception):
            self.shutdown()


class Mail:
    """One signed-in IMAP connection. Not for two threads at once: `lease` sees to that."""

    def __init__(self, client: IMAPClient) -> None:
        self._client = client
        self._imap = client._imap  # noqa: SLF001 - imapclient offers no other way to send several literals
        self._imap.debug = 0  # imapclient formats and logs every line, secrets included, unless this is off
        self.capabilities = frozenset(item.decode("ascii", "replace").upper() for item in client.capabilities())
        self.selected: tuple[str, int] | None = None
        self.broken, self.has_news, self.keeps_seen = False, False, True
        self.exists = self.highestmodseq = 0
        self.own = self._is_own()

    def _is_own(self) -> bool:
        """Whether it is our own server, which keeps $HasAttachment; of another that cannot be known (RFC 2971)."""
        if not self.has("ID", "OBJECTID"):
            return False
        try:
            return b'"Posthouse"' in response.joined(self.run(b"ID NIL").records("ID"))
        except MailRefused:
            return False

    def has(self, *names: str) -> bool:
        """Whether the server offers all of these."""
        return all(name in self.capabilities for name in names)

    def run(self, *pieces: Piece) -> response.Answer:
        """Send one command (its pieces stand exactly as given) and wait for its end.

        Raises:
            MailRefused: the server said NO or BAD.
            MailUnavailable: the connection is gone; it is marked broken.
        """
        imap = self._imap
        self.broken = True  # until the command has ended: whatever cuts it short leaves the connection out of step
        try:
            imap.untagged_responses = {}
            tag = imap._new_tag()  # noqa: SLF001
            self._send(tag, pieces)
            kind, data = imap._command_complete("UID", tag)  # noqa: SLF001
        except (imaplib.IMAP4.abort, OSError) as error:
            raise MailUnavailable("the connection to the mail server broke") from error
        except (imaplib.IMAP4.error, IMAPClientError) as error:
            self.broken = False
            raise MailRefused("", str(error)) from error
        except MailRefused:
            self.broken = False
            raise
        self.broken = False
        if kind != "OK":
            text = b" ".join(part for part in data if isinstance(part, bytes)).decode("utf-8", "replace")
            raise MailRefused.from_text(text)
        answer = response.Answer(imap.untagged_responses)
        # RFC 9051 §5.2: any answer may tell of the selected mailbox, and what is told once is not told again.
        self.has_news |= any(answer.records(kind) for kind in ("EXISTS", "EXPUNGE", "FETCH", "VANISHED"))
        if told := answer.records("EXISTS"):
            self.exists = response.number(cast("bytes", told[-1]))
        return answer

    def _send(self, tag: bytes, pieces: Sequence[Piece]) -> None:
        synchronising = "LITERAL+" not in self.capabilities
        out = bytearray(tag + b" ")
        for piece in pieces:
            if not isinstance(piece, Literal):
                out += piece
                continue
            small = len(piece.data) <= 4096 and "LITERAL-" in self.capabilities
            wait = synchronising and not small
            out += b"{%d%s}\r\n" % (len(piece.data), b"" if wait else b"+")
            if wait:
                self._imap.send(bytes(out))
                out.clear()
                self._await_continuation(tag)
            out += piece.data
        self._imap.send(bytes(out) + b"\r\n")

    def _await_continuation(self, tag: bytes) -> None:
        # RFC 9051 §7.6: the server says `+` before it takes a literal, or ends the command.
        while self._imap._get_response():  # noqa: SLF001
            if self._imap.tagged_commands.get(tag):
                kind, data = self._imap.tagged_commands.pop(tag)
                raise MailRefused.from_text(f"{kind} {(data[-1] or b'').decode('utf-8', 'replace')}")

    def select(self, mailbox: str) -> int:
        """Select the mailbox unless it already is, and give its UIDVALIDITY."""
        if self.selected and self.selected[0] == mailbox:
            return self.selected[1]
        self.selected = None
        # RFC 7162 §3.1.8: without the parameter a server may keep no modification sequences.
        parameter = b" (CONDSTORE)" if self.has("CONDSTORE") else b""
        answer = self.run(b"SELECT ", mailbox_name(mailbox), parameter)
        uidvalidity = response.number(answer.code("UIDVALIDITY"))
        self.highestmodseq = response.number(answer.code("HIGHESTMODSEQ"))
        # RFC 9051 §7.1: without the code all flags stay. In a mailbox of somebody else reading may leave no trace.
        self.keeps_seen = b"\\seen" in (answer.code("PERMANENTFLAGS") or b"\\seen").lower()
        self.selected, self.has_news = (mailbox, uidvalidity), False
        return uidvalidity

    def unselect(self) -> None:
        """Forget the mailbox, as after a rename or delete."""
        if self.selected and self.has("UNSELECT"):
            self.run(b"UNSELECT")
        elif self.selected:
            self.broken = True
        self.selected = None

    def search(self, tokens: Sequence[Token]) -> list[int]:
        """UIDs of the selected mailbox that match, ascending."""
        charset = b"CHARSET UTF-8 " if command.needs_utf8(tokens) else b""
        if self.has("ESEARCH") or self.has("IMAP4REV2"):
            # RFC 9051 §6.4.4: RETURN (ALL) answers with a compact set.
            answer = self.run(b"UID SEARCH RETURN (ALL) ", charset, *command.criteria(tokens))
            return sorted(response.extended_search(answer.records("ESEARCH")).uids)
        answer = self.run(b"UID SEARCH ", charset, *command.criteria(tokens))
        return sorted(response.plain_numbers(answer.records("SEARCH")))

    def sort(
        self, keys: Sequence[str], tokens: Sequence[Token], *, first: int = 1, last: int = 0
    ) -> response.Found | None:
        """UIDs in the wanted order, positions `first` to `last` (0 = all); None where the server cannot sort."""
        if not self.has("SORT"):
            return None
        order = b"(" + b" ".join(command.atom(key) for key in keys) + b") UTF-8 "
        wanted = command.criteria(tokens)
        # RFC 5267 §4.4: PARTIAL spares the server and us the rest of a long answer.
        if last and self.has("ESORT") and (self.has("CONTEXT=SORT") or self.has("PARTIAL")):
            window = b"RETURN (COUNT PARTIAL %d:%d) " % (first, last)
            with suppress(MailRefused):  # RFC 5267 does not let COUNT fail, but some servers do
                return response.extended_search(self.run(b"UID SORT ", window, order, *wanted).records("ESEARCH"))
        uids = response.plain_numbers(self.run(b"UID SORT ", order, *wanted).records("SORT"))
        return response.Found(uids[first - 1 : last or None], len(uids))

    def fetch(self, uids: Iterable[int], items: Sequence[str], *, modifier: bytes = b"") -> dict[int, Fetched]:
        """FETCH by UID; several responses for one message are joined."""
        answer = self.run(b"UID FETCH ", command.uid_set(uids), b" ", command.fetch_items(["UID", *items]), modifier)
        try:
            rows = response.fetch_rows(answer.records("FETCH"))
        except response.Unreadable as error:
            raise MailRefused("", f"unreadable FETCH response {error}") from error
        merged: dict[int, dict[str, response.Item]] = {}
        for sequence, values in rows:
            merged.setdefault(sequence, {}).update(values)
        found = (fetched(values) for values in merged.values())
        return {one.uid: one for one in found if one is not None}

    def store(self, uids: Iterable[int], names: Iterable[str], *, add: bool) -> None:
        """Set or clear flags and keywords."""
        sign = b"+" if add else b"-"
        self.run(b"UID STORE ", command.uid_set(uids), b" ", sign, b"FLAGS.SILENT ", command.flags(names))

    def move(self, uids: Sequence[int], target: str) -> response.Copied | None:
        """Move messages of the selected mailbox; what they are called now, when the server says so."""
        members = command.uid_set(uids)
        if self.has("MOVE") or self.has("IMAP4REV2"):
            answer = self.run(b"UID MOVE ", members, b" ", mailbox_name(target))
            return response.copied(answer.code("COPYUID"))
        copied = self.copy(uids, target)
        self.delete(uids)
        return copied

    def copy(self, uids: Sequence[int], target: str) -> response.Copied | None:
        answer = self.run(b"UID COPY ", command.uid_set(uids), b" ", mailbox_name(target))
        return response.copied(answer.code("COPYUID"))

    def delete(self, uids: Sequence[int]) -> None:
        """Remove messages for good."""
        self.store(uids, ["\\Deleted"], add=True)
        if self.has("UIDPLUS") or self.has("IMAP4REV2"):
            self.run(b"UID EXPUNGE ", command.uid_set(uids))
        else:
            self.run(b"EXPUNGE")

    def append(
        self, mailbox: str, raw: bytes, *, names: Iterable[str] = (), at: datetime | None = None, over: int = 0
    ) -> tuple[int, int] | None:
        """Add a message (instead of `over`, where that is selected: RFC 8508); (UIDVALIDITY, UID) when the server says so."""
        act = b"UID REPLACE %d " % over if over else b"APPEND "
        date = b' "' + at.strftime("%d-%b-%Y %H:%M:%S +0000").encode("ascii") + b'"' if at else b""
        answer = self.run(act, mailbox_name(mailbox), b" ", command.flags(names), date, b" ", Literal(raw))
        words = (answer.code("APPENDUID") or b"").split()
        return (int(words[0]), int(words[1])) if len(words) == 2 and all(word.isdigit() for word in words) else None

    def create(self, mailbox: str) -> None:
        """Make a mailbox and subscribe to it."""
        self.run(b"CREATE ", mailbox_name(mailbox))
        self.run(b"SUBSCRIBE ", mailbox_name(mailbox))

    def rename(self, mailbox: str, name: str) -> None:
        self.unselect()
        self.run(b"RENAME ", mailbox_name(mailbox), b" ", mailbox_name(name))
        with suppress(MailRefused):
            self.run(b"UNSUBSCRIBE ", mailbox_name(mailbox))
        self.run(b"SUBSCRIBE ", mailbox_name(name))

    def remove_mailbox(self, mailbox: str) -> None:
        self.unselect()
        self.run(b"DELETE ", mailbox_name(mailbox))
        with suppress(MailRefused):
            self.run(b"UNSUBSCRIBE ", mailbox_name(mailbox))

    def usable(self) -> bool:
        """NOOP: alive, and told of what happened meanwhile."""
        if self.broken:
            return False
        try:
            self.run(b"NOOP")
        except (MailRefused, MailUnavailable):
            return False
        return True

    def idle(self, seconds: float) -> list[Any]:
        """Wait in IDLE for what the server says, at most so long (RFC 2177)."""
        try:
            self._client.idle()
            # imapclient waits at the socket; what came in one packet with the continuation is past it already.
            heard = (
                [] if has_unread(self._imap.sock, self._imap.file) else list(self._client.idle_check(timeout=seconds))
            )
            heard += self._client.idle_done()[1]
        except (imaplib.IMAP4.error, IMAPClientError, OSError, ValueError) as error:
            self.broken = True
            raise MailUnavailable("the connection to the mail server broke") from error
        return heard

    def close(self) -> None:
        """End the connection without waiting long."""
        with suppress(Exception):
            self._imap.send(b"Z LOGOUT\r\n")
        with suppress(Exception):
            self._client.shutdown()


def mailbox_name(name: str) -> bytes:
    """A mailbox name on the wire, in modified UTF-7, which every server reads (RFC 3501 §5.1.3)."""
    command.refuse(name)
    if not name or len(name) > 1000:
        raise BadArgument("not a mailbox name")
    return command.quoted(encode_utf7(name).decode("ascii"))


def readable_name(name: bytes) -> str:
    """A mailbox name of the server as people write it."""
    try:
        return cast("str", decode_utf7(name))
    except (ValueError, LookupError):
        return name.decode("utf-8", "replace")


def connect(settings: Settings, address: str, secret: str) -> Mail:
    """Open a connection and sign in.

    Raises:
        SignInExpired: the server does not accept the token any more.
        MailUnavailable: no connection.
    """
    timeout = SocketTimeout(CONNECT_SECONDS, READ_SECONDS)
    try:
        door = doors.imap(settings)
        implicit = door.protection == "implicit"
        client = _Client(door.host, door.port, ssl=implicit, ssl_context=door.context, timeout=timeout)
    except (OSError, imaplib.IMAP4.error, IMAPClientError) as error:
        raise MailUnavailable("the mail server does not answer") from error
    try:
        client._imap.debug = 0  # noqa: SLF001
        client._imap.literal_limit = settings.message_size_limit + LITERAL_SLACK  # noqa: SLF001
        if door.protection == "starttls":
            client.starttls(door.context)
        client.plain_login(command.refuse(address), command.refuse(secret))
        return Mail(client)
    except LoginError as error:
        client.quietly_shut()
        raise SignInExpired("the mail server refused the sign-in") from error
    except (OSError, imaplib.IMAP4.error, IMAPClientError) as error:
        client.quietly_shut()
        raise MailUnavailable("the mail server does not answer") from error


def pool() -> Pool[Mail]:
    """The connections of this application and process, made at first use (after the fork of a worker)."""
    found: Pool[Mail] = current_app.extensions.setdefault(_EXTENSION, Pool(time.monotonic))
    return found


@contextmanager
def lease(session: Signed, mailbox: str | None = None) -> Iterator[Mail]:
    """Borrow a connection of this session for one request (needs an application context).

    Args:
        session: Who is signed in.
        mailbox: Which mailbox will be selected, so that a connection that already has it is taken when there is one.
    """
    waiting, key = pool(), str(session.token_id)
    settings = desk.settings
    try:
        mail = waiting.acquire(
            key,
            lambda: connect(settings, session.address, session.token),
            prefer=lambda one: bool(one.selected and one.selected[0] == mailbox),
        )
    except PoolBusy as error:
        raise MailUnavailable("too many requests at once") from error
    try:
        yield mail
    except BaseException:
        waiting.release(key, mail, broken=mail.broken)
        raise
    waiting.release(key, mail, broken=mail.broken)
