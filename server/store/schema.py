"""Tables of one account's database.

A message's octets and all that is computed from them are a *content*, kept once however many mailboxes hold it. Where it
lies is a *placement* (mailbox, uid) with flags of its own. A *virtual mailbox* has placements too, each of them a *member*
that says which placement of a real mailbox it stands for; they are brought up to date when somebody looks. `content` holds
what a list shows, `facet` what sorting and header search look at, `folded` the text that search reads; apart, so that each
scan touches only its own pages.

Invariants (checked by `verify`): counters of `mailbox` equal what the placements add up to; `content.holders` is the
number of its placements in real mailboxes; a content without holders is waiting for `collect`; every change of a mailbox has a
mod-sequence of its own, taken from the one counter of the account; a uid is never used twice in a mailbox.
"""

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, text
from sqlalchemy.schema import CreateIndex, CreateTable

from server.db.database import Writer
from server.db.schema import Schema

METADATA = MetaData()

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = 1, 2, 4, 8, 16

# Long strings of random characters that nobody looks for by content; a search by the field's name still reads them.
SEALS = frozenset(
    {
        "dkim-signature", "domainkey-signature", "x-google-dkim-signature", "arc-seal", "arc-message-signature",
        "x-gm-message-state", "x-google-smtp-source", "x-ms-exchange-antispam-messagedata-0",
        "x-ms-exchange-crosstenant-userprincipalname", "x-ms-exchange-antispam-messagedata-chunkcount", "autocrypt",
    }
)  # fmt: skip

state = Table(
    "state",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("modseq", Integer, nullable=False),
    Column("uidvalidity", Integer, nullable=False),  # the last one given
    Column("thread", Integer, nullable=False),  # the last one given
    Column("quota", Integer),
    Column("indexed", Integer, nullable=False),  # every content up to this id is in the full-text indexes
)

mailbox = Table(
    "mailbox",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("special_use", String, unique=True),
    Column("uidvalidity", Integer, nullable=False),
    Column("uidnext", Integer, nullable=False),
    Column("highestmodseq", Integer, nullable=False),
    Column("messages", Integer, nullable=False),
    Column("unseen", Integer, nullable=False),
    Column("deleted", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    sqlite_autoincrement=True,  # the id is an object id: RFC 8474 §4.1 forbids to give it to another mailbox
)

# RFC 5464: what clients note down about a mailbox or, without one, about the server. `entry` is in small letters.
annotation = Table(
    "annotation",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE")),
    Column("entry", String, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Index("annotation_entry", "mailbox_id", "entry"),
)

# RFC 5465 §5.6: which annotations were set or removed, and when; the newest few. Mailbox 0 is the server.
annotation_change = Table(
    "annotation_change",
    METADATA,
    Column("mailbox_id", Integer, primary_key=True, autoincrement=False),
    Column("entry", String, primary_key=True),
    Column("modseq", Integer, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# RFC 9051 §6.3.7: a name stays subscribed when its mailbox goes.
subscription = Table("subscription", METADATA, Column("name", String, primary_key=True), sqlite_with_rowid=False)

keyword = Table(
    "keyword",
    METADATA,
    Column("folded", String, primary_key=True),
    Column("name", String, nullable=False),
    sqlite_with_rowid=False,
)

content = Table(
    "content",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("holders", Integer, nullable=False),
    Column("is_object", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("header_size", Integer, nullable=False),
    Column("thread_id", Integer, nullable=False, index=True),
    Column("envelope", LargeBinary, nullable=False),
    Column("bodystructure", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("preview", String, nullable=False),
    Index("content_garbage", "id", sqlite_where=text("holders = 0")),
    sqlite_autoincrement=True,  # `state.indexed` counts on ids that only grow
)

octets = Table(
    "octets",
    METADATA,
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

facet = Table(
    "facet",
    METADATA,
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("sent", Integer),  # NULL: no Date field that can be read
    Column(
        "sent_on", String
    ),  # the day as its sender wrote it, YYYY-MM-DD (RFC 9051 §6.4.4: SENTON disregards the zone)
    Column("message_hash", Integer),  # this and the next: what `lineage` begins with in an account of before it
    Column("parent_hash", Integer),
    Column("subject_hash", Integer),
    Column("participants", String, nullable=False),
    Column("subject_key", String, nullable=False),
    Column("from_key", String, nullable=False),
    Column("to_key", String, nullable=False),
    Column("cc_key", String, nullable=False),
    Column("display_from", String, nullable=False),
    Column("display_to", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("from", String, nullable=False, key="from_"),
    Column("to", String, nullable=False),
    Column("cc", String, nullable=False),
    Column("bcc", String, nullable=False),
    Index("facet_subject", "subject_hash", sqlite_where=text("subject_hash IS NOT NULL")),
)

folded = Table(
    "folded",
    METADATA,
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), primary_key=True),
    Column("head", String, nullable=False),  # every field as "\nname: value", without the seals of `seal`
    Column("body", String, nullable=False),
    Column("seal", String, nullable=False),  # fields that only a search by their name looks at
)

placement = Table(
    "placement",
    METADATA,
    Column("mailbox_id", ForeignKey("mailbox.id"), primary_key=True, autoincrement=False),
    Column("uid", Integer, primary_key=True, autoincrement=False),
    Column("content_id", ForeignKey("content.id"), nullable=False, index=True),
    Column("thread_id", Integer, nullable=False),
    Column("flags", Integer, nullable=False),
    Column("keywords", String, nullable=False),  # " a b " in order of their names; "" for none
    Column("modseq", Integer, nullable=False),
    Column("created", Integer, nullable=False),  # the mod-sequence at which it appeared here
    Column("size", Integer, nullable=False),
    Column("internaldate", Integer, nullable=False),
    Column("savedate", Integer, nullable=False),
    Column("sent", Integer, nullable=False),  # RFC 5256 §2.2: the Date field, or the internal date without one
    Index("placement_modseq", "mailbox_id", "modseq"),
    Index("placement_arrival", "mailbox_id", "internaldate"),
    Index("placement_sent", "mailbox_id", "sent"),
    Index("placement_thread", "mailbox_id", "thread_id", "sent"),
    # The terms stand in queries exactly as here, or SQLite does not see that the index serves them.
    Index("placement_unseen", "mailbox_id", "uid", sqlite_where=text("flags & 1 = 0")),
    Index("placement_flagged", "mailbox_id", "uid", sqlite_where=text("flags & 4 = 4")),
    Index("placement_deleted", "mailbox_id", "uid", sqlite_where=text("flags & 8 = 8")),
    sqlite_with_rowid=False,
)

# RFC 7162 §3.2.10: which uids went, and when. One row for a run of neighbours.
vanished = Table(
    "vanished",
    METADATA,
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("modseq", Integer, primary_key=True, autoincrement=False),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# A mailbox whose messages are those of real ones that a rule picks (`virtual`, `virtual_refresh`).
virtual_mailbox = Table(
    "virtual_mailbox",
    METADATA,
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("rule", String, nullable=False),
    Column("keyword", String),
    Column("seen", Integer, nullable=False),  # what real mailboxes did up to this mod-sequence is in it
    Column("built", Integer),  # messages up to this internal date are in it; NULL once all are
    Column("dropped", Boolean, nullable=False),  # a real mailbox was deleted since
)

# Which message of a real mailbox each message of a virtual one is.
virtual_member = Table(
    "virtual_member",
    METADATA,
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("uid", Integer, primary_key=True, autoincrement=False),
    Column("origin_id", Integer, nullable=False),
    Column("origin_uid", Integer, nullable=False),
    Index("virtual_member_origin", "mailbox_id", "origin_id", "origin_uid", unique=True),
    sqlite_with_rowid=False,
)

# Which conversation a message id belongs to, whether that message is here yet or not.
thread_ref = Table(
    "thread_ref",
    METADATA,
    Column("hash", Integer, primary_key=True, autoincrement=False),
    Column("thread_id", Integer, nullable=False, index=True),
)

# Envelope ids that were delivered, also of messages that are deleted since.
delivered = Table(
    "delivered",
    METADATA,
    Column("envelope", LargeBinary, primary_key=True),
    Column("mailbox_id", Integer, nullable=False),
    Column("uid", Integer, nullable=False),
    Column("uidvalidity", Integer, nullable=False),
    Column("modseq", Integer, nullable=False),
    Column("email_id", String, nullable=False),
    Column("thread_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# RFC 4314: who else may do what with a mailbox. The owner has every right and no row; `grantee` is an account's id, which is never
# given to anybody else, or 0 for everybody with an account here; `negative` rows take rights away.
acl = Table(
    "acl",
    METADATA,
    Column("mailbox_id", ForeignKey("mailbox.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("grantee", Integer, primary_key=True, autoincrement=False),
    Column("negative", Boolean, primary_key=True),
    Column("rights", String, nullable=False),
    sqlite_with_rowid=False,
)

# detail='none' keeps the index at about the size of the text; a match of all trigrams is verified in `folded`.
TRIGRAM = (
    "CREATE VIRTUAL TABLE trigram USING fts5(head, body, content='folded', content_rowid='content_id',"
    " tokenize='trigram case_sensitive 1', detail='none', columnsize=0)"
)
# Two-character words are the rule in Chinese, and shorter than a trigram. `fold.pairs` writes them in ASCII.
BIGRAM = "CREATE VIRTUAL TABLE bigram USING fts5(pairs, content='', tokenize='ascii', detail='none', columnsize=0)"

# What ANALYZE would find in a grown account, given to the planner from the first day: without it SQLite takes a mailbox
# for ten rows and walks through all of it where an index would do. Rows in all, then rows for each prefix of the index.
STATISTICS = (
    ("placement", "placement", "100000 20000 1"),
    ("placement", "ix_placement_content_id", "100000 1"),
    ("placement", "placement_modseq", "100000 20000 1"),
    ("placement", "placement_arrival", "100000 20000 1"),
    ("placement", "placement_sent", "100000 20000 1"),
    ("placement", "placement_thread", "100000 20000 3 1"),
    ("placement", "placement_unseen", "2000 400 1"),
    ("placement", "placement_flagged", "500 100 1"),
    ("placement", "placement_deleted", "100 20 1"),
)
MEMBER_STATISTICS = (
    ("virtual_member", "virtual_member", "100000 20000 1"),
    ("virtual_member", "virtual_member_origin", "100000 20000 4000 1"),
)
_ADD_STATISTICS = "INSERT INTO sqlite_stat1(tbl, idx, stat) VALUES (?, ?, ?)"

DEFAULT_MAILBOXES = (
    ("INBOX", None),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Archive", "\\Archive"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
)


def _access_control(w: Writer) -> None:
    """Version 2: access control lists."""
    w.execute(CreateTable(acl))


def _annotations(w: Writer) -> None:
    """Version 3: annotations."""
    w.execute(CreateTable(annotation, if_not_exists=True))
    for index in annotation.indexes:
        w.execute(CreateIndex(index, if_not_exists=True))


def _annotation_changes(w: Writer) -> None:
    """Version 4: when annotations change."""
    w.execute(CreateTable(annotation_change, if_not_exists=True))
    for index in annotation_change.indexes:
        w.execute(CreateIndex(index, if_not_exists=True))


def _virtual_mailboxes(w: Writer) -> None:
    """Version 5: mailboxes that are views of others. Which there are is arranged when mailboxes are first listed."""
    for table in (virtual_mailbox, virtual_member):
        w.execute(CreateTable(table, if_not_exists=True))
        for index in table.indexes:
            w.execute(CreateIndex(index, if_not_exists=True))
    if w.raw("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone() is None:
        w.raw("ANALYZE virtual_member")  # makes the table of statistics
    w.raw("DELETE FROM sqlite_stat1 WHERE tbl = 'virtual_member'")
    w.raw_many(_ADD_STATISTICS, MEMBER_STATISTICS)


def account_schema(uidvalidity: int) -> Schema:
    """Return the schema; a database that is made now begins with `uidvalidity` (seconds since 1970 will do)."""

    def first(w: Writer) -> None:
        w.raw("ANALYZE")  # makes the table of statistics
        w.raw("DELETE FROM sqlite_stat1")
        w.raw_many(_ADD_STATISTICS, STATISTICS + MEMBER_STATISTICS)
        last = uidvalidity + len(DEFAULT_MAILBOXES) - 1
        w.execute(sa.insert(state), {"id": 1, "modseq": 1, "uidvalidity": last, "thread": 0, "indexed": 0})
        counters = {"uidnext": 1, "highestmodseq": 1, "messages": 0, "unseen": 0, "deleted": 0, "size": 0}
        boxes = [
            {"name": name, "special_use": use, "uidvalidity": uidvalidity + n, **counters}
            for n, (name, use) in enumerate(DEFAULT_MAILBOXES)
        ]
        w.execute(sa.insert(mailbox), boxes)
        w.execute(sa.insert(subscription), [{"name": name} for name, _ in DEFAULT_MAILBOXES])

    return Schema(
        owner="store",
        version=5,
        metadata=METADATA,
        extra=(TRIGRAM, BIGRAM),
        first=first,
        steps={1: _access_control, 2: _annotations, 3: _annotation_changes, 4: _virtual_mailboxes},
    )
