"""What `verify` looks at: each check is a function of a snapshot that returns findings. Nothing here changes anything."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import and_, case, func, not_, or_, select

from server.db.database import Reader
from server.db.errors import DatabaseCorrupt
from server.store import index, objects, schema, virtual, virtual_refresh
from server.store.errors import NoSuchMessage, OctetsDamaged
from server.store.fold import pair_query, pairs, trigram_query
from server.store.lineage import lineage
from server.store.prepare import decompress
from server.store.rights import ALL

ORPHAN_AGE = 86_400
"""Seconds that an object without a row is left alone: its row may be about to be committed (R6)."""
FINDINGS = 100
"""Of one kind; a file that is all wrong need not fill the screen."""

box, place, content, octets = schema.mailbox, schema.placement, schema.content, schema.octets
facet, folded, gone, state = schema.facet, schema.folded, schema.vanished, schema.state
view, member = schema.virtual_mailbox, schema.virtual_member
acl = schema.acl


IS_REAL = place.c.mailbox_id.not_in(select(view.c.mailbox_id))
"""The placement holds its content; one in a virtual mailbox only stands for it."""
SAMPLE = 200
"""Texts that are looked up in the indexes. Entries are written in one transaction with the mark of how far they reach, so
what goes wrong with them does not go wrong with one alone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    Args:
        kind: file, virtual, counters, uids, holders, octets, texts, index, acl, orphan.
        subject: The id or name of what is wrong; with the kind it names the finding.
        text: A sentence for a person.
        repaired: Whether it has been mended.
    """

    kind: str
    subject: str
    text: str
    repaired: bool = False

    def mended(self) -> "Finding":
        return replace(self, repaired=True)


def file(r: Reader) -> Iterator[Finding]:
    """Pages, rows and indexes of SQLite's own, and references between rows."""
    for (said,) in r.raw(f"PRAGMA integrity_check({FINDINGS})"):
        if said != "ok":
            yield Finding("file", said, f"The database file is damaged: {said}")
    for table, row, parent, _ in r.raw("PRAGMA foreign_key_check").fetchmany(FINDINGS):
        yield Finding("file", f"{table} {row}", f"Row {row} of {table} points to nothing in {parent}.")


def counters(r: Reader) -> Iterator[Finding]:
    """Counters of each mailbox against its rows, and the account's mod-sequence against all of them."""
    unseen = func.coalesce(func.sum(case((place.c.flags.op("&")(schema.SEEN) == 0, 1), else_=0)), 0)
    deleted = func.coalesce(func.sum(case((place.c.flags.op("&")(schema.DELETED) != 0, 1), else_=0)), 0)
    size, newest = func.coalesce(func.sum(place.c.size), 0), func.coalesce(func.max(place.c.modseq), 0)
    modseq = r.execute(select(state.c.modseq)).scalar_one()
    for row in r.execute(select(box).order_by(box.c.id)).all():
        counted = next(
            r.tuples(select(func.count(), unseen, deleted, size, newest).where(place.c.mailbox_id == row.id))
        )
        kept = (row.messages, row.unseen, row.deleted, row.size)
        if kept != counted[:4]:
            yield Finding("counters", row.name, f"{row.name}: counters say {kept}, the messages {counted[:4]}.")
        if not counted[4] <= row.highestmodseq <= modseq:
            yield Finding(
                "counters", f"{row.name} modseq", f"{row.name}: its mod-sequence is behind or ahead of its mail."
            )


def uids(r: Reader) -> Iterator[Finding]:
    """Every uid below uidnext is in the mailbox or in the log of what went, and none is in both."""
    for number, name, uidnext in list(r.tuples(select(box.c.id, box.c.name, box.c.uidnext).order_by(box.c.id))):
        here = [
            uid for (uid,) in r.tuples(select(place.c.uid).where(place.c.mailbox_id == number).order_by(place.c.uid))
        ]
        if here and here[-1] >= uidnext:
            yield Finding("uids", f"{name} next", f"{name}: the next uid would be {uidnext}, which is taken.")
        log = r.tuples(select(gone.c.first, gone.c.last).where(gone.c.mailbox_id == number))
        missing = {uid for first, last in log for uid in range(first, last + 1)}
        known = set(here)
        if known & missing or len(known | missing) != max(uidnext - 1, here[-1] if here else 0):
            yield Finding("uids", name, f"{name}: the log of expunged messages does not fit the messages.")


def holders(r: Reader) -> Iterator[Finding]:
    """Each content knows how many placements of real mailboxes hold it."""
    held = select(func.count()).where(place.c.content_id == content.c.id, IS_REAL).scalar_subquery()
    wrong = select(content.c.id, content.c.holders, held).where(content.c.holders != held).limit(FINDINGS)
    for number, kept, counted in r.tuples(wrong):
        yield Finding("holders", str(number), f"Message {number} is held {counted} times, not {kept}.")


def members(r: Reader) -> Iterator[Finding]:
    """Each message of a virtual mailbox stands for one of a real mailbox; one that is up to date holds what its rule says."""
    own, origin = place.alias("own"), place.alias("origin")
    of_member = and_(own.c.mailbox_id == member.c.mailbox_id, own.c.uid == member.c.uid)
    of_origin = and_(origin.c.mailbox_id == member.c.origin_id, origin.c.uid == member.c.origin_uid)
    differs = or_(
        origin.c.uid.is_(None),
        origin.c.content_id != own.c.content_id,
        origin.c.flags != own.c.flags,
        origin.c.keywords != own.c.keywords,
    )
    sources = origin.c.mailbox_id.in_(select(box.c.id).where(virtual_refresh.IS_SOURCE))
    for number, name, rule, word in list(
        r.tuples(select(box.c.id, box.c.name, view.c.rule, view.c.keyword).join_from(view, box))
    ):
        joined = select(func.count()).select_from(member).where(member.c.mailbox_id == number)
        whole = joined.join(own, of_member)
        trouble = [
            r.execute(joined).scalar_one() != r.execute(whole).scalar_one(),
            r.execute(select(func.count()).where(own.c.mailbox_id == number)).scalar_one()
            != r.execute(whole).scalar_one(),
        ]
        if not virtual_refresh.behind(r, [number]):
            fits = virtual_refresh.matches(rule, origin)
            wanted = select(func.count()).select_from(origin).where(sources, fits)
            wrong = whole.join(origin, of_origin, isouter=True).where(or_(differs, not_(sources), not_(fits)))
            keyword = {"keyword": f" {word} "} if rule == virtual.KEYWORD else {}
            trouble.append(r.execute(wanted, keyword).scalar_one() != r.execute(joined).scalar_one())
            trouble.append(r.execute(wrong, keyword).scalar_one() > 0)
        if any(trouble):
            yield Finding("virtual", str(number), f"{name}: its messages are not those that it should show.")


def contents(r: Reader) -> Iterator[Finding]:
    """The octets of each message are there and are what they were."""
    found = 0
    rows = select(content.c.id, content.c.digest, content.c.size, content.c.is_object, octets.c.data).join_from(
        content, octets, octets.c.content_id == content.c.id, isouter=True
    )
    for number, digest, size, is_object, data in r.tuples(rows.where(content.c.holders > 0)):
        trouble = _trouble(r.folder, digest, size, None if is_object else data, is_object=bool(is_object))
        if trouble:
            found += 1
            yield Finding("octets", str(number), f"Message {number}: {trouble}")
            if found >= FINDINGS:
                return


def _trouble(folder: Path, digest: bytes, size: int, data: bytes | None, *, is_object: bool) -> str:
    if is_object:
        try:
            data = objects.get(folder, digest)
        except NoSuchMessage:
            return f"its file {objects.path_of(folder, digest).name} is missing."
    if data is None:
        return "its octets are missing."
    try:
        raw = decompress(data, size)
    except OctetsDamaged:
        return "its octets cannot be unpacked."
    return "" if hashlib.sha256(raw).digest() == digest else "its octets have changed."


def texts(r: Reader) -> Iterator[Finding]:
    """Each message has the rows that sorting and searching read."""
    for table in (facet, folded, lineage):
        lost = select(content.c.id).where(content.c.id.not_in(select(table.c.content_id)), content.c.holders > 0)
        for (number,) in r.tuples(lost.limit(FINDINGS)):
            yield Finding("texts", f"{table.name} {number}", f"Message {number} has no row in {table.name}.")


def indexes(r: Reader) -> Iterator[Finding]:
    """Texts are found by their own words in both indexes: some of them, spread over all."""
    found = 0
    upto = index.indexed(r)
    step = max(upto // SAMPLE, 1)
    rows = select(folded.c.content_id, folded.c.head, folded.c.body).where(
        folded.c.content_id <= upto, (folded.c.content_id - upto) % step == 0
    )
    try:
        for number, head, body in r.tuples(rows):
            if not _is_found(r, number, head, body):
                found += 1
                yield Finding("index", str(number), f"Message {number} is not found by its own words.")
                if found >= FINDINGS:
                    return
    except DatabaseCorrupt as error:
        yield Finding("index", "all", f"The full-text index is damaged: {error}")


def _is_found(r: Reader, number: int, head: str, body: str) -> bool:
    asked = [("trigram", query) for text in (head, body) if (query := trigram_query(text)) is not None]
    pair = _CJK_PAIR.search(head + body) if pairs(head + body) else None
    if pair is not None and (query := pair_query(pair[0])) is not None:
        asked.append(("bigram", query))
    return all(r.raw(_FOUND[name], (query, number)).fetchone() is not None for name, query in asked)


_CJK_PAIR = re.compile("[\u4e00-\u9fff]{2}")
_FOUND = {
    "trigram": "SELECT rowid FROM trigram WHERE trigram MATCH ? AND rowid = ?",
    "bigram": "SELECT rowid FROM bigram WHERE bigram MATCH ? AND rowid = ?",
}


def orphans(r: Reader, now: float) -> Iterator[Finding]:
    """Files beside the database that no row points at, once they are old enough to be surely forgotten."""
    wanted = {
        digest.hex() + objects.SUFFIX for (digest,) in r.tuples(select(content.c.digest).where(content.c.is_object))
    }
    for path in objects.stored(r.folder):
        try:
            age = now - path.stat().st_mtime
        except FileNotFoundError:
            continue
        if path.name not in wanted and age > ORPHAN_AGE:
            yield Finding("orphan", path.name, f"The file {path.name} belongs to no message.")


def lists(r: Reader) -> Iterator[Finding]:
    """Every line of an access control list belongs to a mailbox and holds rights that there are."""
    rows = select(acl.c.mailbox_id, acl.c.grantee, acl.c.negative, acl.c.rights, box.c.name)
    for number, grantee, negative, letters, name in r.tuples(
        rows.join_from(acl, box, box.c.id == acl.c.mailbox_id, isouter=True)
    ):
        subject = f"{number} {'-' if negative else ''}{grantee}"
        if name is None:
            yield Finding("acl", subject, f"Rights are given on mailbox {number}, which is not there.")
        elif not letters or not ALL.issuperset(letters):
            yield Finding("acl", subject, f"{name}: {letters!r} are not rights.")


ROW_CHECKS: tuple[Callable[[Reader], Iterator[Finding]], ...] = (
    members, counters, uids, holders, contents, texts, indexes, lists,
)  # fmt: skip
