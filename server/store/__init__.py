"""The mail store: mailboxes, messages, flags, changes and search of one account, as functions of a transaction."""
