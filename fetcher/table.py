"""The collector's tables in the directory database: sources, and the ledger of every message seen at one."""

import sqlalchemy as sa

from server.db.schema import Schema

METADATA = sa.MetaData()

source = sa.Table(
    "source",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.Integer, nullable=False, index=True),
    sa.Column("recipient", sa.String, nullable=False),
    sa.Column("protocol", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("tls", sa.String, nullable=False),
    sa.Column("username", sa.String, nullable=False),
    sa.Column("sealed_password", sa.LargeBinary, nullable=False),
    sa.Column("name", sa.String, nullable=False, server_default=""),
    sa.Column("address", sa.String, nullable=False, server_default=""),
    sa.Column("mailbox", sa.String, nullable=False, server_default="INBOX"),
    sa.Column("colour", sa.String, nullable=False, server_default=""),
    sa.Column("leave", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("private_ok", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("state", sa.String, nullable=False, server_default="new"),
    sa.Column("error_code", sa.String),
    sa.Column("error_text", sa.String),
    sa.Column("created", sa.Integer, nullable=False),
    sa.Column("last_run", sa.Integer),
    sa.Column("last_ok", sa.Integer),
    sa.Column("last_found", sa.Integer),
    sa.Column("next_run", sa.Integer),
    sa.Column("wanted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("failing_since", sa.Integer),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("imported", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("progress_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("progress_total", sa.Integer, nullable=False, server_default="0"),
    sa.Column("delivered_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("refused_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("remote_count", sa.Integer, nullable=False, server_default="0"),
    # The listing of the last complete run; while it stays the same there is nothing to do.
    sa.Column("listing_hash", sa.String),
    sa.Column("lease", sa.String),
    sa.Column("lease_until", sa.Integer, nullable=False, server_default="0"),
    # A source's id is part of the envelope ids that make delivery happen once: it must never return.
    sqlite_autoincrement=True,
)
sa.Index("source_due", source.c.next_run, source.c.state, source.c.lease_until)

source_message = sa.Table(
    "source_message",
    METADATA,
    sa.Column("source_id", sa.Integer, primary_key=True),
    sa.Column("uidl", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, server_default="0"),
    sa.Column("size", sa.Integer, nullable=False, server_default="-1"),
    sa.Column("header_hash", sa.String, nullable=False, server_default=""),
    sa.Column("content_hash", sa.String, nullable=False, server_default=""),
    sa.Column("message_id", sa.String),
    sa.Column("first_seen", sa.Integer, nullable=False),
    sa.Column("settled_at", sa.Integer),
    sa.Column("mailbox", sa.String),
    sa.Column("reason_code", sa.String),
    sa.Column("reason_text", sa.String),
    sa.Column("removed_at", sa.Integer),
    sa.Column("absent_since", sa.Integer),
    sqlite_with_rowid=False,
)
sa.Index("source_message_content", source_message.c.source_id, source_message.c.content_hash)
sa.Index("source_message_header", source_message.c.source_id, source_message.c.header_hash)

SCHEMA = Schema(owner="fetcher", version=1, metadata=METADATA)
