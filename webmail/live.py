"""What happens in a mailbox, told to open tabs: one IDLE connection per signed-in person and process, a bounded queue per tab.

Invariants: a slow tab costs nobody else anything: its queue overflows into one 'look again' event, never into silence; a broken
connection is opened anew and followed by 'look again'; a watcher without tabs ends. Tells that something changed and where; the
tab asks for the rows itself, by the same list page as always.

RFC 2177 (IDLE), RFC 7162 (CONDSTORE: which flags changed), RFC 5819 (counts of all mailboxes in one command).
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, Full, Queue
from typing import Any, Protocol

from flask import current_app

from server.log import get_logger
from webmail import imap_response as response
from webmail import mailbox_list
from webmail.connection import Mail
from webmail.envelope import fetched
from webmail.mail_error import MailError, MailUnavailable, SignInExpired
from webmail.mailbox_list import Mailbox
from webmail.session import desk

QUEUE_SIZE = 64
IDLE_SECONDS = 25.0
COUNT_SECONDS = 60.0
SETTLE_SECONDS = 0.15
"""Arrivals come in bursts; what comes within this time is one event."""
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)
MAX_FLAGS = 200
_EXTENSION = "posthouse_live"
log = get_logger("webmail.live")


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the stream; `data` is written as JSON."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


LOOK_AGAIN = Event("again")
SIGNED_OUT = Event("signed-out")


class Tab:
    """The queue of one open page."""

    def __init__(self, leave: Callable[["Tab"], None]) -> None:
        self._queue: Queue[Event] = Queue(QUEUE_SIZE)
        self._overflowed = threading.Event()
        self._leave = leave

    def put(self, event: Event) -> None:
        """Queue an event; when there is no room, remember only that something happened."""
        try:
            self._queue.put_nowait(event)
        except Full:
            self._overflowed.set()

    def get(self, seconds: float) -> Event | None:
        """The next event, or None after a while."""
        try:
            event = self._queue.get(timeout=seconds)
        except Empty:
            if not self._overflowed.is_set():
                return None
            event = LOOK_AGAIN
        if self._overflowed.is_set():
            self._overflowed.clear()
            while not self._queue.empty():
                self._queue.get_nowait()
            return LOOK_AGAIN
        return event

    def close(self) -> None:
        self._leave(self)


class Open(Protocol):
    """Opens a signed-in connection."""

    def __call__(self) -> Mail: ...


class Hub:
    """All watchers of one process.

    Args:
        limit: Tabs that may be open at a time; each holds a thread of the web server.
        each: Tabs of one person among them; with more, the rest of the tabs look now and then.
    """

    def __init__(self, *, limit: int = 32, each: int = 8) -> None:
        self._limit, self._each = limit, each
        self._lock = threading.Lock()
        self._watchers: dict[str, _Watcher] = {}
        self._tabs = 0
        self._owners: Counter[int] = Counter()

    def open_tab(self, key: str, connect: Open, *, owner: int = 0) -> Tab | None:
        """A queue for one more tab of a session; None when there are too many in this process, or of this person (`owner`)."""
        with self._lock:
            if self._tabs >= self._limit or self._owners[owner] >= self._each:
                return None
            self._tabs += 1
            self._owners[owner] += 1
            watcher = self._watchers.get(key)
            is_new = watcher is None or watcher.ended
            if watcher is None or watcher.ended:
                watcher = self._watchers[key] = _Watcher(connect)
            tab = Tab(partial(self._left, key, owner, watcher))
            watcher.join(tab)  # before it starts, so that nothing it says goes unheard
            if is_new:
                watcher.start()
            return tab

    def _left(self, key: str, owner: int, watcher: "_Watcher", tab: Tab) -> None:
        with self._lock:
            if not watcher.part(tab):
                return
            self._tabs -= 1
            self._owners[owner] -= 1
            if not self._owners[owner]:
                del self._owners[owner]
            if watcher.is_alone:
                watcher.stop()
                if self._watchers.get(key) is watcher:
                    del self._watchers[key]

    def end(self, key: str) -> None:
        """The session is over: its tabs are told, and nothing is watched for it any more."""
        with self._lock:
            watcher = self._watchers.pop(key, None)
        if watcher is not None:
            watcher.sign_out()

    def close(self) -> None:
        """Stop all watchers."""
        with self._lock:
            for watcher in self._watchers.values():
                watcher.stop()
            self._watchers.clear()
            self._tabs = 0
            self._owners.clear()


def hub() -> Hub:
    """The watchers of this process."""
    found = current_app.extensions.get(_EXTENSION)
    if found is None:
        found = current_app.extensions.setdefault(
            _EXTENSION, Hub(limit=max(4, desk.settings.web_threads // 2), each=max(2, desk.settings.web_threads // 8))
        )
    if not isinstance(found, Hub):
        raise TypeError
    return found


class _Watcher:
    """The thread that stands in IDLE for one session."""

    def __init__(self, connect: Open) -> None:
        self._connect = connect
        self._tabs: list[Tab] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._known: dict[str, Mailbox] = {}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def sign_out(self) -> None:
        self.stop()
        self._tell(SIGNED_OUT)

    @property
    def ended(self) -> bool:
        return self._stopping.is_set() or not self._thread.is_alive()

    @property
    def is_alone(self) -> bool:
        return not self._tabs

    def join(self, tab: Tab) -> None:
        self._tabs = [*self._tabs, tab]
        if self._known:
            tab.put(state(self._known.values()))

    def part(self, tab: Tab) -> bool:
        if tab not in self._tabs:
            return False
        self._tabs = [one for one in self._tabs if one is not tab]
        return True

    def _tell(self, event: Event) -> None:
        for tab in self._tabs:
            tab.put(event)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                mail = self._connect()
            except SignInExpired:
                self._tell(SIGNED_OUT)
                self._stopping.set()
                return
            except MailError:
                self._stopping.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
                continue
            try:
                self._watch(mail, again=failures > 0)
                failures = 0
            except MailError as error:
                failures += 1
                log.info("live_connection_lost", reason=str(error))
                self._stopping.wait(RETRY_SECONDS[min(failures - 1, len(RETRY_SECONDS) - 1)])
            finally:
                mail.close()

    def _watch(self, mail: Mail, *, again: bool) -> None:
        inbox = Inbox(mail)
        self._known = {one.name: one for one in inbox.mailboxes()}
        # What changed between the making of a page and this moment shows in the difference.
        self._tell(LOOK_AGAIN if again else state(self._known.values()))
        counted = time.monotonic()
        while not self._stopping.is_set():
            heard = inbox.wait()
            if heard:
                time.sleep(SETTLE_SECONDS)
                flags = inbox.changed_flags()
                self._compare(inbox.mailboxes(), stirred="INBOX", flags=flags)
            elif time.monotonic() - counted > COUNT_SECONDS:
                self._compare(inbox.mailboxes())
            else:
                continue
            counted = time.monotonic()

    def _compare(self, now: Sequence[Mailbox], *, stirred: str = "", flags: dict[str, list[str]] | None = None) -> None:
        """Tell what differs from what was known."""
        before, self._known = self._known, {one.name: one for one in now}
        if before.keys() != self._known.keys():
            self._tell(Event("rail"))
        for name, mailbox in self._known.items():
            old = before.get(name)
            moved = old is None or old.state != mailbox.state
            if moved or name == stirred:
                arrived = max(0, mailbox.uidnext - old.uidnext) if old and old.uidvalidity == mailbox.uidvalidity else 0
                self._tell(changed(mailbox, arrived, flags if name == stirred else None))


def state(mailboxes: Iterable[Mailbox]) -> Event:
    """How every mailbox stands."""
    return Event("state", {mailbox.name: mailbox.state for mailbox in mailboxes})


def changed(mailbox: Mailbox, arrived: int, flags: dict[str, list[str]] | None) -> Event:
    """A mailbox is not what it was."""
    return Event(
        "changed",
        {
            "mailbox": mailbox.name,
            "uidvalidity": mailbox.uidvalidity,
            "state": mailbox.state,
            "unseen": mailbox.unseen,
            "messages": mailbox.messages,
            "arrived": arrived,
            "flags": flags or {},
        },
    )


class Inbox:
    """The inbox of one connection, selected and watched."""

    def __init__(self, mail: Mail, name: str = "INBOX") -> None:
        self._mail = mail
        self._has_modseq = mail.has("CONDSTORE") or mail.has("QRESYNC")
        mail.select(name)
        self._modseq = mail.highestmodseq

    def mailboxes(self) -> list[Mailbox]:
        """All mailboxes with their counts. News the server tells at the end of this are later than the counts."""
        self._mail.has_news = False
        return mailbox_list.load(self._mail)

    def wait(self, seconds: float = IDLE_SECONDS) -> bool:
        """Whether anything but a greeting was heard, or told since the mailboxes were counted."""
        mail = self._mail
        heard = []
        if mail.has_news:
            pass
        elif mail.has("IDLE") or mail.has("IMAP4REV2"):
            heard = mail.idle(seconds)
        else:
            time.sleep(seconds)
            mail.run(b"NOOP")
        had_news, mail.has_news = mail.has_news, False
        return had_news or any(isinstance(one, tuple) and one and one[0] not in (b"OK", b"CAPABILITY") for one in heard)

    def changed_flags(self) -> dict[str, list[str]]:
        """Flags by UID of what changed since the last look (RFC 7162 §3.1.4.1)."""
        if not self._has_modseq or not self._modseq:
            return {}
        modifier = b" (CHANGEDSINCE %d)" % self._modseq
        answer = self._mail.run(b"UID FETCH 1:* (UID FLAGS MODSEQ)", modifier)
        try:
            rows = [one for _, items in response.fetch_rows(answer.records("FETCH")) if (one := fetched(items))]
        except response.Unreadable as error:
            raise MailUnavailable("unreadable FETCH response") from error
        self._modseq = max([self._modseq, *(row.modseq for row in rows)])
        return {str(row.uid): sorted(row.flags) for row in rows[-MAX_FLAGS:]}
