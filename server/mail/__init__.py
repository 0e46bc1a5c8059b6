"""Internet mail as values: RFC 5322, 2045-2047, 2183, 2231, 3464 and the IMAP views of them.

Invariants of the whole package: pure (bytes and values in, bytes and values out), linear in the size of its
input, and no reader raises on any octets whatever; what cannot be read is left out, cut or kept opaque.
"""
