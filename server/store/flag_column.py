"""The flags of a run of messages, read in one step.

The driver lets go of Python's lock and takes it back at every row: beside a busy event loop, a hundred thousand rows cost a hundred
thousand waits. Here SQLite itself puts the column together, and one row comes of it.
"""

from dataclasses import dataclass

from server.db.database import Reader
from server.store import flag_set

# A subquery with ORDER BY, since group_concat takes the rows as they come.
_SQL = """
SELECT group_concat(item, char(10)), {modseqs}, count(*) FROM (
    SELECT CASE keywords WHEN '' THEN flags ELSE flags || keywords END AS item, modseq
    FROM placement WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid)
"""
_PLAIN = _SQL.format(modseqs="NULL")
_WITH_MODSEQ = _SQL.format(modseqs="group_concat(modseq)")


@dataclass(frozen=True, slots=True)
class FlagColumn:
    """In order of the uids: what `decode` reads, and the mod-sequences as digits (empty unless asked for)."""

    items: list[str]
    modseqs: list[str]


def read(r: Reader, mailbox_id: int, first: int, last: int, *, modseqs: bool = False) -> FlagColumn:
    """Return the column of all messages from uid `first` to `last`."""
    items, marks, count = r.raw(_WITH_MODSEQ if modseqs else _PLAIN, (mailbox_id, first, last)).fetchone()
    if not count:
        return FlagColumn([], [])
    return FlagColumn(str(items).split("\n"), marks.split(",") if marks else [])


def decode(item: str) -> frozenset[str]:
    """Return the flags of one message as on the wire."""
    bits, _, words = item.partition(" ")
    return flag_set.decode(int(bits), words)
