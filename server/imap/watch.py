"""What one client is told of without asking (RFC 5465): its groups of events, and how the mailboxes stood when it was last told.

The account is compared with that picture whenever the bus says that something has changed; what differs is told, and the new picture
kept. So it does not matter how many changes came together, in which order, from which process, or whether a word was lost.

Invariants: what is kept is bounded by `WATCHED`; the selected mailbox is told of by its own view and never by STATUS (§6); what this
client did itself is not told (§5), by putting it into the picture at once.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from server.db.transaction import Reader, Writer
from server.imap.matching import Matching, above
from server.imap.picture import (
    NOTHING,
    Annotated,
    Counted,
    Differences,
    Listed,
    Own,
    Picture,
    carried,
    keep_counters,
    renamed,
)
from server.imap.syntax.fetch_att import FetchAttribute
from server.imap.syntax.mailbox_filter import Scope
from server.imap.syntax.notify import (
    FLAG_CHANGE,
    MAILBOX_METADATA,
    MAILBOX_NAME,
    MESSAGE_EVENTS,
    MESSAGE_NEW,
    SERVER_METADATA,
    SUBSCRIPTION_CHANGE,
    EventGroup,
)
from server.store import annotations, changes, standing
from server.store.standing import Standing
from server.store.virtual import is_only_a_name

T = TypeVar("T")

WATCHED = 2_000
"""Mailboxes that one connection may have to keep in mind."""


class TooManyWatched(Exception):
    """More mailboxes than `WATCHED`, more subscriptions, or more annotations changed at a time than are remembered."""


class Watch:
    """State of one NOTIFY. Its groups never change; a new NOTIFY makes a new one."""

    __slots__ = (
        "_by_subscription",
        "_groups",
        "_known",
        "_left",
        "_modseq",
        "_own",
        "_own_writes",
        "_watches_metadata",
        "attributes",
        "delayed",
        "flags",
        "messages",
        "unsent",
        "watches_names",
    )

    def __init__(self, groups: tuple[EventGroup, ...] = ()) -> None:
        here = [group for group in groups if group.mailboxes.of_selected]
        events = frozenset[str]().union(*(group.events for group in here))
        self.messages = MESSAGE_NEW in events
        """Of the selected mailbox: whether messages that come and go are told."""
        self.flags = FLAG_CHANGE in events
        self.delayed = any(group.mailboxes.scope is Scope.SELECTED_DELAYED for group in here)
        """Of the selected mailbox: whether expunges wait for a command that may tell them (RFC 5465 §6.1.2)."""
        self.attributes: tuple[FetchAttribute, ...] = tuple(
            dict.fromkeys(attribute for group in here for attribute in group.attributes)
        )
        self.unsent: list[int] = []
        """Uids of the selected mailbox that were announced and whose `attributes` have not been sent."""
        others = [group for group in groups if not group.mailboxes.of_selected]
        self._groups = [(Matching(group.mailboxes), group.events) for group in others]
        self.watches_names = any(group.events & {MAILBOX_NAME, SUBSCRIPTION_CHANGE} for group in others)
        self._by_subscription = self.watches_names or any(g.mailboxes.scope is Scope.SUBSCRIBED for g in others)
        self._known = NOTHING
        self._watches_metadata = any(group.events & {MAILBOX_METADATA, SERVER_METADATA} for group in others)
        self._modseq = -1  # of the account when it was looked at last
        self._left = False  # a mailbox has been left since then, and is one of those watched again
        self._own_writes: list[range] = []  # mod-sequences since then that this client has made itself
        self._own: list[range] = []  # uids of the selected mailbox that this client has put there itself

    @property
    def listens(self) -> bool:
        """Whether anything is to be told between two commands."""
        return self.messages or bool(self._groups)

    @property
    def watches_others(self) -> bool:
        """Whether other mailboxes than the selected one are watched."""
        return bool(self._groups)

    @property
    def virtual(self) -> list[int]:
        """Virtual mailboxes whose counters are told: somebody has to bring them up to date before they are compared."""
        return [mailbox.id for mailbox in self._known.counted.values() if mailbox.rule is not None]

    @property
    def notes_own(self) -> bool:
        """Whether it matters what this client changes itself."""
        return bool(self._groups or self.attributes)

    # -- the account

    def begin(self, reader: Reader) -> tuple[Counted, ...]:
        """Keep how everything stands; return what NOTIFY SET STATUS tells. Raises TooManyWatched."""
        self._modseq = changes.account_modseq(reader)
        now, found = self._picture(reader)
        _require_few(now)
        self._known = now
        first = []
        for mailbox in found:
            events = self._events(mailbox.name, now.subscribed)
            # RFC 5465 §5: with NONE it is a snapshot; §6.2: of what can be selected.
            if events is not None and (not events or events & MESSAGE_EVENTS) and not is_only_a_name(mailbox):
                first.append(Counted(mailbox, events, is_unknown=True, counts=True, unseen=True))
        return tuple(first)

    def look(self, reader: Reader, selected: int | None) -> Differences:
        """Compare with what was known last. Raises TooManyWatched."""
        modseq = changes.account_modseq(reader)
        if modseq == self._modseq and not self._left:
            return Differences()
        now, found = self._picture(reader)
        _require_few(now)
        before = self._known
        if selected is not None and selected in now.counted:
            now = keep_counters(now, before, selected)
        listed = self._listed(before, now, found) if self.watches_names else ()
        annotated = self._annotated(reader, found, now.subscribed) if self._watches_metadata else ()
        differences = Differences(tuple(listed), tuple(self._counted(before, now, selected)), tuple(annotated))
        self._known, self._modseq, self._left = now, modseq, False
        self._own_writes.clear()
        return differences

    def _events(self, name: str, subscribed: frozenset[str]) -> frozenset[str] | None:
        """The events of all groups that mean `name` (RFC 5465 §6: several may); None where no group does."""
        found = [events for names, events in self._groups if names.matches(name, subscribed)]
        return frozenset[str]().union(*found) if found else None

    def _picture(self, reader: Reader) -> tuple[Picture, list[Standing]]:
        if not self._groups:
            return NOTHING, []
        found = standing.all_mailboxes(reader)
        subscribed = standing.subscriptions(reader) if self._by_subscription else frozenset[str]()
        counted = {
            mailbox.id: mailbox
            for mailbox in found
            if (self._events(mailbox.name, subscribed) or frozenset()) & MESSAGE_EVENTS and not is_only_a_name(mailbox)
        }
        names = {mailbox.id: mailbox.name for mailbox in found} if self.watches_names else {}
        return Picture(names, counted, subscribed), found

    # -- names

    def _listed(self, before: Picture, now: Picture, found: list[Standing]) -> Iterable[Listed]:
        if before.names == now.names and before.subscribed == now.subscribed:
            return
        affected = renamed(before, now)
        by_name = {mailbox.name: mailbox for mailbox in found}
        parents = {name for mailbox in found for name in above(mailbox.name)}
        changed = before.subscribed ^ now.subscribed
        for name in [*affected, *sorted(changed - affected.keys())]:
            old_name = affected.get(name)
            wanted = self._events(name, before.subscribed | now.subscribed) or frozenset()
            if old_name is not None:
                wanted |= self._events(old_name, before.subscribed | now.subscribed) or frozenset()
            if (name in affected and MAILBOX_NAME in wanted) or (name in changed and SUBSCRIPTION_CHANGE in wanted):
                yield Listed(name, by_name.get(name), name in parents, name in now.subscribed, old_name)

    # -- counters

    def _counted(self, before: Picture, now: Picture, selected: int | None) -> Iterable[Counted]:
        by_name = {mailbox.name: mailbox for mailbox in before.counted.values()}
        for number, mailbox in now.counted.items():
            if number == selected:
                continue
            old = before.counted.get(number)
            if old == mailbox:
                continue
            events = self._events(mailbox.name, now.subscribed) or frozenset()
            if old is None:
                if mailbox.uidnext > 1 or mailbox.name in by_name:
                    # RFC 5465 §5.1: another mailbox has this name now, so its uidvalidity is told.
                    yield Counted(mailbox, events, is_unknown=True, counts=True, unseen=True)
                continue
            counts = (old.uidnext, old.messages) != (mailbox.uidnext, mailbox.messages)
            if counts or FLAG_CHANGE in events:
                yield Counted(mailbox, events, is_unknown=False, counts=counts, unseen=old.unseen != mailbox.unseen)

    # -- annotations

    def _annotated(self, reader: Reader, found: list[Standing], subscribed: frozenset[str]) -> Iterable[Annotated]:
        """RFC 5465 §5.6 and §5.7, those of the server for whichever group has asked."""
        changed = annotations.changed_since(reader, self._modseq)
        if len(changed) >= annotations.CHANGES:
            raise TooManyWatched
        names = {mailbox.id: mailbox.name for mailbox in found}
        entries: dict[str, list[str]] = {}
        for number, entry, modseq in changed:
            if any(modseq in own for own in self._own_writes) or (number and number not in names):
                continue
            entries.setdefault(names.get(number, ""), []).append(entry)
        for name, listed in entries.items():
            if name:
                wanted = MAILBOX_METADATA in (self._events(name, subscribed) or ())
            else:
                wanted = any(SERVER_METADATA in events for _, events in self._groups)
            if wanted:
                yield Annotated(name, tuple(listed))

    # -- what this client does itself

    def noting(self, fn: Callable[[Writer], T], selected: int | None) -> Callable[[Writer], tuple[T, Own]]:
        """`fn`, with the pictures of before and after it."""

        def run(writer: Writer) -> tuple[T, Own]:
            before, _ = self._picture(writer)
            modseq = changes.account_modseq(writer)
            uidnext = _uidnext(writer, selected)
            result = fn(writer)
            after, _ = self._picture(writer)
            added = range(uidnext, _uidnext(writer, selected))
            return result, Own(before, after, added, range(modseq + 1, changes.account_modseq(writer) + 1))

        return run

    def note(self, own: Own) -> None:
        """Take as known what this client's own write has changed, where nobody else's change came before it (RFC 5465 §5)."""
        known = self._known
        self._known = Picture(
            carried(known.names, own.before.names, own.after.names),
            carried(known.counted, own.before.counted, own.after.counted),
            (known.subscribed | (own.after.subscribed - own.before.subscribed))
            - (own.before.subscribed - own.after.subscribed),
        )
        if own.added and self.attributes:
            self._own.append(own.added)
        if self._watches_metadata:
            self._own_writes.append(own.modseqs)

    def leave_selected(self) -> None:
        """The selected mailbox is one of the others from now on."""
        self.unsent.clear()
        self._own.clear()
        self._left = True

    def queue_new(self, uids: Iterable[int]) -> None:
        """These were announced; what the client wants to know of each is to be sent, but not of its own (RFC 5465 §5.2)."""
        self.unsent += [uid for uid in uids if not any(uid in own for own in self._own)]
        self._own.clear()


def _require_few(picture: Picture) -> None:
    if max(len(picture.counted), len(picture.names), len(picture.subscribed)) > WATCHED:
        raise TooManyWatched


def _uidnext(reader: Reader, mailbox_id: int | None) -> int:
    found = None if mailbox_id is None else changes.head(reader, mailbox_id)
    return 0 if found is None else found[1]
