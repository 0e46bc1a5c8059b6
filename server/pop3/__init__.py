"""The POP3 server (RFC 1939, 2449, 2595, 5034): a snapshot of INBOX for one client at a time.

`syntax` and `sasl` turn lines into values, `session` decides what a line means without doing anything, `connection` does it.
"""
