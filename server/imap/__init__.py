"""IMAP4rev1 and IMAP4rev2 server (RFC 3501, RFC 9051): bytes to commands in `syntax`, state in `session`, work in `commands`."""
