"""The grammar of IMAP, without input or output.

Bytes come in through `fragment` (lines and literals, with limits), become values in `command`, and responses become bytes in
`response`. Nothing here reads a socket, a clock or a database, so all of it can be tested with plain bytes.
"""
