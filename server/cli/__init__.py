"""Commands of the administrator. They work on a running system and on a stopped one: the databases are the only state."""
