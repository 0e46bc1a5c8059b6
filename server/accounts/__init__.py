"""Who lives here: domains, accounts, aliases, passwords, tokens. All of it is in the directory database."""
