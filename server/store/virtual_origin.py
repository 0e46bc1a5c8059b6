r"""What a client does to the messages of a virtual mailbox happens to the real ones (RFC 9051 §6.4).

The members' uids are those of the virtual mailbox, before and after; so are the mod-sequences, and UNCHANGEDSINCE looks at
those. Everything is one transaction: the mailbox is brought up to date, the origins are changed, and it follows them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from server.db.database import Writer
from server.store import changes, copy, mailboxes, messages, virtual_members
from server.store import expunge as removing
from server.store import flags as flagging
from server.store import replace as replacing
from server.store.errors import NoSuchMessage
from server.store.flags import Op
from server.store.model import Appended, Copied, FlagResult
from server.store.prepare import Prepared
from server.store.virtual_refresh import refresh_whole


def store_flags(
    w: Writer,
    mailbox_id: int,
    uids: Collection[int],
    op: Op,
    names: Iterable[str],
    unchanged_since: int | None = None,
) -> FlagResult:
    """Change the flags of origins; as `flags.store_flags`. A message that no longer belongs here is among `changed` too."""
    refresh_whole(w, mailbox_id)
    rows = messages.flags(w, mailbox_id, uids)
    failed = [uid for uid, _, modseq in rows if unchanged_since is not None and modseq > unchanged_since]
    passed = [row for row in rows if unchanged_since is None or row[2] <= unchanged_since]
    changed = _store(w, mailbox_id, [uid for uid, _, _ in passed], op, list(names))
    same = [row for row in passed if row[0] not in changed]
    before = max((modseq for uid, _, modseq in passed if uid in changed), default=0)
    refresh_whole(w, mailbox_id)
    modseqs = {uid: modseq for uid, _, modseq in messages.flags(w, mailbox_id, changed)}
    left = mailboxes.status(w, mailbox_id).highestmodseq
    told = [(uid, now, modseqs.get(uid, left)) for uid, now in sorted(changed.items())]
    return FlagResult(told, failed, same, before)


def mark_seen(w: Writer, mailbox_id: int, uids: Collection[int]) -> None:
    r"""Set \Seen on origins. The members follow at the next look, so that what is being read is still here."""
    _store(w, mailbox_id, uids, "add", ["\\Seen"])


def _store(w: Writer, mailbox_id: int, uids: Collection[int], op: Op, names: list[str]) -> dict[int, frozenset[str]]:
    changed: dict[int, frozenset[str]] = {}
    for origin_id, members in _by_origin(w, mailbox_id, uids).items():
        result = flagging.store_flags(w, origin_id, members, op, names)
        changed.update({members[uid]: now for uid, now, _ in result.changed})
    return changed


def _by_origin(w: Writer, mailbox_id: int, uids: Collection[int]) -> dict[int, dict[int, int]]:
    """Group members by the mailbox of their origin: origin's uid -> member's uid. Mailboxes that are gone are left out."""
    grouped: dict[int, dict[int, int]] = defaultdict(dict)
    for uid, (origin_id, origin_uid) in virtual_members.origins(w, mailbox_id, uids).items():
        grouped[origin_id][origin_uid] = uid
    return {number: members for number, members in grouped.items() if mailboxes.is_there(w, number)}


def expunge(w: Writer, mailbox_id: int, uids: Collection[int] | None = None) -> list[int]:
    r"""Remove the origins of \\Deleted members, of `uids` only when given; return the members that went."""
    refresh_whole(w, mailbox_id)
    doomed = removing.marked(w, mailbox_id)
    if uids is not None:
        chosen = set(uids)
        doomed = [uid for uid in doomed if uid in chosen]
    remove(w, mailbox_id, doomed)
    return doomed


def copy_out(w: Writer, mailbox_id: int, uids: Collection[int], target_id: int) -> Copied:
    """Copy messages into a real mailbox."""
    refresh_whole(w, mailbox_id)
    return copy.copy(w, mailbox_id, uids, target_id)


def move_out(w: Writer, mailbox_id: int, uids: Collection[int], target_id: int) -> Copied:
    """Move the origins into a real mailbox. A message that still belongs here comes back under another uid (RFC 6851 §3.3)."""
    refresh_whole(w, mailbox_id)
    copied = copy.place_copies(w, mailbox_id, uids, target_id)
    remove(w, mailbox_id, [uid for uid, _ in copied.pairs])
    return copied


def replace(
    w: Writer,
    mailbox_id: int,
    uid: int,
    target_id: int,
    message: Prepared,
    *,
    flags: Iterable[str] = (),
    internaldate: datetime | None = None,
) -> Appended:
    """Put a new message in place of an origin; as `replace.replace`. The old one's uid leaves, whatever the new one is."""
    refresh_whole(w, mailbox_id)
    origin = virtual_members.origins(w, mailbox_id, [uid]).get(uid)
    if origin is None:
        raise NoSuchMessage(str(uid))
    virtual_members.leave(w, mailbox_id, changes.next_modseq(w), [uid])
    done = replacing.replace(w, *origin, target_id, message, flags=flags, internaldate=internaldate)
    refresh_whole(w, mailbox_id)
    return done


def remove(w: Writer, mailbox_id: int, uids: Collection[int]) -> None:
    """Remove origins; the members leave first, so that none of them is taken for one that moved."""
    if not uids:
        return
    refresh_whole(w, mailbox_id)  # an origin may have gone to another mailbox
    grouped = _by_origin(w, mailbox_id, uids)
    virtual_members.leave(w, mailbox_id, changes.next_modseq(w), uids)
    for origin_id, members in grouped.items():
        removing.remove(w, origin_id, members)
    refresh_whole(w, mailbox_id)
