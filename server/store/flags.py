"""Changing the flags of messages (RFC 9051 §6.4.6, conditionally RFC 7162 §3.1.3)."""

from collections.abc import Collection, Iterable
from typing import Literal

from sqlalchemy import bindparam, select, update

from server.db.database import Writer
from server.db.statement import Statement
from server.store import changes, flag_set, schema
from server.store.errors import NoSuchMailbox, TooManyKeywords
from server.store.messages import chosen, fetch_chosen
from server.store.model import FlagResult
from server.store.rights import EVERY_FLAG, FlagMask

Op = Literal["add", "remove", "replace"]

place, box = schema.placement, schema.mailbox

_ROWS = chosen(select(place.c.uid, place.c.flags, place.c.keywords, place.c.modseq))
_EXISTS = Statement(select(box.c.id).where(box.c.id == bindparam("mailbox")))
_SET = Statement(
    update(place)
    .where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("which"))
    .values(flags=bindparam("bits"), keywords=bindparam("words"), modseq=bindparam("at"))
)
COUNT = Statement(
    update(box)
    .where(box.c.id == bindparam("mailbox"))
    .values(
        highestmodseq=bindparam("modseq"),
        messages=box.c.messages + bindparam("messages"),
        unseen=box.c.unseen + bindparam("unseen"),
        deleted=box.c.deleted + bindparam("deleted"),
        size=box.c.size + bindparam("size"),
    )
)


def store_flags(
    w: Writer,
    mailbox_id: int,
    uids: Collection[int],
    op: Op,
    flags: Iterable[str],
    unchanged_since: int | None = None,
    *,
    mask: FlagMask = EVERY_FLAG,
) -> FlagResult:
    """Change flags. Messages that have the wanted flags already keep their mod-sequence and are among `same`.

    Args:
        w: A write transaction of the account.
        mailbox_id: Where the messages are.
        uids: Which; those that are not there are left out.
        op: What to do with `flags`.
        flags: System flags and keywords.
        unchanged_since: Leave a message alone, and say so in `failed`, when its mod-sequence is higher.
        mask: Which flags may be changed at all; the others stay as they are.

    Raises:
        NoSuchMailbox, TooManyKeywords
    """
    if w.run(_EXISTS, mailbox=mailbox_id).fetchone() is None:
        raise NoSuchMailbox(str(mailbox_id))
    bits, names = flag_set.bits_of(flags)
    bits &= mask.bits
    words = frozenset(_spelled(w, names, op)) if mask.keywords else frozenset()
    failed: list[int] = []
    same: list[tuple[int, frozenset[str], int]] = []
    planned: list[tuple[int, int, str]] = []
    unseen = deleted = before = 0
    for uid, old_bits, old_words, modseq in fetch_chosen(w, _ROWS, mailbox_id, uids):
        if unchanged_since is not None and modseq > unchanged_since:
            failed.append(uid)
            continue
        new_bits, new_words = _apply(op, (old_bits, old_words), bits, words, mask)
        if (new_bits, new_words) == (old_bits, old_words):
            same.append((uid, flag_set.decode(old_bits, old_words), modseq))
            continue
        planned.append((uid, new_bits, new_words))
        before = max(before, modseq)
        unseen += _bit(old_bits, schema.SEEN) - _bit(new_bits, schema.SEEN)
        deleted += _bit(new_bits, schema.DELETED) - _bit(old_bits, schema.DELETED)
    if not planned:
        return FlagResult([], failed, same, before)
    at = changes.next_modseq(w)
    w.run_many(_SET, [{"mailbox": mailbox_id, "which": u, "bits": b, "words": k, "at": at} for u, b, k in planned])
    w.run(COUNT, mailbox=mailbox_id, modseq=at, messages=0, unseen=unseen, deleted=deleted, size=0)
    return FlagResult([(uid, flag_set.decode(b, k), at) for uid, b, k in planned], failed, same, before)


def _spelled(w: Writer, names: list[str], op: Op) -> list[str]:
    if op == "remove":
        # A keyword that nobody has need not be learnt to be taken away.
        return [found for name in names if (found := flag_set.known(w, name)) is not None]
    return flag_set.learn(w, names)


def _apply(op: Op, old: tuple[int, str], bits: int, words: frozenset[str], mask: FlagMask) -> tuple[int, str]:
    old_bits, old_words = old
    if op == "replace":
        return bits | old_bits & ~mask.bits, flag_set.encode_keywords(words) if mask.keywords else old_words
    if op == "remove":
        return old_bits & ~bits, flag_set.encode_keywords(set(old_words.split()) - words) if words else old_words
    if not words:
        return old_bits | bits, old_words
    together = words.union(old_words.split())
    if len(together) > flag_set.KEYWORDS_PER_MESSAGE:
        raise TooManyKeywords(f"{len(together)} keywords for one message")
    return old_bits | bits, flag_set.encode_keywords(together)


def _bit(bits: int, flag: int) -> int:
    return 1 if bits & flag else 0
