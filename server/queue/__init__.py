"""The outbound queue: what was accepted for other people is here until it is delivered, returned or cancelled.

Invariants: `submit` returns only when octets and rows are on disk; every recipient ends as delivered, returned to the
sender or visible in the list; a crash costs at most one duplicate and never a message. Who delivers is a `Transport`
given from outside, so this package knows neither the store nor LMTP.
"""
