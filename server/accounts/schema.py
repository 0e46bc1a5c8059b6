"""Tables of the directory database that belong to accounts.

Addresses are stored in canonical form (`server.mail.address.canonical`), so that equality in SQL is equality of mailboxes.
Times are seconds since 1970, UTC. Passwords are Argon2id strings, tokens are kept only as SHA-256.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, LargeBinary, MetaData, String, Table

from server.db.schema import Schema

METADATA = MetaData()

domain = Table(
    "domain",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("created", Integer, nullable=False),
)

account = Table(
    "account",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("domain_id", ForeignKey("domain.id"), nullable=False),
    Column("address", String, nullable=False, unique=True),
    Column("name", String, nullable=False, default=""),
    Column("password", String, nullable=False),
    Column("admin", Boolean, nullable=False, default=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("quota", Integer),
    Column("created", Integer, nullable=False),
    # An id names a folder of mail; a deleted account's id must never be given to somebody else.
    sqlite_autoincrement=True,
)

alias = Table(
    "alias",
    METADATA,
    Column("address", String, primary_key=True),  # "@domain" catches everything else of that domain
    Column("account_id", ForeignKey("account.id"), primary_key=True),
)

setting = Table(
    "setting",
    METADATA,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

token = Table(
    "token",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("label", String, nullable=False),
    Column("peer", String, nullable=False),
    Column("created", Integer, nullable=False),
    Column("last_used", Integer, nullable=False),
    Column("expires", Integer, nullable=False),
    sqlite_autoincrement=True,
)

SCHEMA = Schema("accounts", 1, METADATA)
