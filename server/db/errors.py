"""What can go wrong with a database file, as the rest of the product may tell it apart.

The texts are for the log. A peer hears the fixed text of its protocol for the class (temporary failure, no room).
"""


class DatabaseError(Exception):
    """A database did not do what was asked; nothing of the failed transaction is kept."""


class DatabaseFull(DatabaseError):
    """No room is left on the volume (or in a file-size limit)."""


class DatabaseBusy(DatabaseError):
    """Another process holds the write lock for longer than we are willing to wait, or too many writes wait already."""


class DatabaseCorrupt(DatabaseError):
    """The file is damaged or is no database."""


class DatabaseUnwritable(DatabaseError):
    """The file or its folder cannot be read or written: permissions, a read-only volume, an input/output error."""


class DatabaseTooNew(DatabaseError):
    """The file was written by a newer version of the product."""


class DatabaseUnsuitable(DatabaseError):
    """The SQLite library of this Python lacks something that we stand on."""
