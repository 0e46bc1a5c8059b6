"""What a command handler is given and what it gives back: `Context`, `Row` of the dispatch table, and the seam to the connection.

A handler is `async def name(ctx, command) -> Reply`. It reads its arguments, calls the store, returns values; the session adds the
tag and the changes that other clients made. Long answers are sent piece by piece with `ctx.send` and `ctx.drain`.
"""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from enum import Enum, Flag, auto
from typing import Any, Protocol, TypeVar

from server.accounts.account import Account
from server.accounts.credential import Authenticator
from server.accounts.directory import Directory
from server.config import Settings
from server.db.transaction import Reader, Writer
from server.imap import access
from server.imap.access import Guest, Place, ViewLost
from server.imap.errors import Reason, Refusal
from server.imap.newness import Heard, Key
from server.imap.recent import RecentMessages
from server.imap.result_context import ResultContext
from server.imap.selected import Selected
from server.imap.syntax.fragment import Fragment, FragmentLimits
from server.imap.syntax.mailbox_name import encode_utf7
from server.imap.syntax.response import Reply, string
from server.imap.syntax.sequence import Ranges
from server.imap.thread_answers import ThreadAnswers
from server.imap.watch import Watch
from server.net.budget import Budgets, Share, Turns
from server.net.limits import ConnectionLimits
from server.notify.bus import SIGN_INS, Bus, Subscription
from server.store.store import Store

T = TypeVar("T")

FLUSH_SIZE = 64 * 1024
ANSWERS = 64 * 2**20
"""Octets of large messages on their way to the clients of one account at a time."""
KEPT = 64 * 2**20
"""Octets of large messages that the connections of one account keep for the next piece."""
UPLOADS = 3
"""Appends with large messages that come in for one account at a time."""


class State(Enum):
    """RFC 9051 §3."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    LOGOUT = auto()


class Effect(Flag):
    """What the session must know of a command beyond its name."""

    NONE = 0
    USES_NUMBERS = auto()
    """Message numbers in arguments or answer: no EXPUNGE may be sent while it runs (RFC 9051 §7.5.1)."""
    LOOKS = auto()
    """The client asks for news: the store is read even if nobody has told of a change."""
    SEES = auto()
    """Its answer is about the messages of the mailbox: new ones are announced first, so that they are among them."""
    EXPUNGES = auto()
    """What it takes away itself is told, whatever NOTIFY says of the rest."""
    QUIET = auto()
    """No news of the mailbox with this one."""


class Event(Enum):
    """What a wait for the client ended in, besides a fragment."""

    CLOSED = auto()
    WOKEN = auto()
    TIMEOUT = auto()
    FINISHING = auto()
    SIGNED_OUT = auto()


class SignedOut(Exception):
    """What the client signed in with is gone (`server.accounts.watch`); the session says BYE."""


class Channel(Protocol):
    """One client's connection as the session sees it."""

    peer: str
    tls: bool
    limits: FragmentLimits

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written; raises ConnectionError when it does not."""
        ...

    async def next(self, seconds: float, *, wakeable: bool = False) -> Fragment | Event: ...

    def wake(self) -> None: ...

    def sign_out(self) -> None:
        """Let the next wait end in `Event.SIGNED_OUT`, before whatever the client has sent already."""
        ...

    async def start_tls(self, context: ssl.SSLContext) -> None: ...

    @property
    def compressed(self) -> bool:
        """Whether what comes from the client is unpacked."""
        ...

    def inflate(self) -> bool:
        """Unpack all that comes from now on; False, and nothing done, if something has come already."""
        ...

    def deflate(self) -> None:
        """Pack all that is written from now on."""
        ...

    def end_inflation(self) -> bool:
        """Take what comes from now on as it is; False, and nothing done, if something compressed has come already."""
        ...

    def end_deflation(self) -> None:
        """Send what is written from now on as it is. What was written before must have been drained."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What all connections share."""

    settings: Settings
    store: Store
    directory: Directory
    authenticator: Authenticator
    bus: Bus
    tls: ssl.SSLContext | None
    limits: ConnectionLimits
    answers: Budgets = field(default_factory=lambda: Budgets(ANSWERS))
    kept: Share = field(default_factory=lambda: Share(KEPT))
    heard: Heard = field(default_factory=Heard)
    uploads: Turns = field(default_factory=lambda: Turns(UPLOADS))
    threads: ThreadAnswers = field(default_factory=ThreadAnswers)


_OF_THE_CONNECTION = {"services", "channel", "tag", "sign_in_failures", "uploading", "_out", "_out_size"}
"""What of a context is no matter of who has signed in."""


@dataclass(slots=True)
class Context:
    """One connection's state. Only its task touches it, but `woken` and `signed_out` are set from outside."""

    services: Services
    channel: Channel
    log: Any
    state: State = State.NOT_AUTHENTICATED
    tag: bytes = b"*"
    account: Account | None = None
    selected: Selected | None = None
    utf8: bool = False
    rev2: bool = False
    condstore: bool = False
    qresync: bool = False
    uid_only: bool = False
    """RFC 9586: no message number is said or understood."""
    saved: Ranges = ()
    watch: Watch | None = None
    """What NOTIFY has asked for; None while it has never been used (RFC 5465 §3.1)."""
    contexts: tuple[ResultContext, ...] = ()
    """Results of searches in the selected mailbox that are kept up to date (RFC 5267 §4.3)."""
    sign_in_failures: int = 0
    uploading: int = 0
    """The account whose turn to upload this connection has."""
    woken: bool = False
    signed_out: bool = False
    subscriptions: list[Subscription] = field(default_factory=list)
    visits: list[Subscription] = field(default_factory=list)
    """What is heard of another account while a mailbox of it is selected."""
    heard: set[Key] = field(default_factory=set)
    """Mailboxes in which this session was the first to be told of something."""
    recent: RecentMessages = field(default_factory=RecentMessages)
    _out: list[bytes] = field(default_factory=list)
    _out_size: int = 0

    # -- output

    def send(self, data: bytes) -> None:
        """Put whole response lines into the output."""
        self._out.append(data)
        self._out_size += len(data)

    def flush(self) -> None:
        if self._out:
            self.channel.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
            self._out.clear()
            self._out_size = 0

    async def drain(self, *, least: int = FLUSH_SIZE) -> None:
        """Hand the output over once it is worth it, and wait for a client that reads slowly.

        Raises:
            SignedOut: In the middle of a long answer, which goes no further.
        """
        if self.signed_out and least:
            raise SignedOut
        if self._out_size >= least:
            self.flush()
            await self.channel.drain()

    def format_name(self, name: str) -> bytes:
        """A mailbox name as this client reads names."""
        return string(name.encode("utf-8"), utf8=True) if self.utf8 else string(encode_utf7(name))

    # -- the account's store

    @property
    def account_id(self) -> int:
        if self.account is None:
            raise Refusal(Reason.INTERNAL)
        return self.account.id

    async def read(self, fn: Callable[[Reader], T]) -> T:
        return await self.services.store.read(self.account_id, fn)

    async def write(self, fn: Callable[[Writer], T]) -> T:
        watch = self.watch
        if watch is None or not watch.notes_own:
            return await self.services.store.write(self.account_id, fn)
        result, own = await self.services.store.write(self.account_id, watch.noting(fn, self.own_selected))
        watch.note(own)
        return result

    # -- mailboxes by their names, in whichever account

    async def locate(self, name: str) -> Place:
        """Where a name leads; raises NoSuchMailbox. Costs nothing for a name of one's own account."""
        if not access.is_foreign(name):
            return Place(self.account_id, name)
        return await access.locate(self.services.directory, self.account_id, name)

    async def read_at(self, place: Place, fn: Callable[[Reader], T]) -> T:
        """`read` in the account of `place`; `fn` gets its mailbox by `place.mailbox`, which looks at the rights."""
        return await self.services.store.read(place.account, fn, by=self.account_id)

    async def write_at(self, place: Place, fn: Callable[[Writer], T]) -> T:
        """`write` in the account of `place`; as `read_at`."""
        if place.guest is None:
            return await self.write(fn)
        return await self.services.store.write(place.account, fn)

    # -- large messages on their way in

    async def begin_upload(self) -> None:
        """Wait until this account may have one more large message in memory (security T113); it is kept to the end of the command."""
        if not self.uploading:
            account = self.account_id
            await self.services.uploads.enter(account)
            self.uploading = account

    def end_upload(self) -> None:
        if self.uploading:
            self.services.uploads.leave(self.uploading)
            self.uploading = 0

    # -- the selected mailbox

    @property
    def view(self) -> Selected:
        if self.selected is None:
            raise Refusal(Reason.INTERNAL)
        return self.selected

    @property
    def writable_view(self) -> Selected:
        """The view, if it may be changed (RFC 9051 §6.3.3)."""
        if self.view.read_only:
            raise Refusal(Reason.READ_ONLY)
        return self.view

    async def load_view(self) -> Selected:
        """The view with its list of uids, which a large mailbox gets only when numbers are needed."""
        view = self.view
        if not view.loaded:
            await self.read_view(view.load)
        return view

    @property
    def own_selected(self) -> int | None:
        """The id of the selected mailbox, where it is in the client's own account."""
        return None if self.selected is None or self.selected.guest is not None else self.selected.mailbox_id

    @property
    def view_account(self) -> int:
        """The account that the selected mailbox is in."""
        guest = self.view.guest
        return self.account_id if guest is None else guest.owner

    async def read_view(self, fn: Callable[[Reader], T]) -> T:
        """`read` in the account of the selected mailbox; raises ViewLost when it may not be read any more."""
        guest = self.view.guest
        if guest is None:
            return await self.read(fn)
        await self._make_sure(guest)
        look = guest.guarded(self.view.mailbox_id, fn, "")
        return await self.services.store.read(guest.owner, look, by=self.account_id)

    async def write_view(self, fn: Callable[[Writer], T], needed: str = "") -> T:
        """`write` in the account of the selected mailbox, if the client has these rights there."""
        guest = self.view.guest
        if guest is None:
            return await self.write(fn)
        await self._make_sure(guest)
        return await self.services.store.write(guest.owner, guest.guarded(self.view.mailbox_id, fn, needed))

    async def _make_sure(self, guest: Guest) -> None:
        """An account that was switched off has no guests any more."""
        if guest.doubted:
            owner = await self.services.directory.account(guest.owner)
            if owner is None or not owner.active:
                raise ViewLost(str(guest.owner))
            guest.doubted = False

    def visit(self, guest: Guest) -> None:
        """Hear of changes in another account."""

        def doubt() -> None:
            guest.doubted = True
            self.wake()

        bus = self.services.bus
        self.visits += [bus.subscribe(guest.owner, self.wake), bus.subscribe_topic(SIGN_INS, doubt)]

    def unselect(self) -> None:
        while self.visits:
            self.visits.pop().close()
        self.selected = None
        self.saved = ()
        self.contexts = ()
        self.recent.clear()
        if self.watch is not None:
            self.watch.leave_selected()
            self.wake()
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

    def wake(self) -> None:
        """The bus: something changed in this account."""
        self.woken = True
        self.channel.wake()

    def sign_out(self) -> None:
        """What the client signed in with is gone."""
        self.signed_out = True
        self.channel.sign_out()

    def close(self) -> None:
        self.recent.clear()
        while self.visits:
            self.visits.pop().close()
        while self.subscriptions:
            self.subscriptions.pop().close()

    def forget(self) -> None:
        """Be as before the sign-in: whatever is not the connection's own is as it was at the start (RFC 8437 §4.1)."""
        self.close()
        fresh = Context(self.services, self.channel, self.log.try_unbind("account"))
        for each in fields(self):
            if each.name not in _OF_THE_CONNECTION:
                setattr(self, each.name, getattr(fresh, each.name))


Handler = Callable[[Context, Any], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the dispatch table."""

    name: str
    handler: Handler
    states: frozenset[State]
    effect: Effect = Effect.NONE
