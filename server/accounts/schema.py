"""Tables of the directory database that belong to accounts.

Addresses are stored in canonical form (`server.mail.address.canonical`), so that equality in SQL is equality of mailboxes.
Times are seconds since 1970, UTC. Passwords are Argon2id strings; tokens, app passwords, recovery codes and remembered devices
are kept only as SHA-256; the key of a second factor and the keys of SCRAM are sealed (`server.seal`).
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.schema import CreateIndex, CreateTable

from server.db.schema import Schema
from server.db.transaction import Writer

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
    Column("scram", LargeBinary),  # the keys that SCRAM checks the password by; none: until the next plain sign-in
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
    Column("service", String),  # by which protocol an app password was used last
    Column("scram", LargeBinary),  # the keys that SCRAM checks an app password by
    sqlite_autoincrement=True,
)

# A row is there while the second factor is on.
second_factor = Table(
    "second_factor",
    METADATA,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column(
        "last_step", Integer, nullable=False
    ),  # the last time step whose code was accepted; it and older ones are used up
    Column("created", Integer, nullable=False),
)

recovery_code = Table(
    "recovery_code",
    METADATA,
    Column("account_id", ForeignKey("account.id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
)

# What stands in for a code on one browser. It opens nothing: the password is asked for all the same.
remembered_device = Table(
    "remembered_device",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", String, nullable=False),
    Column("peer", String, nullable=False),
    Column("created", Integer, nullable=False),
    Column("last_used", Integer, nullable=False),
    Column("expires", Integer, nullable=False),
    sqlite_autoincrement=True,
)

security_event = Table(
    "security_event",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("at", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("peer", String, nullable=False),  # empty: from the command line
)

# Where mailboxes may be found that others have given rights on. A hint, not a right: those are in the owner's own database
# (`server.store.acl`), and a row too many only costs a look there. `grantee` 0 is everybody with an account here.
shared = Table(
    "shared",
    METADATA,
    Column("owner_id", ForeignKey("account.id"), primary_key=True, autoincrement=False),
    Column("grantee", Integer, primary_key=True, autoincrement=False),
    Index("shared_grantee", "grantee"),
    sqlite_with_rowid=False,
)


def _second_factors(w: Writer) -> None:
    """Version 2: second factors, app passwords, remembered devices."""
    w.raw("ALTER TABLE token ADD COLUMN service VARCHAR")
    for table in (second_factor, recovery_code, remembered_device, security_event):
        w.execute(CreateTable(table))
        for index in table.indexes:
            w.execute(CreateIndex(index))


def _shared_mailboxes(w: Writer) -> None:
    """Version 3: hints to mailboxes that are shared."""
    w.execute(CreateTable(shared))
    for index in shared.indexes:
        w.execute(CreateIndex(index))


def _scram(w: Writer) -> None:
    """Version 4: keys of SCRAM."""
    w.raw("ALTER TABLE account ADD COLUMN scram BLOB")
    w.raw("ALTER TABLE token ADD COLUMN scram BLOB")


SCHEMA = Schema("accounts", 4, METADATA, steps={1: _second_factors, 2: _shared_mailboxes, 3: _scram})
