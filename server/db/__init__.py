"""The database layer: transactions as functions, one commit for many writers, errors with names."""
