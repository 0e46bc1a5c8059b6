"""Everything that an account's database file holds, in the order in which it is made."""

from server.db.schema import Schema
from server.store import expunge_log, lineage, popped, schema, unread


def account_schemas(uidvalidity: int) -> tuple[Schema, ...]:
    """Return the schemas; a database that is made now begins with `uidvalidity`."""
    return (schema.account_schema(uidvalidity), popped.SCHEMA, unread.SCHEMA, expunge_log.SCHEMA, lineage.SCHEMA)
