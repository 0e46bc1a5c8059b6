"""Everything that an account's database file holds, in the order in which it is made."""

from server.db.schema import Schema
from server.store import expunge_log, lineage, popped, recent, schema, unread


def account_schemas(uidvalidity: int) -> tuple[Schema, ...]:
    """Return the schemas; a database that is made now begins with `uidvalidity`."""
    own = schema.account_schema(uidvalidity)
    return (own, popped.SCHEMA, unread.SCHEMA, expunge_log.SCHEMA, lineage.SCHEMA, recent.SCHEMA)
